// Address: the name of a durable actor: its kind, which is the short name of its Cap'n Proto interface ("Supervisor"), and a
// name that is unique within the kind ("Sandbox/alice").
#pragma once

#include <capnp/schema.h>

#include <functional>
#include <string>

namespace meridian::actor {

struct Address {
  std::string kind;
  std::string name;

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;
};

inline std::string toText(const Address& address) { return address.kind + ":" + address.name; }

template <typename Interface>
std::string kindOf() {
  return capnp::Schema::from<Interface>().getShortDisplayName().cStr();
}

}  // namespace meridian::actor

template <>
struct std::hash<meridian::actor::Address> {
  size_t operator()(const meridian::actor::Address& address) const {
    return std::hash<std::string>()(address.name) * 31 + std::hash<std::string>()(address.kind);
  }
};
