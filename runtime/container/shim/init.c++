#include "runtime/container/shim/init.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

using container::CgroupEntrance;

// A copy of the calling process; `cgroup` -1: in the caller's.
pid_t cloneProcess(uint64_t flags, int cgroup) {
  clone_args args{.flags = flags, .exit_signal = SIGCHLD};
  if (flags & CLONE_PARENT) args.exit_signal = 0;  // then it is the caller's, and the kernel wants none
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup);
  }
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

// Before it can be seen from inside a container: a copy of the shim's memory is nobody's to read there.
void hideMemory(Reporter& reporter) { reporter.need(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "hide the shim's memory"); }

void keepOnlyKill(Reporter& reporter) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  uint32_t kill = 1u << CAP_KILL;
  __user_cap_data_struct data[2] = {{kill, kill, 0}, {0, 0, 0}};
  reporter.need(syscall(SYS_capset, &header, data), "drop the init's capabilities");
}

void nameInit(kj::ArrayPtr<char> commandLine) {
  constexpr std::string_view NAME = "init";
  prctl(PR_SET_NAME, NAME.data(), 0, 0, 0);
  std::fill(commandLine.begin(), commandLine.end(), '\0');
  NAME.copy(commandLine.begin(), std::min(NAME.size(), commandLine.size()));
}

// Returns when the program has exec'd.
pid_t startProgram(const ProgramImage& program, const int (&stdio)[3], Reporter& reporter) {
  // vfork: the child borrows this memory, so nothing is copied, and this process sleeps until it has exec'd or ended.
  pid_t pid = vfork();
  if (pid == 0) {
    program.run(stdio, reporter);
    reporter.send(ChildReport::EXEC_FAILED, errno, program.program().argv[0].c_str());
    _exit(127);
  }
  reporter.need(pid, "start the program");
  if (reporter.failed()) _exit(1);
  return pid;
}

[[noreturn]] void serveAsInit(pid_t program, Reporter& reporter) {
  sigset_t all;
  sigfillset(&all);
  while (true) {
    int number = sigwaitinfo(&all, nullptr);
    if (number != SIGCHLD) {
      if (number > 0) kill(program, number);
      continue;
    }
    int status;
    while (pid_t ended = waitpid(-1, &status, WNOHANG)) {
      if (ended < 0) break;
      if (ended != program) continue;
      reporter.send(ChildReport::EXITED, status);
      _exit(0);
    }
  }
}

// Also those of the shim's other instances.
void closeAllBut(std::array<int, 4> kept) {
  std::sort(kept.begin(), kept.end());
  int from = 0;
  for (int fd : kept) {
    if (fd > from) syscall(SYS_close_range, from, fd - 1, 0);
    from = fd + 1;
  }
  syscall(SYS_close_range, from, ~0u, 0);
}

[[noreturn]] void becomeInit(const InstancePlan& plan, int netns, const CgroupEntrance& cgroup, int out, int err,
                             Reporter& reporter) {
  reporter.need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "die with the shim");
  hideMemory(reporter);
  umask(0);  // the modes of what is made here are meant; the program gets a mask of its own
  reporter.need(setsid(), "make a session");
  reporter.need(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr), "make a session keyring");
  reporter.need(setns(netns, CLONE_NEWNET), "enter the network namespace");
  reporter.need(sethostname(plan.hostname.data(), plan.hostname.size()), "set the hostname");
  enterRoot(plan.root, reporter);
  plan.program.enterWorkdir(reporter);
  int in = static_cast<int>(reporter.need(open("/dev/null", O_RDONLY | O_CLOEXEC), "open /dev/null"));

  reporter.awaitGo();
  reporter.need(cgroup.enter(), "enter the cgroup");
  // Not by the clone's flags: the namespace's root is the cgroup that this process is in when it is made.
  reporter.need(unshare(CLONE_NEWCGROUP), "make a cgroup namespace");
  closeAllBut({in, out, err, reporter.socket()});
  nameInit(plan.commandLine);
  pid_t program = startProgram(plan.program, {in, out, err}, reporter);
  reporter.send(ChildReport::RUNNING, 0);
  // So that the shim sees the end of a stream when the program closes it.
  for (int stream : {in, out, err}) close(stream);
  keepOnlyKill(reporter);
  serveAsInit(program, reporter);
}

