// Tree: a folder that an image is unpacked into, written by paths that are not trusted. No path
// leads outside: absolute paths and ".." are refused as text, and the kernel resolves the rest
// beneath the root (openat2 with RESOLVE_BENEATH), so that a symbolic link can neither lead a later
// entry out nor be followed to a hard link's target. Links that stay inside are followed in the
// middle of a path, never at its end. Throws ImageRefused. Used on one thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::image {

inline constexpr size_t TREE_DEPTH_MAX = 256;  // components of a path

// Checked: relative, no "..", no empty component. The empty path is the root itself.
class TreePath {
 public:
  static TreePath parse(std::string_view text);

  bool isRoot() const { return parts_.empty(); }
  const std::string& name() const { return parts_.back(); }
  TreePath parent() const;
  TreePath child(const std::string& name) const;
  std::string text() const;

 private:
  std::vector<std::string> parts_;
};

struct Attributes {
  mode_t mode = 0;  // permission bits, set-id and sticky included
  uid_t uid = 0;
  gid_t gid = 0;
  struct timespec modified = {};
  std::vector<std::pair<std::string, std::string>> xattrs;
};

class Tree {
 public:
  // The folder must exist.
  explicit Tree(const std::string& root);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // Each replaces what bore the name before, except that a folder stays and keeps its content.
  // Missing parents are made.
  void makeFolder(const TreePath& path, const Attributes& attributes);
  void makeFile(const TreePath& path, const Attributes& attributes,
                const std::function<void(int fd)>& writeContent);
  void makeSymlink(const TreePath& path, const Attributes& attributes, const std::string& target);
  void makeNode(const TreePath& path, const Attributes& attributes, mode_t type, dev_t device);
  void makeHardlink(const TreePath& path, const TreePath& target);

  // Removes what the path names and all below it, but keeps each path for which `keep` answers
  // true, and the folders above it. A path that does not exist is fine.
  using Keep = std::function<bool(const TreePath&)>;
  void remove(const TreePath& path, const Keep& keep);
  void removeContent(const TreePath& folder, const Keep& keep);

  // All that was written is on disk when it returns.
  void sync();

 private:
  int openFolder(const TreePath& path);  // -1 when it does not exist
  int openOrMakeFolder(const TreePath& path);

  int root_;
};

}  // namespace meridian::image
