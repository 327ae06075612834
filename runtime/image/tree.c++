#include "runtime/image/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/image/image-refused.h"

namespace meridian::image {

namespace {

[[noreturn]] void refuse(const TreePath& path, const std::string& why) {
  throw ImageRefused("image entry \"" + path.text() + "\": " + why);
}

[[noreturn]] void refuseErrno(const TreePath& path, const char* step) {
  refuse(path, std::string(step) + ": " + strerror(errno));
}

int openBeneath(int root, const std::string& path, int flags) {
  struct open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof(how));
}

void setAttributes(int fd, const TreePath& path, const Attributes& attributes) {
  // The owner first: changing it takes set-id bits and file capabilities away.
  if (fchown(fd, attributes.uid, attributes.gid) != 0) refuseErrno(path, "chown");
  if (fchmod(fd, attributes.mode & 07777) != 0) refuseErrno(path, "chmod");
  for (auto& [name, value]: attributes.xattrs) {
    if (fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
      refuseErrno(path, ("extended attribute " + name).c_str());
    }
  }
  struct timespec times[2] = {attributes.modified, attributes.modified};
  if (futimens(fd, times) != 0) refuseErrno(path, "utimensat");
}

// Takes away a whole subtree that is known to be inside: nothing is followed.
void removeAll(int parent, const TreePath& path) {
  if (unlinkat(parent, path.name().c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) refuseErrno(path, "unlink");
  int fd = openat(parent, path.name().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) refuseErrno(path, "open");
  DIR* folder = fdopendir(fd);
  KJ_DEFER(closedir(folder));
  while (auto entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") removeAll(fd, path.child(name));
  }
  if (unlinkat(parent, path.name().c_str(), AT_REMOVEDIR) != 0) refuseErrno(path, "rmdir");
}

// Whether nothing was kept.
bool removeUnkept(int parent, const TreePath& path, const Tree::Keep& keep) {
  int fd = openat(parent, path.name().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return true;
    if (keep(path)) return false;
    if (unlinkat(parent, path.name().c_str(), 0) != 0) refuseErrno(path, "unlink");
    return true;
  }
  DIR* folder = fdopendir(fd);
  KJ_DEFER(closedir(folder));
  bool empty = true;
  while (auto entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (name != "." && name != ".." && !removeUnkept(fd, path.child(name), keep)) empty = false;
  }
  if (!empty || keep(path)) return false;
  if (unlinkat(parent, path.name().c_str(), AT_REMOVEDIR) != 0) refuseErrno(path, "rmdir");
  return true;
}

}  // namespace

TreePath TreePath::parse(std::string_view text) {
  TreePath path;
  auto refuseText = [&](const char* why) {
    throw ImageRefused("image entry \"" + std::string(text) + "\": " + why);
  };
  if (text.starts_with('/')) refuseText("an absolute path leads outside the image");
  for (size_t start = 0; start <= text.size();) {
    auto end = std::min(text.find('/', start), text.size());
    auto part = text.substr(start, end - start);
    if (part == "..") refuseText("a path with \"..\" leads outside the image");
    if (part.find('\0') != std::string_view::npos) refuseText("the path contains a NUL byte");
    if (!part.empty() && part != ".") path.parts_.emplace_back(part);
    start = end + 1;
  }
  if (path.parts_.size() > TREE_DEPTH_MAX) refuseText("the path is deeper than 256 folders");
  return path;
}

TreePath TreePath::parent() const {
  TreePath parent = *this;
  parent.parts_.pop_back();
  return parent;
}

TreePath TreePath::child(const std::string& name) const {
  TreePath child = *this;
  child.parts_.push_back(name);
  return child;
}

std::string TreePath::text() const {
  std::string text;
  for (auto& part: parts_) text += (text.empty() ? "" : "/") + part;
  return text;
}

Tree::Tree(const std::string& root): root_(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (root_ < 0) throw ImageRefused("folder " + root + " cannot be opened: " + strerror(errno));
}

Tree::~Tree() { close(root_); }

int Tree::openFolder(const TreePath& path) {
  int fd = openBeneath(root_, path.text(), O_RDONLY | O_DIRECTORY);
  if (fd >= 0 || errno == ENOENT) return fd;
  if (errno == EXDEV) refuse(path, "the path leads outside the image through a symbolic link");
  refuseErrno(path, "open");
}

int Tree::openOrMakeFolder(const TreePath& path) {
  int fd = openFolder(path);
  if (fd >= 0) return fd;
  kj::AutoCloseFd parent(openOrMakeFolder(path.parent()));
  if (mkdirat(parent, path.name().c_str(), 0755) != 0) refuseErrno(path, "mkdir");
  return openFolder(path);
}

void Tree::makeFolder(const TreePath& path, const Attributes& attributes) {
  if (path.isRoot()) return setAttributes(root_, path, attributes);
  kj::AutoCloseFd parent(openOrMakeFolder(path.parent()));
  struct stat info;
  bool isFolder = fstatat(parent, path.name().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                  S_ISDIR(info.st_mode);
  if (!isFolder) {
    removeAll(parent, path);
    if (mkdirat(parent, path.name().c_str(), 0700) != 0) refuseErrno(path, "mkdir");
  }
  kj::AutoCloseFd fd(
      openat(parent, path.name().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0) refuseErrno(path, "open");
  setAttributes(fd, path, attributes);
}

void Tree::makeFile(const TreePath& path, const Attributes& attributes,
                    const std::function<void(int fd)>& writeContent) {
  if (path.isRoot()) refuse(path, "the root must be a folder");
  kj::AutoCloseFd parent(openOrMakeFolder(path.parent()));
  removeAll(parent, path);
  kj::AutoCloseFd fd(openat(parent, path.name().c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd.get() < 0) refuseErrno(path, "create");
  writeContent(fd);
  setAttributes(fd, path, attributes);
}

void Tree::makeSymlink(const TreePath& path, const Attributes& attributes,
                       const std::string& target) {
  if (path.isRoot()) refuse(path, "the root must be a folder");
  kj::AutoCloseFd parent(openOrMakeFolder(path.parent()));
  removeAll(parent, path);
  auto name = path.name().c_str();
  if (symlinkat(target.c_str(), parent, name) != 0) refuseErrno(path, "symlink");
  if (fchownat(parent, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0)
    refuseErrno(path, "chown");
}

void Tree::makeNode(const TreePath& path, const Attributes& attributes, mode_t type, dev_t device) {
  if (path.isRoot()) refuse(path, "the root must be a folder");
  kj::AutoCloseFd parent(openOrMakeFolder(path.parent()));
  removeAll(parent, path);
  auto name = path.name().c_str();
  if (mknodat(parent, name, type | 0600, device) != 0) refuseErrno(path, "mknod");
  if (fchownat(parent, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0)
    refuseErrno(path, "chown");
  if (fchmodat(parent, name, attributes.mode & 07777, 0) != 0) refuseErrno(path, "chmod");
}

void Tree::makeHardlink(const TreePath& path, const TreePath& target) {
  if (path.isRoot() || target.isRoot()) refuse(path, "a hard link to or at the root");
  if (path.text() == target.text()) return;
  kj::AutoCloseFd from(openFolder(target.parent()));
  if (from.get() < 0) refuse(path, "its hard link target \"" + target.text() + "\" does not exist");
  kj::AutoCloseFd parent(openOrMakeFolder(path.parent()));
  removeAll(parent, path);
  if (linkat(from, target.name().c_str(), parent, path.name().c_str(), 0) != 0) {
    refuseErrno(path, ("hard link to \"" + target.text() + "\"").c_str());
  }
}

void Tree::remove(const TreePath& path, const Keep& keep) {
  if (path.isRoot()) refuse(path, "the root cannot be removed");
  int fd = openFolder(path.parent());
  if (fd < 0) return;
  kj::AutoCloseFd parent(fd);
  removeUnkept(parent, path, keep);
}

void Tree::removeContent(const TreePath& folder, const Keep& keep) {
  int fd = openFolder(folder);
  if (fd < 0) return;
  DIR* entries = fdopendir(fd);
  KJ_DEFER(closedir(entries));
  while (auto entry = readdir(entries)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") removeUnkept(fd, folder.child(name), keep);
  }
}

void Tree::sync() {
  if (syncfs(root_) != 0)
    throw ImageRefused(std::string("unpacked image could not be synced: ") + strerror(errno));
}

}  // namespace meridian::image
