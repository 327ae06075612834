// For exhaustive tests: proof that the samples leave no alternative of a variant out.
#pragma once

#include <set>
#include <variant>
#include <vector>

namespace meridian::tests {

template <typename Variant>
bool coversAllAlternatives(const std::vector<Variant>& samples) {
  std::set<size_t> seen;
  for (auto& sample: samples) seen.insert(sample.index());
  return seen.size() == std::variant_size_v<Variant>;
}

}  // namespace meridian::tests
