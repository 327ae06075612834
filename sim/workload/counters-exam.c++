#include "sim/workload/counters-exam.h"

#include <kj/debug.h>

#include "sim/check/faults.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::EasyTally;
using toys::Probe;
using toys::Tally;

namespace {

constexpr Duration BLOCK_MAX = actor::HostLimits{}.blockMax;

// How many of the calls were refused for want of room. Nothing else may happen to them.
kj::Promise<size_t> refusals(kj::Array<kj::Promise<void>>&& calls) {
  auto count = std::make_shared<size_t>(0);
  auto counted = kj::heapArrayBuilder<kj::Promise<void>>(calls.size());
  for (auto& call: calls) {
    counted.add(call.catch_([count](kj::Exception&& error) {
      if (error.getType() != kj::Exception::Type::OVERLOADED) kj::throwFatalException(kj::mv(error));
      ++*count;
    }));
  }
  return kj::joinPromises(counted.finish()).then([count]() { return *count; });
}

template <typename Client>
kj::Promise<void> gotten(Client tally) {
  return tally.getRequest().send().ignoreResult();
}

kj::Promise<void> added(Tally::Client tally) {
  auto request = tally.addRequest();
  request.setBy(1);
  return request.send().ignoreResult();
}

kj::Promise<void> addedAround(Tally::Client tally, Probe::Client probe, uint32_t ms) {
  auto request = tally.addAroundRequest();
  request.setBy(1);
  request.setProbe(kj::mv(probe));
  request.setMs(ms);
  return request.send().ignoreResult();
}

template <typename Interface>
kj::Promise<void> worked(typename Interface::Client tally, Probe::Client probe, uint32_t ms) {
  auto request = tally.workRequest();
  request.setProbe(kj::mv(probe));
  request.setMs(ms);
  return request.send().ignoreResult();
}

// The text of the failure that must come.
kj::Promise<std::string> failure(kj::Promise<void>&& call, kj::Exception::Type type) {
  return call.then([]() -> std::string { KJ_FAIL_REQUIRE("it should have failed"); },
                   [type](kj::Exception&& error) -> std::string {
                     KJ_REQUIRE(error.getType() == type, "it failed in another way", error.getDescription());
                     return error.getDescription().cStr();
                   });
}

kj::Promise<void> failsSaying(kj::Promise<void>&& call, std::string words) {
  return failure(kj::mv(call), kj::Exception::Type::FAILED).then([words](std::string text) {
    KJ_REQUIRE(text.find(words) != text.npos, "it failed in another way", text.c_str(), words.c_str());
  });
}

}  // namespace

std::vector<Question> examineTallies(Cluster& cluster, const ClusterOptions& options, ActorClient& examiner, Probe::Client probe) {
  std::vector<Question> questions;
  auto tally = [&examiner](const std::string& name) { return examiner.actor<Tally>(name); };

  questions.push_back({"mailbox-bound", 20s, [tally, probe, most = options.host.mailboxMax]() mutable {
    auto holding = addedAround(tally("held"), probe, 2'000);
    auto calls = kj::heapArrayBuilder<kj::Promise<void>>(most + 3);
    for (size_t i = 0; i < most + 3; ++i) calls.add(gotten(tally("held")));
    return refusals(calls.finish()).then([](size_t refused) {
      KJ_REQUIRE(refused == 3, "a mailbox takes as many calls as it says, and no more", refused);
    }).then([holding = kj::mv(holding)]() mutable { return kj::mv(holding); });
  }});

  questions.push_back({"block-bound", BLOCK_MAX + 10s, [&examiner, tally, probe]() mutable {
    auto holding = failure(addedAround(tally("stubborn"), probe, 3'600'000), kj::Exception::Type::DISCONNECTED).ignoreResult();
    return holding.then([&examiner, tally]() { return examiner.insist([tally]() { return added(tally("stubborn")); }); });
  }});

  questions.push_back({"cancellation", 30s, [&examiner, tally, probe]() mutable {
    auto progress = [](auto tally) {
      return tally.progressRequest().send().then([](auto&& answer) { return std::pair(answer.getBegun(), answer.getEnded()); });
    };
    {
      // Whoever asked goes at once, after a second.
      auto steady = worked<Tally>(tally("steady"), probe, 5'000);
      auto easy = worked<EasyTally>(examiner.actor<EasyTally>("easy"), probe, 5'000);
      auto gone = examiner.clock().after(1s);
      return kj::joinPromises(kj::arr(kj::mv(steady), kj::mv(easy)))
          .then([]() { KJ_FAIL_REQUIRE("the probe did not wait"); })
          .exclusiveJoin(kj::mv(gone))
          .then([&examiner]() { return examiner.clock().after(9s); })
          .then([tally, progress]() { return progress(tally("steady")); })
          .then([&examiner, progress](auto steady) {
            KJ_REQUIRE(steady == std::pair(1u, 1u), "a call runs to its end though its caller has gone", steady.first, steady.second);
            return progress(examiner.actor<EasyTally>("easy"));
          })
          .then([](auto easy) {
            KJ_REQUIRE(easy == std::pair(1u, 0u), "a call that may be cancelled ends between two turns", easy.first, easy.second);
          });
    }
  }});

  questions.push_back({"outside-of-a-turn", 20s, [tally]() {
    return failsSaying(tally("bare").outsideRequest().send().ignoreResult(), "inside a turn").then([tally]() {
      return tally("bare").getRequest().send().then([](auto&& answer) {
        KJ_REQUIRE(answer.getValue() == 0, "what is written outside of a turn is not written", answer.getValue());
      });
    });
  }});

  questions.push_back({"set-aside", 20s, [tally]() {
    return failsSaying(tally("aside").failCheckRequest().send().ignoreResult(), "set aside")
        .then([tally]() { return failsSaying(gotten(tally("aside")), "set aside"); })
        .then([tally]() { return added(tally("steady")); });
  }});
  // The last: they stay in memory for a while.
  questions.push_back({"activations-bound", 20s, [&cluster, tally, most = options.host.activationsMax]() {
    auto room = most * cluster.serverRole(0).shardCount();
    auto calls = kj::heapArrayBuilder<kj::Promise<void>>(2 * room);
    for (size_t i = 0; calls.size() < 2 * room; ++i) {
      auto name = "many" + std::to_string(i);
      if (cluster.placement().indexOf({"Tally", name}) == 0) calls.add(gotten(tally(name)));
    }
    return refusals(calls.finish()).then([room](size_t refused) {
      KJ_REQUIRE(refused >= room, "no more actors are in memory than may be", refused, room);
    });
  }});
  return questions;
}

}  // namespace meridian::sim
