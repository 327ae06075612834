#include "runtime/container/shim/exec-process.h"

#include <signal.h>
#include <sys/socket.h>

#include <cstring>

namespace meridian::shim {

ExecProcess::ExecProcess(EventLoop& loop, uint64_t number, Child child, ExecObserver& observer)
    : loop_(loop),
      number_(number),
      helper_(child.pid),
      reports_(kj::mv(child.reports)),
      token_(loop.watch(reports_, EPOLLIN, [this](uint32_t) { readReports(); })),
      observer_(observer) {}

ExecProcess::~ExecProcess() { loop_.unwatch(token_); }

void ExecProcess::signal(int number) {
  // A child that was not reaped yet, so its number is still its own.
  if (pid_ != 0 && !ending_) ::kill(pid_, number);
}

void ExecProcess::reaped(pid_t pid, int waitStatus) {
  if (pid == helper_) {
    helperReaped_ = true;
    letGo();
  } else {
    ending_ = endingOf(waitStatus);
  }
  readReports();
  // The helper was killed before it could name the program, which would wait for its "go on" for ever.
  if (helperReaped_ && pid_ == 0) shutdown(reports_, SHUT_WR);
  checkGone();
}

void ExecProcess::readReports() {
  if (settled_) return;
  ChildReport report;
  while (true) {
    auto size = recv(reports_, &report, sizeof report, MSG_DONTWAIT);
    if (size < 0) return;
    if (size != sizeof report) break;
    onReport(report);
  }
  settled_ = true;
  loop_.unwatch(token_);
  if (pid_ == 0 && !failure_) failure_ = Failure{Refusal::SETUP_FAILED, "enter the container: the instance has ended"};
  observer_.execSettled(*this);
  checkGone();
}

void ExecProcess::onReport(const ChildReport& report) {
  if (report.kind == ChildReport::CLONED) {
    pid_ = report.value;
    ending_ = observer_.execCloned(*this);
    return letGo();
  }
  auto code = report.kind == ChildReport::EXEC_FAILED ? Refusal::EXEC_FAILED : Refusal::SETUP_FAILED;
  failure_ = Failure{code, std::string(report.step) + ": " + strerror(report.value)};
}

// When the helper has gone too: it counts against the instance's limit of processes.
void ExecProcess::letGo() {
  if (pid_ != 0 && helperReaped_) sendGo(reports_);
}

void ExecProcess::checkGone() {
  bool programReaped = pid_ == 0 || ending_.has_value();
  if (!settled_ || !helperReaped_ || !programReaped || gone_) return;
  gone_ = true;
  observer_.execGone(*this);
}

}  // namespace meridian::shim
