#include "sim/workload/alarms.h"

#include <kj/debug.h>

#include <map>

#include "runtime/actor/store-keys.h"
#include "sim/check/faults.h"
#include "sim/world/chance.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::Bell;

namespace {

constexpr uint32_t TRIES_MAX = 6;
// All tries of one that fails five times, after as long as wall clocks may have to catch up.
constexpr Duration REST_MAX = 300s;

kj::Promise<void> set(Bell::Client bell, uint64_t order, uint32_t ms, uint32_t failures, uint32_t again) {
  auto request = bell.setRequest();
  request.setOrder(order);
  request.setMs(ms);
  request.setFailures(failures);
  request.setAgain(again);
  return request.send().ignoreResult();
}

}  // namespace

std::vector<actor::ActorKind> Alarms::kinds(const std::string&) {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([this]() { return kj::heap<BellActor>(listener_); }));
  return kinds;
}

void Alarms::watch(ActorClient& client, uint64_t order, std::string what, kj::Promise<void>&& answer) {
  auto entry = cluster_.ledger().begin(client.name(), what);
  client.spawn(answer.then(
      [this, entry, order]() {
        entry->end("served");
        orders_.acknowledged(order);
      },
      [this, entry, order, what](kj::Exception&& error) {
        entry->end(toText(error.getType()));
        requireTyped(cluster_.stage(), what, error);
        if (error.getType() == kj::Exception::Type::OVERLOADED) orders_.refused(order);
      }));
}

void Alarms::act(ActorClient& client) {
  // A bell that is given orders all the time never rings.
  if (!chance(random_, 0.2)) return;
  auto name = "b" + std::to_string(random_.below(BELLS));
  auto bell = client.actor<Bell>(name);
  auto order = orders_.given(name);
  auto what = name + " order " + std::to_string(order);
  if (chance(random_, 0.2)) {
    auto request = bell.clearRequest();
    request.setOrder(order);
    return watch(client, order, what + ": clear", request.send().ignoreResult());
  }
  auto ms = static_cast<uint32_t>(chance(random_, 0.8) ? number(random_, 0, 1'000) : number(random_, 1'000, 20'000));
  auto failures = chance(random_, options_.throwRate) ? static_cast<uint32_t>(number(random_, 1, TRIES_MAX - 1)) : 0;
  auto again = chance(random_, 0.2) ? static_cast<uint32_t>(number(random_, 1, 3)) : 0;
  watch(client, order, what + ": set " + std::to_string(ms), set(bell, order, ms, failures, again));
}

// One alarm an actor, in both of the places where it is kept.
void Alarms::committed(size_t server) {
  std::map<actor::Address, size_t> alarms;
  auto& rows = cluster_.server(server).disk().contents().rows;
  auto prefix = actor::alarmIndexPrefix();
  for (auto row = rows.lower_bound(prefix); row != rows.end() && row->first.starts_with(prefix); ++row) {
    auto address = actor::decodeAddress(row->second);
    if (++alarms[address] > 1) cluster_.stage().verdict.wrong("one-alarm", actor::toText(address) + " has two alarms");
    auto number = rows.find(actor::nameKey(address));
    if (number == rows.end()) return cluster_.stage().verdict.wrong("one-alarm", "an alarm belongs to nobody");
    auto alarm = rows.find(actor::alarmKey(actor::decodeNumber(number->second)));
    if (alarm == rows.end() || actor::decodeAlarm(alarm->second).at != actor::alarmIndexTime(row->first)) {
      cluster_.stage().verdict.wrong("one-alarm", actor::toText(address) + " has two times for one alarm");
    }
  }
}

kj::Promise<void> Alarms::atRest(ActorClient& examiner, const std::string& bell) {
  return examiner.insist([this, &examiner, bell]() {
    return examiner.actor<Bell>(bell).stateRequest().send().then([this, bell](auto&& answer) {
      if (answer.getPending()) kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "its alarm is still to come", bell.c_str()));
      orders_.requireAtRest(bell, answer.getOrder(), answer.getOwed());
    });
  });
}

// Six tries, two seconds after the first and then doubling, each a little later but never earlier.
void Alarms::requireBackoff(uint64_t order) {
  auto rings = orders_.ringsOf(order);
  KJ_REQUIRE(rings.size() == TRIES_MAX, "an alarm is tried six times", rings.size());
  Duration least = 2s;
  bool jittered = false;
  for (size_t i = 1; i < rings.size(); ++i, least *= 2) {
    auto waited = rings[i] - rings[i - 1];
    KJ_REQUIRE(waited >= least && waited <= least * 3 / 2 + 1s, "tries double their distance", i, toMs(waited), toMs(least));
    if (waited > least + least / 50) jittered = true;
  }
  KJ_REQUIRE(jittered, "tries are jittered");
}

std::vector<Question> Alarms::exam(ActorClient& examiner) {
  std::vector<Question> questions;
  questions.push_back({"alarm-retries", 150s, [this, &examiner]() {
    auto order = orders_.given("stubborn");
    return examiner.insist([&examiner, order]() { return set(examiner.actor<Bell>("stubborn"), order, 100, 1'000, 0); })
        .then([&examiner]() { return examiner.clock().after(120s); })
        .then([this, order]() { requireBackoff(order); })
        .then([&examiner]() { return examiner.actor<Bell>("stubborn").stateRequest().send(); })
        .then([](auto&& answer) { KJ_REQUIRE(!answer.getPending(), "an alarm that was given up is gone"); });
  }});
  return questions;
}

std::vector<Question> Alarms::conclude(ActorClient& examiner) {
  std::vector<Question> questions;
  for (size_t i = 0; i < BELLS; ++i) {
    questions.push_back({"alarm-comes", REST_MAX, [this, &examiner, bell = "b" + std::to_string(i)]() { return atRest(examiner, bell); }});
  }
  return questions;
}

namespace {

void adjust(ClusterOptions&) {}

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) {
  return runCluster(seed, system, options, adjust,
                    [](WorkloadParts parts) -> kj::Own<Workload> { return kj::heap<Alarms>(kj::mv(parts)); });
}

}  // namespace

Scenario alarmsScenario() {
  return {"alarms", "alarms that are set, replaced, cleared and fail: each comes, none early, none that is void",
          clusterFaultNames(), run};
}

}  // namespace meridian::sim
