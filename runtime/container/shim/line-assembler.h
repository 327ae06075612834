// LineAssembler: one output stream of an instance, cut into the entries of its log (runtime/container/log-format.h).
#pragma once

#include <string>
#include <string_view>

#include "runtime/container/log-format.h"

namespace meridian::shim {

class LineAssembler {
 public:
  LineAssembler(container::LogStream stream, Generation generation): stream_(stream), generation_(generation) {}

  // Appends to `out` the entries that `bytes`, read at `now`, complete. What is left is kept, at most LOG_TEXT_MAX bytes.
  void feed(std::string_view bytes, Instant now, std::string& out);

  // The stream has ended: what is left is an entry too.
  void finish(std::string& out);

 private:
  container::LogStream stream_;
  Generation generation_;
  std::string partial_;
  Instant partialAt_;  // when its first byte was read
};

}  // namespace meridian::shim
