// A server of counters and banks is killed with SIGKILL at random moments under the load of several clients, again and again on
// one store. Each time all that was acknowledged is there, nothing else than what was asked for, nothing that an answer has
// shown is undone, and no bank has lost or made money. Some kills come while the server is still opening its store.

#include <kj/debug.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <future>
#include <string>
#include <vector>

#include "tests/integration/server-kill/client.h"
#include "tests/integration/server-kill/server.h"
#include "tests/scratch-folder.h"

namespace meridian::killed {

namespace {

using namespace std::chrono_literals;

constexpr unsigned KILLS = 200, KILLS_LONG = 2'000;
constexpr unsigned CLIENTS = 4;
constexpr uint64_t ACKNOWLEDGED_BEFORE_KILL_MAX = 200;
constexpr uint64_t KILLED_WHILE_OPENING_ONE_IN = 8;
constexpr std::chrono::microseconds OPENING_MAX = 20ms;
constexpr std::chrono::microseconds LATE_MAX = 3ms;   // the kill comes so much after the last awaited answer
constexpr auto PATIENCE = 30s;

struct Totals {
  uint64_t acknowledged = 0;
  uint64_t inDoubt = 0;
  unsigned whileOpening = 0;

  void add(const std::vector<Tally>& tallies) {
    for (const auto& tally : tallies) {
      acknowledged += tally.acknowledged;
      inDoubt += tally.inDoubt;
    }
  }
};

class Rounds {
 public:
  Rounds(const std::string& folder, uint64_t seed): folder_(folder), socket_(folder + "/socket"), random_(seed) {}

  void round() {
    ServerProcess server(folder_, socket_);
    if (random_.below(KILLED_WHILE_OPENING_ONE_IN) == 0) {
      server.servesWithin(std::chrono::microseconds(random_.below(OPENING_MAX.count())));
      server.kill();
      totals_.whileOpening += 1;
      return;
    }
    expectServing(server);
    audit(socket_, books_);
    load(server);
    totals_.add(books_.counters);
    totals_.add(books_.banks);
  }

  // What the last kill has left.
  void finish() {
    ServerProcess server(folder_, socket_);
    expectServing(server);
    audit(socket_, books_);
  }

  const Totals& totals() const { return totals_; }

 private:
  static void expectServing(ServerProcess& server) { KJ_REQUIRE(server.servesWithin(PATIENCE), "the server does not come up"); }

  void load(ServerProcess& server) {
    Goal goal(random_.below(ACKNOWLEDGED_BEFORE_KILL_MAX));
    std::vector<std::future<Books>> clients;
    for (unsigned i = 0; i < CLIENTS; ++i) {
      clients.push_back(std::async(std::launch::async, [this, random = random_.fork(), &goal]() {
        return callUntilGone(socket_, random, goal);
      }));
    }
    bool isReached = goal.isReachedWithin(PATIENCE);
    bool isGone = server.endsWithin(std::chrono::microseconds(random_.below(LATE_MAX.count())));
    server.kill();
    for (auto& client : clients) books_.add(client.get());
    KJ_REQUIRE(isReached && !isGone, "the server answers too little, or has ended by itself", isReached, isGone);
  }

  const std::string folder_;
  const std::string socket_;
  Random random_;
  Books books_;
  Totals totals_;
};

Totals killOften(unsigned kills, uint64_t seed) {
  tests::ScratchFolder folder;
  Rounds rounds(folder.path(), seed);
  for (unsigned kill = 0; kill < kills; ++kill) rounds.round();
  rounds.finish();
  return rounds.totals();
}

int prove(uint64_t seed, bool isLong) {
  unsigned kills = isLong ? KILLS_LONG : KILLS;
  printf("seed %lu\n", seed);
  auto totals = killOften(kills, seed);
  printf("%u kills, %u of them while the store was opened: %lu calls acknowledged, none lost, %lu in doubt\n", kills,
         totals.whileOpening, totals.acknowledged, totals.inDoubt);
  // Kills that interrupt nothing prove nothing.
  return totals.acknowledged > kills && totals.inDoubt > kills && totals.whileOpening > 0 ? 0 : 1;
}

// 0 as soon as something is wrong in one of the seeds "A..B".
int find(const std::string& seeds) {
  uint64_t first, last;
  KJ_REQUIRE(sscanf(seeds.c_str(), "%lu..%lu", &first, &last) == 2, "seeds are A..B");
  for (auto seed = first; seed <= last; ++seed) {
    KJ_IF_MAYBE(error, kj::runCatchingExceptions([&]() { killOften(KILLS / 10, seed); })) {
      printf("found in seed %lu: %s\n", seed, error->getDescription().cStr());
      return 0;
    }
  }
  return 1;
}

}  // namespace

}  // namespace meridian::killed

int main(int argc, char** argv) {
  using namespace meridian::killed;
  CLI::App app("Kills a server under load, and compares what it kept with what its clients know.");
  uint64_t seed = 1;
  bool isLong = getenv("MERIDIAN_LONG") != nullptr;
  std::vector<std::string> served, fault;
  app.add_option("--seed", seed, "of the load and of the moments");
  app.add_flag("--long", isLong, "2,000 kills");
  app.add_option("--serve", served, "be the server: folder and socket")->expected(2);
  app.add_option("--find", fault, "any, and seeds A..B: succeeds when something is found")->expected(2);
  CLI11_PARSE(app, argc, argv);
  try {
    if (!served.empty()) {
      serve(served[0], served[1]);
      return 1;
    }
    return fault.empty() ? prove(seed, isLong) : find(fault[1]);
  } catch (const kj::Exception& error) {
    fprintf(stderr, "server-kill-test: %s\n", error.getDescription().cStr());
  } catch (const std::exception& error) {
    fprintf(stderr, "server-kill-test: %s\n", error.what());
  }
  return 1;
}
