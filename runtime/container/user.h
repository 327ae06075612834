// User: who an instance's processes are, looked up by name in the image's own /etc/passwd and
// /etc/group, as it stands at the launch.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace meridian::container {

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // supplementary

  friend bool operator==(const User&, const User&) = default;
};

// `text` is a name or a number, with `:` and a group's name or number if it is to be another than
// the user's own; empty is root. Without an explicit group, the supplementary groups are those that
// name the user. The others are the files' contents, empty when the image has none; lines that do
// not parse are skipped. Throws kj::Exception for a name that is not there.
User lookUpUser(const std::string& text, const std::string& passwd, const std::string& group);

// A file of an image, its path resolved as if the first folder that has it were the root, so no
// link leads outside. Empty when none has it, and beyond FILE_BYTES_MAX cut off.
inline constexpr size_t IMAGE_FILE_BYTES_MAX = 1 << 20;
std::string readImageFile(const std::vector<std::string>& layers, const std::string& path);

}  // namespace meridian::container
