// The words of DESIGN section 2 as types: what identifies a thing. All are values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/strong.h"

namespace meridian {

using LocationId = Strong<struct LocationTag, std::string>;
using MachineId = Strong<struct MachineTag, std::string>;
using GatewayId = Strong<struct GatewayTag, std::string>;
using ClassName = Strong<struct ClassTag, std::string>;

// A number per ID that only grows; durable before use; carried by every effect. 0 means "never started".
using Generation = Strong<struct GenerationTag, uint64_t>;

// The number of a write set in its store; consecutive from 1. 0 means "depends on nothing".
using Lsn = Strong<struct LsnTag, uint64_t>;

// Names one waiting caller of one activation. Never stored: a token dies with its activation.
using CallToken = Strong<struct CallTokenTag, uint64_t>;

inline Generation next(Generation generation) { return Generation(generation.value() + 1); }

// The name of one container within a platform. Its text form is `class/id`.
struct ContainerId {
  ClassName containerClass;
  std::string id;

  friend bool operator==(const ContainerId&, const ContainerId&) = default;
  friend auto operator<=>(const ContainerId&, const ContainerId&) = default;
};

inline std::string toText(const ContainerId& container) {
  return container.containerClass.value() + "/" + container.id;
}

// Whether the text can name a container, class, application, machine, location or gateway: 1 to NAME_MAX_BYTES of
// [A-Za-z0-9._~-], and neither "." nor "..".
inline constexpr size_t NAME_MAX_BYTES = 128;
bool isName(std::string_view text);

// The inverse of toText: splits at the first '/'. Callers have checked that there is one.
ContainerId containerIdFromText(const std::string& text);

}  // namespace meridian
