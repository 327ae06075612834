// ExecProcess: one program started beside PID 1's. Two processes stand for it, both children of the shim: the helper that
// enters the container, and the program. It is gone when both are reaped and their reports have been read to the end, so
// that an answer "started" or "refused" always comes before the exit.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "runtime/container/shim/event-loop.h"
#include "runtime/container/shim/init.h"

namespace meridian::shim {

class ExecProcess;

class ExecObserver {
 public:
  // pid() is known. The answer is its ending, if the shim has reaped it already: it was killed before it had a name.
  virtual std::optional<Ending> execCloned(ExecProcess& exec) = 0;
  // It has exec'd, or failure() says why not.
  virtual void execSettled(ExecProcess& exec) = 0;
  // Both processes are reaped. May be destroyed after the present batch of events, not before.
  virtual void execGone(ExecProcess& exec) = 0;
};

class ExecProcess {
 public:
  ExecProcess(EventLoop& loop, uint64_t number, Child child, ExecObserver& observer);
  ~ExecProcess();
  KJ_DISALLOW_COPY(ExecProcess);

  uint64_t number() const { return number_; }
  pid_t helper() const { return helper_; }
  pid_t pid() const { return pid_; }  // 0: not yet
  const std::optional<Failure>& failure() const { return failure_; }
  const std::optional<Ending>& ending() const { return ending_; }

  void signal(int number);

  // The shim has reaped the helper or the program.
  void reaped(pid_t pid, int waitStatus);

 private:
  EventLoop& loop_;
  uint64_t number_;
  pid_t helper_;
  pid_t pid_ = 0;
  kj::AutoCloseFd reports_;
  EventLoop::Token token_;
  ExecObserver& observer_;
  std::optional<Failure> failure_;
  std::optional<Ending> ending_;
  bool settled_ = false;
  bool helperReaped_ = false;
  bool gone_ = false;

  void readReports();
  void onReport(const ChildReport& report);
  void letGo();
  void checkGone();
};

}  // namespace meridian::shim
