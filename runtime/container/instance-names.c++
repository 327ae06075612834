#include "runtime/container/instance-names.h"

#include <kj/debug.h>
#include <limits.h>

#include <algorithm>
#include <charconv>

#include "runtime/container/subnet.h"

namespace meridian::container {

namespace {

constexpr size_t HOSTNAME_BYTES_MAX = 63;
constexpr size_t CGROUP_BYTES_MAX = 100;

bool isLetterOrDigit(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9');
}

template <typename Number>
std::optional<Number> parseNumber(std::string_view text) {
  Number number;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::vector<uint16_t>> parsePorts(std::string_view text) {
  std::vector<uint16_t> ports;
  while (!text.empty()) {
    auto part = text.substr(0, text.find(','));
    auto port = parseNumber<uint16_t>(part);
    if (!port) return std::nullopt;
    ports.push_back(*port);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return ports;
}

}  // namespace

std::string fileNameOf(std::string_view text) {
  constexpr char DIGITS[] = "0123456789ABCDEF";
  std::string name;
  for (unsigned char byte: text) {
    bool plain = isLetterOrDigit(byte) || byte == '_' || byte == '~' || byte == '-' ||
                 (byte == '.' && !name.empty());
    if (plain) {
      name += byte;
    } else {
      name += {'%', DIGITS[byte >> 4], DIGITS[byte & 15]};
    }
  }
  KJ_REQUIRE(!name.empty() && name.size() <= NAME_MAX, "a name cannot be kept as a file",
             text.size());
  return name;
}

std::string logFolderOf(const std::string& logs, const ContainerId& container) {
  return logs + "/" + fileNameOf(container.containerClass.value()) + "/" + fileNameOf(container.id);
}

std::string hostnameOf(std::string_view id) {
  std::string hostname;
  for (char byte: id.substr(0, HOSTNAME_BYTES_MAX)) {
    bool upper = byte >= 'A' && byte <= 'Z';
    hostname += upper ? static_cast<char>(byte + ('a' - 'A')) : isLetterOrDigit(byte) ? byte : '-';
  }
  auto first = hostname.find_first_not_of('-');
  if (first == std::string::npos) return "instance";
  return hostname.substr(first, hostname.find_last_not_of('-') - first + 1);
}

std::string cgroupNameOf(uint64_t disk, const ContainerId& container) {
  auto name = std::to_string(disk) + "-" + container.containerClass.value() + "-" + container.id;
  std::replace_if(
      name.begin(), name.end(), [](char byte) { return !isLetterOrDigit(byte) && byte != '-'; },
      '_');
  return name.substr(0, CGROUP_BYTES_MAX);
}

std::string toText(const InstanceTag& tag) {
  auto text = "disk=" + std::to_string(tag.disk) + " address=" + addressText(tag.address);
  for (size_t i = 0; i < tag.ports.size(); i++)
    text += (i == 0 ? " ports=" : ",") + std::to_string(tag.ports[i]);
  return text;
}

std::optional<InstanceTag> parseTag(std::string_view text) {
  InstanceTag tag;
  while (!text.empty()) {
    auto part = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    auto equals = std::min(part.find('='), part.size());
    auto value = part.substr(std::min(equals + 1, part.size()));
    if (part.starts_with("disk=")) {
      tag.disk = parseNumber<uint64_t>(value).value_or(0);
    } else if (part.starts_with("address=")) {
      tag.address = parseAddress(std::string(value)).value_or(0);
    } else if (part.starts_with("ports=")) {
      auto ports = parsePorts(value);
      if (!ports) return std::nullopt;
      tag.ports = *ports;
    }
  }
  if (tag.disk == 0 || tag.address == 0) return std::nullopt;
  return tag;
}

}  // namespace meridian::container
