#include "runtime/cli/arguments.h"

#include <charconv>
#include <cmath>
#include <csignal>
#include <cstring>

#include "runtime/cli/failure.h"

namespace meridian::cli {

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& text,
                         const std::string& allowed) {
  throw Failure("bad " + what + " \"" + text + "\"; allowed: " + allowed);
}

template <typename Number>
std::optional<Number> parseNumber(std::string_view text) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

ContainerId parseContainer(const std::string& text) {
  auto slash = text.find('/');
  if (slash == std::string::npos || !isName(text.substr(0, slash)) ||
      !isName(text.substr(slash + 1))) {
    refuse("CLASS/ID", text, "a class and an ID, each 1 to " + std::to_string(NAME_MAX_BYTES) +
                                 " of [A-Za-z0-9._~-], as Sandbox/alice");
  }
  return containerIdFromText(text);
}

std::pair<std::string, std::string> parseEnv(const std::string& text) {
  auto equals = text.find('=');
  if (equals == std::string::npos) refuse("--env", text, "NAME=VALUE");
  std::string name = text.substr(0, equals);
  if (auto fault = findEnvNameFault(name)) {
    refuse("--env", text, "NAME=VALUE with another name (" + std::string(*fault) + ")");
  }
  return {name, text.substr(equals + 1)};
}

int parseSignal(const std::string& text) {
  if (auto number = parseNumber<int>(text); number && *number >= 1 && *number <= SIGRTMAX) {
    return *number;
  }
  std::string name = text.starts_with("SIG") ? text.substr(3) : text;
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  refuse("--signal", text, "a name as SIGTERM or TERM, or a number from 1 to " +
                               std::to_string(SIGRTMAX));
}

HttpAddress parseHttpAddress(const std::string& text) {
  auto colon = text.rfind(':');
  std::optional<uint16_t> port;
  if (colon != std::string::npos && colon > 0) {
    port = parseNumber<uint16_t>(std::string_view(text).substr(colon + 1));
  }
  if (!port) refuse("--http", text, "HOST:PORT with a port from 0 to 65535, 0 picks a free one");
  return {text.substr(0, colon), *port};
}

Capacity parseCapacity(const std::string& text) {
  constexpr double VCPU_MAX = 1 << 20;
  auto fail = [&text]() {
    refuse("--capacity", text, "vcpu=N,memory_mib=N,disk_mb=N, any of them once, each N above 0");
  };
  // Sets what is not set yet.
  auto set = [&fail](auto& field, uint64_t value) {
    if (field || value == 0) fail();
    field.emplace(value);
  };
  Capacity capacity;
  std::string_view rest = text;
  for (bool more = true; more;) {
    auto part = rest.substr(0, rest.find(','));
    more = part.size() < rest.size();
    if (more) rest.remove_prefix(part.size() + 1);
    auto equals = part.find('=');
    if (equals == std::string_view::npos) fail();
    auto key = part.substr(0, equals);
    auto value = part.substr(equals + 1);
    if (key == "vcpu") {
      auto vcpu = parseNumber<double>(value);
      if (!vcpu || !(*vcpu > 0 && *vcpu <= VCPU_MAX)) fail();
      set(capacity.cpu, std::llround(*vcpu * 1e6));
    } else if (key == "memory_mib") {
      set(capacity.memory, parseNumber<uint64_t>(value).value_or(0));
    } else if (key == "disk_mb") {
      set(capacity.disk, parseNumber<uint64_t>(value).value_or(0));
    } else {
      fail();
    }
  }
  return capacity;
}

}  // namespace meridian::cli
