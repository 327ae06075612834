#include "sim/check/orders.h"

namespace meridian::sim {

uint64_t Orders::given(const std::string& bell) {
  auto number = orders_.size() + 1;
  orders_.emplace(number, Order{bell, ++moment_});
  return number;
}

void Orders::acknowledged(uint64_t order) { orders_.at(order).ended = ++moment_; }

void Orders::refused(uint64_t order) { orders_.at(order).isRefused = true; }

bool Orders::isVoid(const Order& order) const {
  if (order.isRefused) return true;
  for (auto& [number, other]: orders_) {
    if (other.bell == order.bell && other.ended != UINT64_MAX && other.begun > order.ended) return true;
  }
  return false;
}

void Orders::heard(const Ring& ring) {
  auto text = ring.bell + " rings for order " + std::to_string(ring.order) + ", try " + std::to_string(ring.tries + 1);
  stage_.say("bells", text);
  if (ring.now < ring.due) stage_.verdict.wrong("early-alarm", text + ", " + std::to_string(toMs(ring.due - ring.now)) + " ms early");
  if (ring.tries >= TRIES_MAX) stage_.verdict.wrong("alarm-tries", text);
  auto found = orders_.find(ring.order);
  if (found == orders_.end()) return stage_.verdict.wrong("void-alarm", text + ", which nobody gave");
  if (isVoid(found->second)) stage_.verdict.wrong("void-alarm", text + ", which is void");
  found->second.rings.push_back(ring.now);
}

void Orders::requireAtRest(const std::string& bell, uint64_t order, uint32_t owed) {
  auto found = orders_.find(order);
  if (found == orders_.end()) {
    for (auto& [number, other]: orders_) {
      if (other.bell == bell && other.ended != UINT64_MAX) stage_.verdict.wrong("lost-order", bell + " knows of none");
    }
    return;
  }
  if (isVoid(found->second)) stage_.verdict.wrong("lost-order", bell + " obeys order " + std::to_string(order) + ", which is void");
  if (owed > 0) stage_.verdict.wrong("lost-alarm", bell + " rests and owes " + std::to_string(owed) + " rings of order " + std::to_string(order));
}

std::vector<Instant> Orders::ringsOf(uint64_t order) const { return orders_.at(order).rings; }

}  // namespace meridian::sim
