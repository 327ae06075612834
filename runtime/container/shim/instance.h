// Instance: one run of an ID, from clone to the proof that nothing of it is left.
//
//     STARTING --RUNNING report--> RUNNING --PID 1 reaped--> ENDING --cgroup removed--> gone
//         |                                                    ^
//         `--failure, kill: PID 1 reaped-----------------------'
//
// It owns the pipes and the log, keeps reading while it lives, and at the end drains them before anyone is told, so that no
// output written before an exit is lost. When PID 1 is reaped the kernel has killed and reaped all else in the pid
// namespace; what may still be in the cgroup is an exec on its way in, and the proof waits for it.
#pragma once

#include <optional>
#include <string>

#include "runtime/container/cgroup.h"
#include "runtime/container/shim/event-loop.h"
#include "runtime/container/shim/init.h"
#include "runtime/container/shim/line-assembler.h"
#include "runtime/container/shim/packet.h"
#include "runtime/container/shim/rotating-file.h"

namespace meridian::shim {

class Instance;

class InstanceObserver {
 public:
  virtual void instanceRunning(Instance& instance) = 0;

  // Nothing of it is left. The instance may be destroyed after the present batch of events, not before.
  virtual void instanceGone(Instance& instance) = 0;
};

// What all instances of a shim share; outlives them.
struct Machine {
  EventLoop& loop;
  container::CgroupTree& cgroups;
  int bareMounts;  // of makeBareMounts()
  kj::ArrayPtr<char> commandLine;
};

class Instance {
 public:
  enum class State { STARTING, RUNNING, ENDING };

  // Clones. Throws std::system_error with nothing left behind; what fails later ends it, with a failure().
  Instance(Machine machine, Launch launch, int netns, InstanceObserver& observer);
  ~Instance();
  KJ_DISALLOW_COPY(Instance);

  const InstanceKey& key() const { return launch_.key; }
  pid_t pid() const { return pid_; }
  State state() const { return state_; }
  const ProgramImage& program() const { return program_; }

  // Whether its program has ever run; then it will have an exit, else a failure.
  bool hasRun() const { return startedAt_.has_value(); }
  const std::optional<Failure>& failure() const { return failure_; }

  // Output that could not be written to the log.
  uint64_t droppedLogBytes() const { return log_.droppedBytes(); }

  InstanceReport report() const;
  ExitRecord exit() const;  // once gone; without a number

  void signal(int number);
  void kill();

  // Starts a program beside PID 1's; `child` counts as part of the instance until execEnded().
  Child exec(const ProgramImage& program, const int (&stdio)[3]);
  void execEnded();

  // The shim has reaped PID 1.
  void reaped(int waitStatus);

 private:
  enum class Progress { READ, NOTHING_NOW, AT_END };

  struct Output {
    kj::AutoCloseFd pipe;
    LineAssembler assembler;
    EventLoop::Token token = 0;
  };

  Machine machine_;
  Launch launch_;
  InstanceObserver& observer_;
  ProgramImage program_;
  RootPlan root_;
  RotatingFile log_;
  State state_ = State::STARTING;
  pid_t pid_ = 0;
  uint64_t startTime_ = 0;
  std::optional<Instant> startedAt_;

  kj::AutoCloseFd reports_;
  EventLoop::Token reportsToken_ = 0;
  Output out_;
  Output err_;
  kj::AutoCloseFd oom_;  // v1 only
  EventLoop::Token oomToken_ = 0;
  EventLoop::Timer oomTimer_;
  EventLoop::Timer removeTimer_;

  std::optional<Failure> failure_;
  std::optional<Ending> ending_;
  Instant endedAt_;
  bool oomKilled_ = false;
  bool killed_ = false;
  bool hasCgroup_ = false;
  bool reaped_ = false;
  bool gone_ = false;
  unsigned execs_ = 0;

  void createCgroup();
  InstanceChild clone(int netns);
  void watch();
  void fail(Refusal code, const std::string& message);
  void readReports();
  void onReport(const ChildReport& report);
  Progress readOnce(Output& output);
  void closeOutput(Output& output);
  void writeLog(std::string_view lines);
  void watchOom();
  void confirmOom(Duration delay);
  void tryRemove(Duration delay);
};

}  // namespace meridian::shim
