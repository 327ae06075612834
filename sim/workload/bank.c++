#include "sim/workload/bank.h"

#include <kj/debug.h>

#include "sim/check/faults.h"
#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::Account;

namespace {

constexpr size_t ACCOUNTS = 6;
constexpr size_t CHAIN = 10;       // actors that one call goes through

}  // namespace

Bank::Bank(WorkloadParts parts)
    : cluster_(parts.cluster), options_(parts.options), random_(parts.random),
      money_(cluster_.stage(), accounts(), [this](const std::string& account) -> const SimDisk& {
        return cluster_.diskOf({"Account", account});
      }) {}

std::vector<std::string> Bank::accounts() {
  std::vector<std::string> names;
  for (size_t i = 0; i < ACCOUNTS; ++i) names.push_back("a" + std::to_string(i));
  return names;
}

std::vector<actor::ActorKind> Bank::kinds(const std::string&) {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<AccountActor>(); }));
  return kinds;
}

void Bank::act(ActorClient& client) {
  if (chance(random_, 0.2)) return pass(client);
  transfer(client);
}

void Bank::transfer(ActorClient& client) {
  auto from = "a" + std::to_string(random_.below(ACCOUNTS));
  auto to = "a" + std::to_string(random_.below(ACCOUNTS));
  auto transfer = ++lastTransfer_;
  auto request = client.actor<Account>(from).transferRequest();
  request.setNumber(transfer);
  request.setTo(to);
  request.setAmount(static_cast<int64_t>(number(random_, 1, 30)));
  auto what = "transfer " + std::to_string(transfer) + " " + from + " " + to;
  auto entry = cluster_.ledger().begin(client.name(), what);
  client.spawn(request.send().then(
      [this, entry, transfer, to](auto&& answer) {
        entry->end(answer.getAccepted() ? "served" : "too poor");
        if (answer.getAccepted()) money_.acknowledged(transfer, to);
      },
      [this, entry, what](kj::Exception&& error) {
        entry->end(toText(error.getType()));
        requireTyped(cluster_.stage(), what, error);
      }));
}

void Bank::pass(ActorClient& client) {
  std::vector<std::string> path;
  for (auto left = number(random_, 2, 5); left > 0; --left) path.push_back("a" + std::to_string(random_.below(ACCOUNTS)));
  auto entry = cluster_.ledger().begin(client.name(), "pass");
  client.spawn(passedOn(client, kj::mv(path)).then([entry]() { entry->end("served"); },
                                                   [this, entry](kj::Exception&& error) {
                                                     entry->end(toText(error.getType()));
                                                     requireTyped(cluster_.stage(), "pass", error);
                                                   }));
}

void Bank::committed(size_t) { money_.requireConserved(); }

Question Bank::owesNothing(ActorClient& examiner, const std::string& account) {
  return {"saga-ends", 90s, [&examiner, account]() {
    return examiner.insist([&examiner, account]() {
      return examiner.actor<Account>(account).owesRequest().send().then([](auto&& answer) {
        if (answer.getCount() > 0) kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "it still owes", answer.getCount()));
      });
    });
  }};
}

kj::Promise<void> Bank::passedOn(ActorClient& client, std::vector<std::string> path) {
  auto request = client.actor<Account>(path.front()).passRequest();
  auto number = ++lastTransfer_;
  request.setNumber(number);
  auto rest = request.initPath(static_cast<capnp::uint>(path.size() - 1));
  for (capnp::uint i = 0; i < rest.size(); ++i) rest.set(i, path[i + 1]);
  return request.send().then([this, number, path = kj::mv(path)](auto&& answer) {
    KJ_REQUIRE(answer.getHops() == path.size(), answer.getHops());
    money_.passed(number, path);
  });
}

// However many actors of one server a call goes through, all of them are one commit.
std::vector<Question> Bank::exam(ActorClient& examiner) {
  std::vector<Question> questions;
  for (auto& account: accounts()) questions.push_back(owesNothing(examiner, account));
  // The alarms of what was owed come when wall clocks say so, and would commit in between.
  questions.push_back({"quiet", 60s, [&examiner]() { return examiner.clock().after(50s); }});
  questions.push_back({"one-commit", 20s, [this, &examiner]() {
    std::vector<std::string> path;
    for (size_t i = 0; path.size() < CHAIN; ++i) {
      auto name = "chain" + std::to_string(i);
      if (cluster_.placement().indexOf({"Account", name}) == 0) path.push_back(name);
    }
    auto before = cluster_.serverRole(0).store().counters();
    return passedOn(examiner, path).then([this, before]() {
      auto after = cluster_.serverRole(0).store().counters();
      KJ_REQUIRE(after.writeSets - before.writeSets == CHAIN, "each actor wrote once", after.writeSets - before.writeSets);
      auto least = (CHAIN + options_.commit.batchSetsMax - 1) / options_.commit.batchSetsMax;
      KJ_REQUIRE(after.batches - before.batches == least, "all of them are one commit", after.batches - before.batches, least);
    });
  }});
  return questions;
}

std::vector<Question> Bank::conclude(ActorClient& examiner) {
  std::vector<Question> questions;
  for (auto& account: accounts()) questions.push_back(owesNothing(examiner, account));
  questions.push_back({"conserved", 1s, [this]() -> kj::Promise<void> {
    money_.requireConserved();
    money_.requireAcknowledgedPaid();
    return kj::READY_NOW;
  }});
  return questions;
}

namespace {

void adjust(ClusterOptions&) {}

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) {
  return runCluster(seed, system, options, adjust,
                    [](WorkloadParts parts) -> kj::Own<Workload> { return kj::heap<Bank>(kj::mv(parts)); });
}

}  // namespace

Scenario bankScenario() {
  return {"bank", "money that moves between accounts of one server and of several: no durable state has more or less of it",
          clusterFaultNames(), run};
}

}  // namespace meridian::sim
