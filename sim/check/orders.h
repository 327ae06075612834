// Orders: which orders bells were given, and which of them may still stand. An order that was acknowledged before another was given,
// and that other was acknowledged too, is void.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/toys/bell-actor.h"
#include "sim/world/stage.h"

namespace meridian::sim {

class Orders {
 public:
  explicit Orders(Stage& stage): stage_(stage) {}

  uint64_t given(const std::string& bell);
  void acknowledged(uint64_t order);
  void refused(uint64_t order);

  // A bell's alarm has come.
  void heard(const Ring& ring);

  // The bell is at rest: nothing is to come any more.
  void requireAtRest(const std::string& bell, uint64_t order, uint32_t owed);

  // When the bell rang since this order, by its server's clock.
  std::vector<Instant> ringsOf(uint64_t order) const;

 private:
  static constexpr uint32_t TRIES_MAX = 6;

  struct Order {
    std::string bell;
    uint64_t begun;
    uint64_t ended = UINT64_MAX;        // acknowledged
    bool isRefused = false;
    std::vector<Instant> rings;
  };

  // Whether a later one has taken its place.
  bool isVoid(const Order& order) const;

  Stage& stage_;
  std::map<uint64_t, Order> orders_;
  uint64_t moment_ = 0;
};

}  // namespace meridian::sim
