#include "runtime/container/shim/instance.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/container/shim/system.h"

namespace meridian::shim {

using container::CgroupVersion;

namespace {

constexpr size_t READ_MAX = 64 * 1024;  // bytes taken from one pipe before the others have their turn; what a pipe holds
constexpr Duration OOM_FIRST = std::chrono::milliseconds(1);
constexpr Duration OOM_LAST = std::chrono::seconds(1);
constexpr Duration REMOVE_FIRST = std::chrono::milliseconds(1);
constexpr Duration REMOVE_MAX = std::chrono::seconds(1);
constexpr unsigned INIT_TASKS = 1;  // our PID 1, on top of what the user asked for

Instant wallNow() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return instantFromNs(now.tv_sec * 1'000'000'000 + now.tv_nsec);
}

// Field 22 of /proc/PID/stat, in ticks since boot. The second field may hold blanks and parentheses: count after the last.
uint64_t startTimeOf(pid_t pid) {
  char path[32];
  char text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  kj::AutoCloseFd fd(open(path, O_RDONLY | O_CLOEXEC));
  auto count = read(fd, text, sizeof text - 1);
  text[std::max<ssize_t>(count, 0)] = '\0';
  const char* at = strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = strchr(at + 1, ' ');
  return at == nullptr ? 0 : strtoull(at + 1, nullptr, 10);
}

std::string describe(const ChildReport& report) { return std::string(report.step) + ": " + strerror(report.value); }

}  // namespace

Instance::Instance(Machine machine, Launch launch, int netns, InstanceObserver& observer)
    : machine_(std::move(machine)),
      launch_(std::move(launch)),
      observer_(observer),
      program_(launch_.program),
      root_{machine_.bareMounts, launch_.layers, launch_.writable + "/upper", launch_.writable + "/work",
            launch_.resolvConf, launch_.hosts},
      log_(launch_.logDir, container::LOG_FILE, container::LOG_FILE_OLDER, launch_.logBytesMax),
      out_{{}, LineAssembler(container::LogStream::OUT, launch_.key.generation)},
      err_{{}, LineAssembler(container::LogStream::ERR, launch_.key.generation)} {
  bool v2 = machine_.cgroups.layout().version == CgroupVersion::V2;
  if (v2) createCgroup();
  auto child = clone(netns);
  pid_ = child.child.pid;
  reports_ = kj::mv(child.child.reports);
  out_.pipe = kj::mv(child.out);
  err_.pipe = kj::mv(child.err);
  try {
    if (!v2) createCgroup();  // while the child is mounting, on the other core
    watch();
    sendGo(reports_);
  } catch (const std::system_error& error) {
    fail(Refusal::SETUP_FAILED, error.what());
  }
  startTime_ = startTimeOf(pid_);  // it surely exists: only this thread reaps it
}

Instance::~Instance() {
  for (auto token : {reportsToken_, out_.token, err_.token, oomToken_}) machine_.loop.unwatch(token);
  for (auto timer : {oomTimer_, removeTimer_}) machine_.loop.cancel(timer);
}

InstanceReport Instance::report() const {
  return {launch_.key, pid_, startTime_, startedAt_.value_or(Instant()), launch_.tag};
}

ExitRecord Instance::exit() const {
  return {.key = launch_.key,
          .ending = *ending_,
          .oomKilled = oomKilled_,
          .killed = killed_,
          .at = endedAt_,
          .tag = launch_.tag};
}

void Instance::signal(int number) {
  // Until it is reaped its number is its own.
  if (!reaped_) ::kill(pid_, number);
}

void Instance::kill() {
  killed_ = true;
  signal(SIGKILL);
}

Child Instance::exec(const ProgramImage& program, const int (&stdio)[3]) {
  auto child = startExec(program, pid_, stdio, machine_.cgroups.entrance(launch_.cgroup));
  ++execs_;
  sendGo(child.reports);
  return child;
}

void Instance::execEnded() {
  --execs_;
  if (state_ == State::ENDING) tryRemove(REMOVE_FIRST);
}

void Instance::reaped(int waitStatus) {
  reaped_ = true;
  readReports();
  for (auto output : {&out_, &err_}) {
    while (readOnce(*output) == Progress::READ) {}
    closeOutput(*output);
  }
  if (!ending_) ending_ = endingOf(waitStatus);
  if (!hasRun() && !failure_) fail(Refusal::SETUP_FAILED, killed_ ? "killed before it ran" : "ended before it ran");
  state_ = State::ENDING;
  endedAt_ = wallNow();
  tryRemove(REMOVE_FIRST);
}

void Instance::createCgroup() {
  auto limits = launch_.limits;
  limits.pids = std::min(limits.pids, UINT32_MAX - INIT_TASKS) + INIT_TASKS;
  machine_.cgroups.create(launch_.cgroup, limits);
  hasCgroup_ = true;
}

InstanceChild Instance::clone(int netns) {
  try {
    return startInstance({program_, root_, launch_.hostname, machine_.commandLine}, netns,
                         machine_.cgroups.entrance(launch_.cgroup));
  } catch (const std::system_error&) {
    if (hasCgroup_) machine_.cgroups.tryRemove(launch_.cgroup);
    throw;
  }
}

void Instance::watch() {
  auto& loop = machine_.loop;
  reportsToken_ = loop.watch(reports_, EPOLLIN, [this](uint32_t) { readReports(); });
  for (auto output : {&out_, &err_}) {
    output->token = loop.watch(output->pipe, EPOLLIN, [this, output](uint32_t) {
      if (readOnce(*output) == Progress::AT_END) closeOutput(*output);
    });
  }
}

void Instance::fail(Refusal code, const std::string& message) {
  if (!failure_) failure_ = Failure{code, message};
  signal(SIGKILL);
}

void Instance::readReports() {
  ChildReport report;
  while (true) {
    auto size = recv(reports_, &report, sizeof report, MSG_DONTWAIT);
    if (size < 0) return;
    if (size != sizeof report) break;
    onReport(report);
  }
  machine_.loop.unwatch(reportsToken_);
}

void Instance::onReport(const ChildReport& report) {
  switch (report.kind) {
    case ChildReport::SETUP_FAILED: return fail(Refusal::SETUP_FAILED, describe(report));
    case ChildReport::EXEC_FAILED: return fail(Refusal::EXEC_FAILED, describe(report));
    case ChildReport::CLONED: return;
    case ChildReport::EXITED: ending_ = endingOf(report.value); return;
    case ChildReport::RUNNING: break;
  }
  state_ = State::RUNNING;
  startedAt_ = wallNow();
  observer_.instanceRunning(*this);
  if (machine_.cgroups.layout().version == CgroupVersion::V1) watchOom();
}

Instance::Progress Instance::readOnce(Output& output) {
  char bytes[READ_MAX];
  auto size = output.pipe.get() < 0 ? 0 : read(output.pipe, bytes, sizeof bytes);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::NOTHING_NOW;
  if (size <= 0) return Progress::AT_END;
  std::string lines;
  output.assembler.feed({bytes, static_cast<size_t>(size)}, wallNow(), lines);
  writeLog(lines);
  return Progress::READ;
}

void Instance::closeOutput(Output& output) {
  std::string lines;
  output.assembler.finish(lines);
  writeLog(lines);
  machine_.loop.unwatch(output.token);
  output.pipe = nullptr;
}

// In pieces that fit the log, which may be smaller than what a pipe holds.
void Instance::writeLog(std::string_view lines) {
  while (!lines.empty()) {
    auto piece = lines.substr(0, std::min<uint64_t>(lines.size(), launch_.logBytesMax - 1));
    piece = piece.substr(0, piece.rfind('\n') + 1);
    log_.append(piece);
    lines.remove_prefix(piece.size());
  }
}

// The kernel tells of being out of memory before it chooses whom to end, and may yet find some; so look again until it
// has. Then the whole instance ends: half of one is of no use, and v2 does the same.
void Instance::watchOom() {
  try {
    oom_ = machine_.cgroups.watchOom(launch_.cgroup);
  } catch (const std::system_error&) {
    return;  // built out of some kernels; the count at the end is still read
  }
  oomToken_ = machine_.loop.watch(oom_, EPOLLIN, [this](uint32_t) {
    uint64_t count;
    if (read(oom_, &count, sizeof count) > 0) confirmOom(OOM_FIRST);
  });
}

void Instance::confirmOom(Duration delay) {
  if (state_ != State::RUNNING) return;
  if (machine_.cgroups.oomKills(launch_.cgroup) > 0) return signal(SIGKILL);
  if (delay > OOM_LAST) return;
  machine_.loop.cancel(oomTimer_);
  oomTimer_ = machine_.loop.after(delay, [this, delay] { confirmOom(2 * delay); });
}

void Instance::tryRemove(Duration delay) {
  if (gone_) return;
  auto& cgroups = machine_.cgroups;
  // Of an exec that has not yet entered the pid namespace and so did not end with it.
  if (hasCgroup_ && !cgroups.isEmpty(launch_.cgroup)) cgroups.kill(launch_.cgroup);
  if (execs_ > 0) return;
  if (hasCgroup_) {
    oomKilled_ = oomKilled_ || cgroups.oomKills(launch_.cgroup) > 0;
    if (!cgroups.tryRemove(launch_.cgroup)) {
      machine_.loop.cancel(removeTimer_);
      removeTimer_ = machine_.loop.after(delay, [this, delay] { tryRemove(std::min(2 * delay, REMOVE_MAX)); });
      return;
    }
  }
  gone_ = true;
  observer_.instanceGone(*this);
}

}  // namespace meridian::shim
