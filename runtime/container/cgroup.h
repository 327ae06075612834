// CgroupTree: the cgroups of one shim, `meridian-<name>` at the top of each hierarchy, and below it one for each instance.
// It stands at the top on purpose: a cgroup below the platform's service unit would be ended with that unit.
//
// Calls are plain file operations, single-threaded, and fail with std::system_error naming the file. All of it needs root.
// Paths come from a CgroupLayout, so tests run the v2 code over an ordinary folder.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <kj/io.h>
#include <kj/vector.h>

#include "runtime/container/cgroup-layout.h"

namespace meridian::container {

// The same for a folder at each start, and for no other folder.
std::string cgroupTreeName(const std::string& dir);

// How a cloned process comes into its cgroup. Another's pid written to cgroup.procs waits for an RCU grace period, 10 ms and
// more, and forks wait behind it; neither way here does. On v2 it is cloned into it. On v1 a process that has one thread and writes
// "0" to `tasks` moves itself, and as it can neither exec nor exit meanwhile, the kernel takes no lock that all forks share.
class CgroupEntrance {
 public:
  // On v2 for CLONE_INTO_CGROUP, on v1 -1.
  int forClone() const { return cgroup_; }

  // Called by the process itself, once the cgroup is there; nothing to do on v2. It needs no path, so it can have another root
  // by then, and allocates nothing. Negative, with errno, on failure.
  int enter() const;

 private:
  friend class CgroupTree;
  kj::AutoCloseFd cgroup_;
  kj::ArrayPtr<const kj::AutoCloseFd> trees_;  // the tree in each v1 hierarchy
  std::string tasks_;                          // the file below each
};

class CgroupTree {
 public:
  // Makes the tree's own cgroups, or takes over those of an earlier run; on v2 hands the controllers down to it.
  CgroupTree(CgroupLayout layout, const std::string& name);
  KJ_DISALLOW_COPY(CgroupTree);

  const CgroupLayout& layout() const { return layout_; }

  // A cgroup with limits and no process in it. On failure nothing of it is left.
  void create(const std::string& cgroup, const CgroupLimits& limits);

  // On v2 the cgroup must be there. The tree outlives the entrance.
  CgroupEntrance entrance(const std::string& cgroup);

  // SIGKILL to each process in it. On v1 a process that forks meanwhile can leave a child behind: call it until
  // isEmpty().
  void kill(const std::string& cgroup);
  bool isEmpty(const std::string& cgroup);

  // Processes of it that the kernel's out-of-memory killer has ended.
  uint64_t oomKills(const std::string& cgroup);

  // v1 only: readable when the cgroup ran out of memory. On v2 the kernel ends the whole group by itself.
  kj::AutoCloseFd watchOom(const std::string& cgroup);

  // True if it is gone from every hierarchy; false if the kernel still holds it: try again a moment later. Does not throw.
  bool tryRemove(const std::string& cgroup);

  std::vector<std::string> list();

  // Kills and removes every instance's cgroup, waiting for it up to 10 s.
  void removeAll();

  // A process of our own moves beside the tree (`meridian-<name>-shim`), out of the starter's cgroup, and back to the
  // top before the end.
  void adopt(pid_t process);
  void release(pid_t process);

  // After removeAll() and release(): removes the tree's own cgroups.
  void removeTree();

 private:
  CgroupLayout layout_;
  std::string name_;
  std::vector<std::string> hierarchies_;  // each mount point once
  kj::Vector<kj::AutoCloseFd> trees_;     // on v1 the tree's folder in each hierarchy

  std::string folder(const std::string& hierarchy, const std::string& cgroup) const;
  std::string ownFolder(const std::string& hierarchy) const;
};

}  // namespace meridian::container
