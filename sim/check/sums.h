// Sums: what somebody outside knows of sums that only grow. What was acknowledged is in a sum, what was refused is not, and what is in
// doubt may be. A value that was told once, by whatever way, was durable by then and never goes back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sim/world/stage.h"

namespace meridian::sim {

class Sums {
 public:
  // `durable` looks at the disk.
  Sums(Stage& stage, std::function<int64_t(const std::string& name)> durable): stage_(stage), durable_(std::move(durable)) {}

  // To add so much to a sum, or nothing: in doubt, until somebody says otherwise.
  struct Attempt {
    std::string name;
    int64_t by;
    int64_t floor;             // the sum was at least this when it began
  };
  Attempt begin(const std::string& name, int64_t by);

  void acknowledged(const Attempt& attempt);
  void refused(const Attempt& attempt);

  // The answer to the attempt says that the sum has reached this.
  void answered(const Attempt& attempt, int64_t value);

  // Something that left the store says so.
  void told(const std::string& name, int64_t value);

  // The sum, when nothing is under way.
  void requireFinal(const std::string& name, int64_t value);

 private:
  struct Sum {
    int64_t acknowledged = 0;
    int64_t inDoubt = 0;
    int64_t seen = 0;
  };

  Stage& stage_;
  std::function<int64_t(const std::string&)> durable_;
  std::map<std::string, Sum> sums_;
};

}  // namespace meridian::sim
