#include "sim/command/worlds.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "runtime/base/check.h"

namespace meridian::sim {

namespace {

[[noreturn]] void throwErrno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::string nameOf(int signal) {
  const char* name = sigabbrev_np(signal);
  return "signal " + std::to_string(signal) + (name == nullptr ? "" : " (SIG" + std::string(name) + ")");
}

}  // namespace

Worlds::Worlds(const Program& program): zygote_(startZygote(program)) {
  Answer answer;
  std::string bytes;
  receive(answer, bytes);
  check(answer.kind == Answer::Kind::HELLO, "a zygote says hello first");
  if (answer.status != 0) randomness_ = strerror(answer.status);
}

Worlds::~Worlds() {
  close(zygote_.socket);
  kill(zygote_.pid, SIGKILL);      // and its children die with it
  waitpid(zygote_.pid, nullptr, 0);
}

void Worlds::begin(uint64_t number, const Terms& terms, uint64_t seed) {
  auto order = newOrder(number, *terms.scenario, seed, terms.options, terms.patience);
  if (send(zygote_.socket, &order, sizeof order, MSG_NOSIGNAL) < 0) throwErrno("cannot ask for a world");
  patience_[number] = terms.patience;
  ++running_;
}

std::optional<Worlds::Ended> Worlds::next(Duration wait) {
  for (;;) {
    pollfd ready{zygote_.socket, POLLIN, 0};
    int found = poll(&ready, 1, static_cast<int>(std::min<int64_t>(toMs(wait), INT32_MAX)));
    if (found < 0 && errno != EINTR) throwErrno("poll");
    if (found <= 0) return std::nullopt;
    Answer answer;
    std::string bytes;
    receive(answer, bytes);
    if (answer.kind == Answer::Kind::RESULT) {
      results_[answer.number] = decodeResult(bytes);
    } else {
      --running_;
      return Ended{answer.number, withStatus(answer.number, answer.status)};
    }
  }
}

Worlds::Ended Worlds::next() {
  for (;;) {
    if (auto ended = next(std::chrono::hours(1))) return std::move(*ended);
  }
}

Result Worlds::run(const Terms& terms, uint64_t seed) {
  check(running_ == 0, "a world that is waited for runs alone");
  begin(0, terms, seed);
  return next().result;
}

void Worlds::receive(Answer& answer, std::string& bytes) {
  bytes.resize(RESULT_MAX);
  iovec parts[] = {{&answer, sizeof answer}, {bytes.data(), bytes.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t got = recvmsg(zygote_.socket, &message, 0);
  if (got < 0) throwErrno("recvmsg");
  if (got == 0) throw std::system_error(EPIPE, std::generic_category(), "the process that runs the worlds has died");
  check(static_cast<size_t>(got) >= sizeof answer && (message.msg_flags & MSG_TRUNC) == 0, "an answer is whole");
  bytes.resize(static_cast<size_t>(got) - sizeof answer);
}

// What its process left behind counts more than what it told: sanitizers speak last.
Result Worlds::withStatus(uint64_t number, int status) {
  auto told = results_.extract(number);
  auto patience = patience_.extract(number).mapped();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return {.end = End::STUCK,
            .checker = "real-time",
            .what = "it has not ended after " + std::to_string(toMs(patience) / 1000) + " s of real time"};
  }
  if (WIFSIGNALED(status)) return {.end = End::CRASH, .checker = "crash", .what = "ended by " + nameOf(WTERMSIG(status))};
  if (WEXITSTATUS(status) != 0 || told.empty()) {
    return {.end = End::CRASH, .checker = "crash", .what = "its process exited with " + std::to_string(WEXITSTATUS(status))};
  }
  return std::move(told.mapped());
}

}  // namespace meridian::sim
