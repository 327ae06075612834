// Strong<Tag, T>: a value with a name. Explicit in, explicit out, no conversion between two of them, so that a generation
// is never taken for an LSN. A value type: copied, compared, hashed, ordered.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace meridian {

template <typename Tag, typename T>
class Strong {
 public:
  using Value = T;

  Strong() = default;
  explicit Strong(T value): value_(std::move(value)) {}

  const T& value() const { return value_; }

  friend bool operator==(const Strong&, const Strong&) = default;
  friend auto operator<=>(const Strong&, const Strong&) = default;

 private:
  T value_{};
};

}  // namespace meridian

template <typename Tag, typename T>
struct std::hash<meridian::Strong<Tag, T>> {
  size_t operator()(const meridian::Strong<Tag, T>& strong) const {
    return std::hash<T>()(strong.value());
  }
};
