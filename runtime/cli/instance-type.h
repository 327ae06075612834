// The named sizes of an instance. The names follow wrangler's, so that a configuration means the same here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/units.h"

namespace meridian::cli {

inline constexpr std::string_view INSTANCE_TYPE_DEFAULT = "lite";

std::optional<Resources> findInstanceType(std::string_view name);

// "lite, dev, basic, ...": for errors.
std::string instanceTypeNames();

}  // namespace meridian::cli
