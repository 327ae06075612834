#include "runtime/container/shim/program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace meridian::shim {

namespace {

// What root in a container may do at most: the usual container default.
constexpr uint64_t KEPT_CAPABILITIES =
    1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_FSETID | 1ull << CAP_FOWNER | 1ull << CAP_MKNOD |
    1ull << CAP_NET_RAW | 1ull << CAP_SETGID | 1ull << CAP_SETUID | 1ull << CAP_SETFCAP | 1ull << CAP_SETPCAP |
    1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_SYS_CHROOT | 1ull << CAP_KILL | 1ull << CAP_AUDIT_WRITE;

constexpr rlim_t FILES_SOFT = 1024;  // programs that use select() break above it; others raise it themselves

std::vector<std::string> candidatesFor(const Program& program) {
  auto& name = program.argv[0];
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> all;
  for (auto& entry : program.env) {
    if (!entry.starts_with("PATH=")) continue;
    std::string_view rest = std::string_view(entry).substr(5);
    while (true) {
      auto folder = rest.substr(0, rest.find(':'));
      all.push_back((folder.empty() ? "." : std::string(folder)) + "/" + name);
      if (folder.size() == rest.size()) return all;
      rest.remove_prefix(folder.size() + 1);
    }
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

void limitResources(Reporter& reporter) {
  rlimit files;
  reporter.need(getrlimit(RLIMIT_NOFILE, &files), "read the limit of open files");
  files.rlim_cur = std::min(files.rlim_max, FILES_SOFT);
  reporter.need(setrlimit(RLIMIT_NOFILE, &files), "limit open files");
  rlimit none{0, 0};
  reporter.need(setrlimit(RLIMIT_CORE, &none), "limit core files");
}

void setCapabilities(uint64_t capabilities, Reporter& reporter) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  auto low = static_cast<uint32_t>(capabilities);
  auto high = static_cast<uint32_t>(capabilities >> 32);
  __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
  reporter.need(syscall(SYS_capset, &header, data), "set capabilities");
}

}  // namespace

ProgramImage::ProgramImage(Program program)
    : program_(std::move(program)),
      candidates_(candidatesFor(program_)),
      argv_(pointers(program_.argv)),
      env_(pointers(program_.env)) {}

void ProgramImage::enterWorkdir(Reporter& reporter) const {
  auto& workdir = program_.workdir;
  if (chdir(workdir.c_str()) == 0) return;
  char path[PATH_MAX];
  for (size_t end = 1; end <= workdir.size(); ++end) {
    if (end < workdir.size() && workdir[end] != '/') continue;
    workdir.copy(path, end);
    path[end] = '\0';
    if (mkdir(path, 0755) < 0 && errno != EEXIST) reporter.fail("make the working directory");
  }
  reporter.need(chdir(workdir.c_str()), "enter the working directory");
}

// Raw system calls where glibc's wrappers would speak to other threads: there are none.
void ProgramImage::dropPrivileges(Reporter& reporter) const {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (KEPT_CAPABILITIES >> capability & 1) continue;
    reporter.need(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop a capability");
  }
  auto& groups = program_.groups;
  reporter.need(syscall(SYS_setgroups, groups.size(), groups.data()), "set the groups");
  reporter.need(syscall(SYS_setresgid, program_.gid, program_.gid, program_.gid), "set the group");
  reporter.need(syscall(SYS_setresuid, program_.uid, program_.uid, program_.uid), "set the user");
  setCapabilities(program_.uid == 0 ? KEPT_CAPABILITIES : 0, reporter);
  reporter.need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
}

void ProgramImage::run(const int (&stdio)[3], Reporter& reporter) const {
  reporter.need(setsid(), "make a session");
  for (int target = 0; target < 3; ++target) reporter.need(dup2(stdio[target], target), "set the standard streams");
  reporter.need(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC), "close other descriptors");
  limitResources(reporter);
  umask(022);
  dropPrivileges(reporter);
  // The shim has every signal blocked and none handled: dispositions are the default already.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  int error = ENOENT;
  for (auto& candidate : candidates_) {
    execve(candidate.c_str(), argv_.data(), env_.data());
    // As execvp does: go on where there is nothing to run, and prefer to say "permission denied" in the end.
    if (errno == EACCES) error = EACCES;
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) continue;
    error = errno;
    break;
  }
  errno = error;
}

}  // namespace meridian::shim
