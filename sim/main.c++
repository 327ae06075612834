// world-run: runs seeds of the simulated world.
//
//   world-run --suite             the seeds of the test suite: 1..1000, with MERIDIAN_LONG set 1..20000
//   world-run --seeds A..B        each of them; stops at the first that fails
//   world-run --seed S [--trace]  one; with its whole transcript
//   world-run --hash A..B         runs each twice and prints seed and hash of the transcript, which must be the same
//   world-run --find CHECKER A..B until this checker finds something, whatever others find: exit 0; not found: 1
//
// Exit: 0 all is well, 1 something was wrong, 2 something was stuck, 3 a crash, 64 usage.
#include <sys/personality.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <kj/exception.h>

#include "sim/scenario.h"

namespace meridian::sim {
namespace {

constexpr uint64_t SUITE = 1'000;       // seeds
constexpr uint64_t SUITE_LONG = 20'000;

enum Exit { FINE = 0, WRONG = 1, STUCK = 2, CRASHED = 3, USAGE = 64 };

struct Request {
  enum class Mode { RUN, HASH, FIND } mode = Mode::RUN;
  uint64_t first = 1;
  uint64_t last = 0;
  std::string checker;
  Transcript::Print print = Transcript::Print::NO;
};

uint64_t running = 0;         // seed, for the signal handler

// Tables in libraries order by address, so addresses must be the same in each run.
void fixAddresses(char** argv) {
  int now = personality(0xffffffff);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) return;
  execv("/proc/self/exe", argv);
}

void onCrash(int number) {
  char text[128];
  int length = snprintf(text, sizeof text, "\nseed %llu: crash, signal %d; again: world-run --seed %llu --trace\n",
                        static_cast<unsigned long long>(running), number, static_cast<unsigned long long>(running));
  if (write(STDERR_FILENO, text, static_cast<size_t>(length)) < 0) _exit(CRASHED);
  _exit(CRASHED);
}

bool parseRange(const char* text, Request& request) {
  char* end;
  request.first = strtoull(text, &end, 10);
  request.last = request.first;
  if (*end == '\0') return end != text;
  if (strncmp(end, "..", 2) != 0) return false;
  request.last = strtoull(end + 2, &end, 10);
  return *end == '\0' && request.first <= request.last;
}

bool parse(int argc, char** argv, Request& request) {
  bool ranged = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    bool hasValue = i + 1 < argc;
    if (word == "--suite") {
      request.last = getenv("MERIDIAN_LONG") != nullptr ? SUITE_LONG : SUITE;
      ranged = true;
    } else if (word == "--trace") {
      request.print = Transcript::Print::YES;
    } else if ((word == "--seeds" || word == "--seed") && hasValue) {
      ranged = parseRange(argv[++i], request);
    } else if (word == "--hash" && hasValue) {
      request.mode = Request::Mode::HASH;
      ranged = parseRange(argv[++i], request);
    } else if (word == "--find" && i + 2 < argc) {
      request.mode = Request::Mode::FIND;
      request.checker = argv[++i];
      ranged = parseRange(argv[++i], request);
    } else {
      return false;
    }
  }
  return ranged;
}

void report(uint64_t seed, const Outcome& outcome) {
  for (auto& line: outcome.tail) printf("%s\n", line.c_str());
  printf("seed %llu: %s: %s: %s\nagain: world-run --seed %llu --trace\n", static_cast<unsigned long long>(seed),
         outcome.finding->failure == Failure::WRONG ? "wrong" : "stuck", outcome.finding->checker.c_str(),
         outcome.finding->what.c_str(), static_cast<unsigned long long>(seed));
}

int run(const Request& request) {
  actor::ActorSystem system;
  auto& scenario = *findScenario("containers");
  uint64_t requests = 0, served = 0, executions = 0;
  for (auto seed = request.first; seed <= request.last; ++seed) {
    running = seed;
    RunOptions options{.print = request.print, .onlyChecker = request.checker};
    auto outcome = scenario.run(seed, system, options);
    requests += outcome.counts["requests"];
    served += outcome.counts["served"];
    executions += outcome.counts["executions"];
    if (request.mode == Request::Mode::HASH) {
      if (scenario.run(seed, system, options).hash != outcome.hash) {
        printf("seed %llu: two runs have two transcripts\n", static_cast<unsigned long long>(seed));
        return WRONG;
      }
      printf("%llu %016llx\n", static_cast<unsigned long long>(seed), static_cast<unsigned long long>(outcome.hash));
    }
    if (request.mode == Request::Mode::FIND) {
      if (!outcome.finding) continue;
      printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(seed), outcome.finding->checker.c_str(),
             outcome.finding->what.c_str());
      return FINE;
    }
    if (!outcome.finding) continue;
    report(seed, outcome);
    return outcome.finding->failure == Failure::WRONG ? WRONG : STUCK;
  }
  if (request.mode == Request::Mode::FIND) return WRONG;
  if (request.mode == Request::Mode::RUN) {
    printf("%llu seeds: %llu requests, %llu served through gateways, %llu instances executed\n",
           static_cast<unsigned long long>(request.last - request.first + 1), static_cast<unsigned long long>(requests),
           static_cast<unsigned long long>(served), static_cast<unsigned long long>(executions));
  }
  return FINE;
}

int runGuarded(const Request& request) {
  for (int number: {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) {
    auto before = signal(number, onCrash);
    if (before != SIG_DFL) signal(number, before);       // a sanitizer's
  }
  try {
    return run(request);
  } catch (const kj::Exception& error) {
    fprintf(stderr, "%s\n", kj::str(error).cStr());
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
  }
  fprintf(stderr, "seed %llu: crash; again: world-run --seed %llu --trace\n", static_cast<unsigned long long>(running),
          static_cast<unsigned long long>(running));
  return CRASHED;
}

}  // namespace
}  // namespace meridian::sim

int main(int argc, char** argv) {
  using namespace meridian::sim;
  fixAddresses(argv);
  Request request;
  if (!parse(argc, argv, request)) {
    fprintf(stderr, "usage: world-run --suite | --seeds A..B | --seed S [--trace] | --hash A..B | --find CHECKER A..B\n");
    return USAGE;
  }
  return runGuarded(request);
}
