#include "runtime/container/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>

#include "runtime/base/check.h"

namespace meridian::container {

namespace {

constexpr size_t FILE_MAX = 1024 * 1024;  // bytes read of one cgroup file: 100,000 processes fit
constexpr int REMOVE_TRIES = 10'000;      // of 1 ms

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

int writeFile(const std::string& path, std::string_view text) {
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  auto written = write(fd, text.data(), text.size());
  int error = errno;
  close(fd);
  errno = error;
  return written < 0 ? -1 : 0;
}

std::string readFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  kj::AutoCloseFd owned(fd);
  std::string text;
  char buffer[4096];
  ssize_t count;
  while (text.size() < FILE_MAX && (count = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, count);
  return text;
}

std::vector<std::string> foldersIn(const std::string& path) {
  std::vector<std::string> names;
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return names;
  while (dirent* entry = readdir(folder)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  closedir(folder);
  return names;
}

void makeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) fail(path);
}

kj::AutoCloseFd openFolder(const std::string& path) {
  int fd = open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(path);
  return kj::AutoCloseFd(fd);
}

}  // namespace

std::string cgroupTreeName(const std::string& dir) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: cgroup names are short, folders need not be
  for (unsigned char c : dir) hash = (hash ^ c) * 0x100000001b3;
  char name[17];
  snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(hash));
  return name;
}

int CgroupEntrance::enter() const {
  for (auto& tree : trees_) {
    int fd = openat(tree, tasks_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) < 0) return -1;
    close(fd);
  }
  return 0;
}

CgroupTree::CgroupTree(CgroupLayout layout, const std::string& name)
    : layout_(std::move(layout)), name_("meridian-" + name), hierarchies_{layout_.memory, layout_.cpu, layout_.pids} {
  std::sort(hierarchies_.begin(), hierarchies_.end());
  hierarchies_.erase(std::unique(hierarchies_.begin(), hierarchies_.end()), hierarchies_.end());
  for (auto& hierarchy : hierarchies_) {
    makeFolder(hierarchy + "/" + name_);
    makeFolder(ownFolder(hierarchy));
    if (layout_.version == CgroupVersion::V2) {
      for (auto& folder : {hierarchy, hierarchy + "/" + name_}) {
        auto control = folder + "/cgroup.subtree_control";
        if (writeFile(control, "+cpu +memory +pids") < 0) fail(control);
      }
    } else {
      trees_.add(openFolder(hierarchy + "/" + name_));
    }
  }
}

void CgroupTree::create(const std::string& cgroup, const CgroupLimits& limits) {
  try {
    for (auto& hierarchy : hierarchies_) {
      auto path = folder(hierarchy, cgroup);
      if (mkdir(path.c_str(), 0755) < 0) fail(path);
    }
    for (auto& limit : cgroupWrites(layout_, limits)) {
      auto path = folder(limit.hierarchy, cgroup) + "/" + limit.file;
      if (writeFile(path, limit.value) == 0) continue;
      if (limit.need == CgroupNeed::REQUIRED || errno != ENOENT) fail(path);
    }
  } catch (const std::system_error& error) {
    // A name that exists is not ours to remove.
    if (error.code().value() != EEXIST) tryRemove(cgroup);
    throw;
  }
}

CgroupEntrance CgroupTree::entrance(const std::string& cgroup) {
  CgroupEntrance entrance;
  if (layout_.version == CgroupVersion::V2) {
    entrance.cgroup_ = openFolder(folder(hierarchies_.front(), cgroup));
  } else {
    entrance.trees_ = trees_;
    entrance.tasks_ = cgroup + "/tasks";
  }
  return entrance;
}

void CgroupTree::kill(const std::string& cgroup) {
  if (layout_.version == CgroupVersion::V2 && writeFile(folder(layout_.pids, cgroup) + "/cgroup.kill", "1") == 0) return;
  for (auto& hierarchy : hierarchies_) {
    auto text = readFile(folder(hierarchy, cgroup) + "/cgroup.procs");
    const char* at = text.data();
    const char* end = at + text.size();
    while (at < end) {
      pid_t process = 0;
      at = std::from_chars(at, end, process).ptr + 1;
      if (process > 0) ::kill(process, SIGKILL);
    }
  }
}

bool CgroupTree::isEmpty(const std::string& cgroup) {
  return std::all_of(hierarchies_.begin(), hierarchies_.end(), [&](const std::string& hierarchy) {
    return readFile(folder(hierarchy, cgroup) + "/cgroup.procs").empty();
  });
}

uint64_t CgroupTree::oomKills(const std::string& cgroup) {
  const char* file = layout_.version == CgroupVersion::V1 ? "/memory.oom_control" : "/memory.events";
  return valueOf("oom_kill", readFile(folder(layout_.memory, cgroup) + file));
}

kj::AutoCloseFd CgroupTree::watchOom(const std::string& cgroup) {
  check(layout_.version == CgroupVersion::V1, "only v1 tells of out-of-memory through a descriptor");
  auto path = folder(layout_.memory, cgroup);
  kj::AutoCloseFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  kj::AutoCloseFd control(::open((path + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC));
  auto line = std::to_string(event.get()) + " " + std::to_string(control.get());
  if (writeFile(path + "/cgroup.event_control", line) < 0) fail(path + "/cgroup.event_control");
  return event;
}

bool CgroupTree::tryRemove(const std::string& cgroup) {
  bool gone = true;
  for (auto& hierarchy : hierarchies_) {
    auto path = folder(hierarchy, cgroup);
    if (rmdir(path.c_str()) == 0 || errno == ENOENT) continue;
    // A program that could write to cgroupfs may have made cgroups of its own below.
    for (auto& inner : foldersIn(path)) tryRemove(cgroup + "/" + inner);
    gone = false;
  }
  return gone;
}

std::vector<std::string> CgroupTree::list() {
  std::vector<std::string> all;
  for (auto& hierarchy : hierarchies_) {
    auto names = foldersIn(hierarchy + "/" + name_);
    all.insert(all.end(), names.begin(), names.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

void CgroupTree::removeAll() {
  for (int tries = 0; tries < REMOVE_TRIES; ++tries) {
    auto left = list();
    std::erase_if(left, [&](const std::string& cgroup) {
      kill(cgroup);
      return tryRemove(cgroup);
    });
    if (left.empty()) return;
    timespec moment{0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
  errno = EBUSY;
  fail("remove the cgroups of an earlier shim below " + name_);
}

void CgroupTree::adopt(pid_t process) {
  for (auto& hierarchy : hierarchies_) {
    auto path = ownFolder(hierarchy) + "/cgroup.procs";
    if (writeFile(path, std::to_string(process)) < 0) fail(path);
  }
}

void CgroupTree::release(pid_t process) {
  for (auto& hierarchy : hierarchies_) {
    auto path = hierarchy + "/cgroup.procs";
    if (writeFile(path, std::to_string(process)) < 0) fail(path);
  }
}

void CgroupTree::removeTree() {
  for (auto& hierarchy : hierarchies_) {
    for (auto& path : {hierarchy + "/" + name_, ownFolder(hierarchy)}) {
      if (rmdir(path.c_str()) < 0 && errno != ENOENT) fail(path);
    }
  }
}

std::string CgroupTree::folder(const std::string& hierarchy, const std::string& cgroup) const {
  return hierarchy + "/" + name_ + "/" + cgroup;
}

std::string CgroupTree::ownFolder(const std::string& hierarchy) const { return hierarchy + "/" + name_ + "-shim"; }

}  // namespace meridian::container
