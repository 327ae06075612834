// Match: one lambda for each alternative of a std::variant. There is no catch-all on purpose: a new state or message must
// be answered wherever it can arrive, and the compiler names the places.
#pragma once

#include <variant>

namespace meridian {

template <typename... Lambdas>
struct Match: Lambdas... {
  using Lambdas::operator()...;
};

template <typename... Lambdas>
Match(Lambdas...) -> Match<Lambdas...>;

}  // namespace meridian
