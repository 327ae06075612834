// What an instance's things on the machine are called: its log folder, its cgroup, its host name,
// and the tag by which a restarted platform finds its disk and address again. IDs are never file
// names as they come. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/instance.h"

namespace meridian::container {

// A file name from which the text can be told again, never "." or "..", nor hidden: what isName()
// allows stays as it is, except a dot in front, and any other byte becomes %XX. Texts that no file
// name can hold are refused (kj::Exception).
std::string fileNameOf(std::string_view text);

// `logs/CLASS/ID`, for all generations.
std::string logFolderOf(const std::string& logs, const ContainerId& container);

// Lower-case letters, digits and hyphens, at most 63. Different IDs may get the same one.
std::string hostnameOf(std::string_view id);

// Unique because the disk's number is; the rest is for people who look at the cgroup tree.
std::string cgroupNameOf(uint64_t disk, const ContainerId& container);

// Kept by the shim with the instance.
struct InstanceTag {
  uint64_t disk = 0;
  uint32_t address = 0;         // IPv4, host byte order
  std::vector<uint16_t> ports;  // each must accept before the instance is ready

  friend bool operator==(const InstanceTag&, const InstanceTag&) = default;
};

// "disk=17 address=10.7.0.2 ports=8080,9090"
std::string toText(const InstanceTag& tag);

// Nothing when it is not a tag of ours.
std::optional<InstanceTag> parseTag(std::string_view text);

}  // namespace meridian::container
