// The values that arguments of the command line may have. Each function throws Failure, which names the value and what is
// allowed.
#pragma once

#include <string>
#include <utility>

#include "runtime/base/names.h"
#include "runtime/cli/platform.h"

namespace meridian::cli {

// CLASS/ID
ContainerId parseContainer(const std::string& text);

// NAME=VALUE
std::pair<std::string, std::string> parseEnv(const std::string& text);

// TERM, SIGTERM or 15
int parseSignal(const std::string& text);

// HOST:PORT
HttpAddress parseHttpAddress(const std::string& text);

// vcpu=N,memory_mib=N,disk_mb=N, each at most once and none of them needed
Capacity parseCapacity(const std::string& text);

}  // namespace meridian::cli
