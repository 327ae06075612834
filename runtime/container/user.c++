#include "runtime/container/user.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace meridian::container {

namespace {

// The sentence becomes the detail of an exit, as it is.
[[noreturn]] void refuse(const std::string& sentence) {
  kj::throwFatalException(kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__,
                                        kj::heapString(sentence.c_str())));
}

std::optional<uint32_t> parseId(const std::string& text) {
  uint32_t id;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t start = 0; start <= text.size();) {
    auto end = std::min(text.find(separator, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// The first line whose fields satisfy the predicate.
template <typename Predicate>
std::optional<std::vector<std::string>> findLine(const std::string& file, size_t fieldsMin,
                                                 Predicate&& predicate) {
  for (auto& line: split(file, '\n')) {
    auto fields = split(line, ':');
    if (fields.size() >= fieldsMin && predicate(fields)) return fields;
  }
  return std::nullopt;
}

// passwd: name:password:uid:gid:...          group: name:password:gid:members
constexpr size_t NAME = 0, ID = 2, USER_GID = 3, MEMBERS = 3;

uint32_t lookUpGroup(const std::string& text, const std::string& group) {
  if (auto gid = parseId(text)) return *gid;
  auto line = findLine(group, ID + 1,
                       [&](auto& fields) { return fields[NAME] == text && parseId(fields[ID]); });
  if (!line) refuse("the image's /etc/group has no group \"" + text + "\"");
  return *parseId((*line)[ID]);
}

std::vector<uint32_t> groupsOf(const std::string& user, const std::string& group) {
  std::vector<uint32_t> groups;
  for (auto& line: split(group, '\n')) {
    auto fields = split(line, ':');
    if (fields.size() <= MEMBERS) continue;
    auto members = split(fields[MEMBERS], ',');
    auto gid = parseId(fields[ID]);
    if (gid && std::find(members.begin(), members.end(), user) != members.end())
      groups.push_back(*gid);
  }
  return groups;
}

}  // namespace

User lookUpUser(const std::string& text, const std::string& passwd, const std::string& group) {
  if (text.empty()) return {};
  auto colon = std::min(text.find(':'), text.size());
  auto name = text.substr(0, colon);
  auto uid = parseId(name);
  auto line = findLine(passwd, USER_GID + 1, [&](auto& fields) {
    return (uid ? parseId(fields[ID]) == uid : fields[NAME] == name && parseId(fields[ID])) &&
           parseId(fields[USER_GID]);
  });
  if (!uid && !line) refuse("the image's /etc/passwd has no user \"" + name + "\"");
  User user{uid ? *uid : *parseId((*line)[ID]), line ? *parseId((*line)[USER_GID]) : 0, {}};
  if (colon < text.size()) {
    user.gid = lookUpGroup(text.substr(colon + 1), group);
  } else if (line) {
    user.groups = groupsOf((*line)[NAME], group);
  }
  return user;
}

std::string readImageFile(const std::vector<std::string>& layers, const std::string& path) {
  for (auto& layer: layers) {
    int root;
    KJ_SYSCALL(root = open(layer.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), layer);
    kj::AutoCloseFd rootFd(root);
    struct open_how how = {};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    kj::AutoCloseFd fd(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how)));
    struct stat info;
    if (fd.get() < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) continue;
    std::string content(std::min<size_t>(info.st_size, IMAGE_FILE_BYTES_MAX), 0);
    ssize_t bytes;
    KJ_SYSCALL(bytes = pread(fd, content.data(), content.size(), 0), path);
    content.resize(bytes);
    return content;
  }
  return "";
}

}  // namespace meridian::container
