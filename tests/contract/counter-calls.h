// Calls of the toy counter as the contract tests make them.
#pragma once

#include "tests/contract/toy.capnp.h"

namespace meridian::toy {

inline kj::Promise<int64_t> incremented(Counter::Client counter, int64_t by) {
  auto request = counter.incrementRequest();
  request.setBy(by);
  return request.send().then([](auto&& answer) { return answer.getValue(); });
}

inline kj::Promise<int64_t> value(Counter::Client counter) {
  return counter.getRequest().send().then([](auto&& answer) { return answer.getValue(); });
}

inline kj::Promise<bool> failing(Counter::Client counter, How how) {
  auto request = counter.failRequest();
  request.setHow(how);
  return request.send().then([](auto&&) { return true; });
}

}  // namespace meridian::toy
