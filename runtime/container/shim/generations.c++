#include "runtime/container/shim/generations.h"

namespace meridian::shim {

void Generations::remember(const ContainerId& container, Generation generation) {
  auto [found, fresh] = entries_.try_emplace(container);
  if (!fresh) byTurn_.erase(found->second.turn);
  found->second = {generation, nextTurn_};
  byTurn_.emplace(nextTurn_++, container);
  if (entries_.size() <= CAPACITY) return;
  entries_.erase(byTurn_.begin()->second);
  byTurn_.erase(byTurn_.begin());
}

Generation Generations::last(const ContainerId& container) const {
  auto found = entries_.find(container);
  return found == entries_.end() ? Generation(0) : found->second.generation;
}

}  // namespace meridian::shim
