#include "sim/command/zygote.h"

#include <fcntl.h>
#include <kj/exception.h>
#include <poll.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <system_error>

#include "runtime/base/check.h"
#include "sim/command/wire.h"

namespace meridian::sim {

namespace {

constexpr const char* ARGUMENT = "zygote";
constexpr int SOCKET = 3;
constexpr rlim_t STACK = 8 << 20;                // bytes; the kernel places mappings below the stack's limit

// Of the environment only what speaks to the loader and to sanitizers goes on.
constexpr std::string_view PASSED_ON[] = {"LD_", "ASAN_", "UBSAN_", "TSAN_", "LSAN_", "LLVM_", "GCOV_"};

[[noreturn]] void throwErrno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::vector<char*> environmentOfZygote() {
  std::vector<char*> passed;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    for (auto prefix: PASSED_ON) {
      if (std::string_view(*variable).starts_with(prefix)) passed.push_back(*variable);
    }
  }
  // Else each child would look up its functions by itself, again and again.
  static char now[] = "LD_BIND_NOW=1";
  passed.push_back(now);
  passed.push_back(nullptr);
  return passed;
}

// As a personality that is refused, or was ignored, is seen after the exec, it is not looked at here.
[[noreturn]] void becomeZygote(int socket, pid_t parent, std::vector<char*> arguments, std::vector<char*> environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  if (socket == SOCKET) {
    fcntl(socket, F_SETFD, 0);
  } else if (dup2(socket, SOCKET) < 0) {
    _exit(EXIT_FAILURE);
  }
  signal(SIGINT, SIG_IGN);            // Ctrl-C is for who has started it
  rlimit noCore{0, 0};                // a world that crashes is run again, and leaves nothing behind
  setrlimit(RLIMIT_CORE, &noCore);
  rlimit stack;
  getrlimit(RLIMIT_STACK, &stack);
  stack.rlim_cur = stack.rlim_max == RLIM_INFINITY ? STACK : std::min(STACK, stack.rlim_max);
  setrlimit(RLIMIT_STACK, &stack);
  personality(static_cast<unsigned long>(personality(0xffffffff)) | ADDR_NO_RANDOMIZE);
  execve("/proc/self/exe", arguments.data(), environment.data());
  _exit(EXIT_FAILURE);
}

// Zero, or why addresses are not fixed.
int32_t findRandomness() {
  int now = personality(0xffffffff);
  if (now < 0) return errno;
  if ((now & ADDR_NO_RANDOMIZE) != 0) return 0;
  return personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0 ? errno : EPERM;
}

void send(const Answer& answer, std::string_view bytes) {
  iovec parts[] = {{const_cast<Answer*>(&answer), sizeof answer}, {const_cast<char*>(bytes.data()), bytes.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (sendmsg(SOCKET, &message, MSG_NOSIGNAL) < 0) _exit(EXIT_FAILURE);   // nobody is there to be told
}

Result resultOf(const Order& order) {
  Result result;
  auto& scenario = scenarios()[order.scenario];
  actor::ActorSystem system;
  auto outcome = scenario.run(order.seed, system, optionsOf(order));
  result.hash = outcome.hash;
  result.simulated = outcome.simulated;
  result.storm = outcome.storm;
  result.events = outcome.events;
  result.counts = std::move(outcome.counts);
  // What a world had not done yet when it was told to stop is not a finding.
  bool stopped = order.until && outcome.simulated >= *order.until;
  if (outcome.finding && !stopped) {
    result.end = outcome.finding->failure == Failure::WRONG ? End::WRONG : End::STUCK;
    result.checker = outcome.finding->checker;
    result.what = outcome.finding->what;
    result.tail.assign(outcome.tail.begin(), outcome.tail.end());
  }
  return result;
}

Result crash(const char* what) { return {.end = End::CRASH, .checker = "crash", .what = what}; }

Result guardedResultOf(const Order& order) {
  try {
    return resultOf(order);
  } catch (const kj::Exception& error) {
    return crash(error.getDescription().cStr());
  } catch (const std::exception& error) {
    return crash(error.what());
  }
}

// The child's. The timer's signal ends it.
[[noreturn]] void runWorld(const Order& order, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  auto seconds = std::chrono::ceil<std::chrono::seconds>(order.patience);
  itimerval timer{.it_interval = {}, .it_value = {.tv_sec = seconds.count(), .tv_usec = 0}};
  setitimer(ITIMER_REAL, &timer, nullptr);
  // So that a crash loses no line.
  if (order.print == Transcript::Print::YES) setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto result = guardedResultOf(order);
  send({.kind = Answer::Kind::RESULT, .number = order.number}, encode(result));
  exit(EXIT_SUCCESS);
}

// Who runs what. It stands outside of the heap, which children are to find untouched.
struct Children {
  struct Child {
    pid_t pid;
    uint64_t number;
  };

  void begin(const Order& order) {
    check(count < JOBS_MAX, "nobody asks for more worlds at once than there is room for");
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0) runWorld(order, self);
    if (pid < 0) throwErrno("fork");
    all[count++] = {pid, order.number};
  }

  void reap() {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      for (uint32_t i = 0; i < count; ++i) {
        if (all[i].pid != pid) continue;
        send({.kind = Answer::Kind::ENDED, .status = status, .number = all[i].number}, {});
        all[i] = all[--count];
        break;
      }
    }
  }

  std::array<Child, JOBS_MAX> all;
  uint32_t count = 0;
};

int signalsOfChildren() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) < 0) throwErrno("sigprocmask");
  int descriptor = signalfd(-1, &signals, SFD_CLOEXEC);
  if (descriptor < 0) throwErrno("signalfd");
  return descriptor;
}

}  // namespace

ZygoteProcess startZygote(const Program& program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) throwErrno("socketpair");
  // The name that this program was called by would move its stack.
  std::vector<std::string> words(program.begin() + 1, program.end());
  words.insert(words.begin(), "meridian");
  words.emplace_back(ARGUMENT);
  std::vector<char*> arguments;
  for (auto& word: words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  auto environment = environmentOfZygote();
  pid_t self = getpid();
  pid_t pid = fork();
  if (pid < 0) throwErrno("fork");
  if (pid == 0) becomeZygote(ends[1], self, arguments, environment);
  close(ends[1]);
  return {pid, ends[0]};
}

bool isZygote(const std::vector<std::string>& arguments) { return arguments.size() == 1 && arguments[0] == ARGUMENT; }

int serveWorlds() {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) {
    fprintf(stderr, "meridian: zygote is started by the other commands of sim, and by nobody else\n");
    return EXIT_FAILURE;
  }
  fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
  int signals = signalsOfChildren();
  send({.kind = Answer::Kind::HELLO, .status = findRandomness()}, {});
  static Children children;
  for (;;) {
    pollfd ready[] = {{SOCKET, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) throwErrno("poll");
    if (ready[1].revents != 0) {
      signalfd_siginfo seen;
      if (read(signals, &seen, sizeof seen) < 0 && errno != EINTR) throwErrno("read");
      children.reap();
    }
    if (ready[0].revents != 0) {
      Order order;
      ssize_t got = recv(SOCKET, &order, sizeof order, 0);
      if (got <= 0) return EXIT_SUCCESS;
      check(got == sizeof order, "an order is whole");
      children.begin(order);
    }
  }
}

}  // namespace meridian::sim