[[noreturn]] void becomeExec(const ProgramImage& program, int pid1, const int (&stdio)[3], const CgroupEntrance& cgroup,
                             Reporter& reporter) {
  reporter.need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "die with the shim");
  hideMemory(reporter);
  auto& who = program.program();
  for (int stream : stdio) {
    // So that /dev/stdout and its like open for a user who is not root.
    struct stat found;
    if (fstat(stream, &found) == 0 && S_ISFIFO(found.st_mode)) {
      reporter.need(fchown(stream, who.uid, who.gid), "give the streams to the user");
    }
  }
  reporter.awaitGo();
  reporter.need(cgroup.enter(), "enter the cgroup");
  constexpr int NAMESPACES =
      CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET;
  reporter.need(setns(pid1, NAMESPACES), "enter the container");
  // A sibling, so that the shim is its parent too; only a new process enters the pid namespace.
  pid_t pid = cloneProcess(CLONE_PARENT, -1);
  if (pid == 0) {
    reporter.awaitGo();
    umask(0);
    reporter.need(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr), "make a session keyring");
    program.enterWorkdir(reporter);
    program.run(stdio, reporter);
    reporter.send(ChildReport::EXEC_FAILED, errno, who.argv[0].c_str());
    _exit(127);
  }
  reporter.need(pid, "start the program");
  reporter.send(ChildReport::CLONED, pid);
  _exit(0);
}

struct Pair {
  kj::AutoCloseFd ours;
  kj::AutoCloseFd theirs;
};

Pair makeReports() {
  int fds[2];
  need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), "make a socket pair");
  return {kj::AutoCloseFd(fds[0]), kj::AutoCloseFd(fds[1])};
}

Pair makeOutput(const Program& program) {
  int fds[2];
  need(pipe2(fds, O_CLOEXEC), "make a pipe");
  Pair pair{kj::AutoCloseFd(fds[0]), kj::AutoCloseFd(fds[1])};
  need(fcntl(pair.ours, F_SETFL, O_NONBLOCK), "make a pipe non-blocking");
  // So that /dev/stdout and /dev/stderr open for a user who is not root.
  if (program.uid != 0) need(fchown(pair.theirs, program.uid, program.gid), "give the streams to the user");
  return pair;
}

}  // namespace

InstanceChild startInstance(const InstancePlan& plan, int netns, const CgroupEntrance& cgroup) {
  auto reports = makeReports();
  auto out = makeOutput(plan.program.program());
  auto err = makeOutput(plan.program.program());
  pid_t pid = cloneProcess(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC, cgroup.forClone());
  if (pid == 0) {
    Reporter reporter(reports.theirs);
    becomeInit(plan, netns, cgroup, out.theirs, err.theirs, reporter);
  }
  need(pid, "clone");
  return {{pid, kj::mv(reports.ours)}, kj::mv(out.ours), kj::mv(err.ours)};
}

Child startExec(const ProgramImage& program, pid_t pid1, const int (&stdio)[3], const CgroupEntrance& cgroup) {
  kj::AutoCloseFd container(need(static_cast<int>(syscall(SYS_pidfd_open, pid1, 0)), "open the instance"));
  auto reports = makeReports();
  pid_t pid = cloneProcess(0, cgroup.forClone());
  if (pid == 0) {
    Reporter reporter(reports.theirs);
    becomeExec(program, container, stdio, cgroup, reporter);
  }
  need(pid, "clone");
  return {pid, kj::mv(reports.ours)};
}

void sendGo(int reports) {
  char go = 0;
  send(reports, &go, 1, MSG_NOSIGNAL);
}

}  // namespace meridian::shim
