// PID 1 of a container, and how an instance is started: the shim clones, the child builds the container around itself,
// starts the user's program as PID 2 and stays as a small init: it reaps orphans, passes every signal on to the program and
// ends, with all that is left in the namespace, when the program ends.
//
// Why an init of ours and not the user's program as PID 1: the kernel gives orphans to PID 1 and nobody else can reap
// them; and PID 1 ignores signals it has no handler for, so a plain program would not even die of SIGTERM. It costs one
// vfork. It is the shim's own image, so nothing is looked up or loaded; it is not dumpable, so no program in the container
// can look into its memory, which is a copy of the shim's; and it keeps no capability but CAP_KILL.
//
// When the shim dies the kernel kills PID 1, and with it the namespace: no instance is left without its parent.
#pragma once

#include <string>

#include <kj/array.h>
#include <kj/io.h>

#include "runtime/container/cgroup.h"
#include "runtime/container/shim/program.h"
#include "runtime/container/shim/rootfs.h"

namespace meridian::shim {

// The shim's side of a child that was just cloned.
struct Child {
  pid_t pid;
  kj::AutoCloseFd reports;  // ChildReport packets; then one byte back: "go on"
};

struct InstanceChild {
  Child child;
  kj::AutoCloseFd out;  // non-blocking
  kj::AutoCloseFd err;
};

struct InstancePlan {
  const ProgramImage& program;
  const RootPlan& root;
  const std::string& hostname;
  kj::ArrayPtr<char> commandLine;  // of the shim, where the kernel reads it: the copy in PID 1 must not name host paths
};

// Clones PID 1. It has to be in its cgroup before it goes on, so the caller makes that, at the latest now, and then says
// "go on". The child reports RUNNING or why not, and at its end EXITED, unless it was killed. Throws std::system_error.
InstanceChild startInstance(const InstancePlan& plan, int netns, const container::CgroupEntrance& cgroup);

// Starts `program` inside the container of `pid1` as a child of the shim, its streams those of `stdio`. Two processes come
// of it: the helper, Child::pid, which ends at once, and the program, whose pid comes in the CLONED report. It goes on when
// told so a second time, so its end cannot come before its name. The end of the reports without a failure means that it
// has exec'd.
Child startExec(const ProgramImage& program, pid_t pid1, const int (&stdio)[3],
                const container::CgroupEntrance& cgroup);

// Over the child's reports.
void sendGo(int reports);

}  // namespace meridian::shim
