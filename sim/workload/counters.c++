#include "sim/workload/counters.h"

#include "sim/check/faults.h"
#include "sim/cluster/story.h"
#include "sim/workload/counters-exam.h"
#include "sim/world/chance.h"
#include "sim/world/stored-actor.h"

namespace meridian::sim {

using namespace std::chrono_literals;
using toys::Probe;
using toys::Tally;

// What it is told has left a store.
class Counters::ProbeServer final: public Probe::Server {
 public:
  ProbeServer(Sums& sums, SimClock& clock): sums_(sums), clock_(clock) {}

  kj::Promise<void> told(ToldContext context) override {
    sums_.told(context.getParams().getTally().cStr(), context.getParams().getValue());
    return kj::READY_NOW;
  }
  kj::Promise<void> streamed(StreamedContext context) override {
    sums_.told(context.getParams().getTally().cStr(), context.getParams().getValue());
    return kj::READY_NOW;
  }
  kj::Promise<void> wait(WaitContext context) override {
    return clock_.after(std::chrono::milliseconds(context.getParams().getMs()));
  }

 private:
  Sums& sums_;
  SimClock& clock_;
};

Counters::Counters(WorkloadParts parts)
    : cluster_(parts.cluster), options_(parts.options), random_(parts.random),
      sums_(cluster_.stage(), [this](const std::string& name) { return stored(name, "n").value_or(0); }),
      hearsay_([this](const std::string& listener, const std::string& speaker, int64_t value) {
        auto& placement = cluster_.placement();
        if (placement.serverOf({"Tally", listener}) != placement.serverOf({"Tally", speaker})) sums_.told(speaker, value);
      }) {}

void Counters::adjust(ClusterOptions& options) { options.host.activationsMax = 20; }

std::vector<actor::ActorKind> Counters::kinds(const std::string&) {
  // A ghost's memory is as old as the ghost.
  auto remembers = options_.ghostEvery == Duration::zero() ? Remembers::ITS_SUM : Remembers::NOTHING;
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([this, remembers]() { return kj::heap<TallyActor>(remembers, hearsay_); }));
  kinds.push_back(actor::actorKind([this, remembers]() { return kj::heap<EasyTallyActor>(remembers, hearsay_); }));
  return kinds;
}

void Counters::started(ActorClient& client) { client.vat().offer("probe", newProbe(client)); }

Probe::Client Counters::newProbe(ActorClient& client) { return kj::heap<ProbeServer>(sums_, client.clock()); }

std::optional<int64_t> Counters::stored(const std::string& name, const char* key) {
  actor::Address address{"Tally", name};
  auto bytes = StoredActor(cluster_.diskOf(address), address).getBytes(key);
  if (!bytes) return std::nullopt;
  int64_t value;
  memcpy(&value, bytes->data(), sizeof value);
  return value;
}

void Counters::committed(size_t server) {
  for (size_t i = 0; i < TALLIES; ++i) {
    auto name = "t" + std::to_string(i);
    if (cluster_.placement().indexOf({"Tally", name}) != server) continue;
    if (stored(name, "n") != stored(name, "twin")) cluster_.stage().verdict.wrong("half-a-turn", name + " and its twin differ on disk");
  }
}

Tally::Client Counters::anyTally(ActorClient& client, std::string& name) {
  name = "t" + std::to_string(random_.below(TALLIES));
  return client.actor<Tally>(name);
}

template <typename T>
void Counters::attempt(ActorClient& client, std::string what, Attempts attempts, kj::Promise<T>&& answer, Heard<T> heard) {
  auto entry = cluster_.ledger().begin(client.name(), what);
  client.spawn(answer.then(
      [attempts, entry, heard = kj::mv(heard)](T&& value) mutable {
        entry->end("served");
        heard(attempts, value);
      },
      [this, attempts, entry, what](kj::Exception&& error) {
        entry->end(toText(error.getType()));
        failed(what, attempts, error);
      }));
}

void Counters::failed(const std::string& what, const Attempts& attempts, const kj::Exception& error) {
  requireTyped(cluster_.stage(), what, error);
  if (mentions(error, "failed on purpose, later")) {
    // Its first turn was a good one, and the exception says so.
    sums_.acknowledged(attempts.front());
    std::string_view text = error.getDescription().cStr();
    auto value = text.find("value = ");
    if (value != text.npos) sums_.answered(attempts.front(), strtoll(text.data() + value + 8, nullptr, 10));
    return;
  }
  if (attempts.size() != 1) return;
  // An activation that is reset because of one call's failure tells the same to the others under way: those are in doubt.
  bool failedItself = mentions(error, "on purpose") && what.starts_with("addAndFail");
  bool wasRefused = !mentions(error, "on purpose") && error.getType() == kj::Exception::Type::OVERLOADED;
  if (failedItself || wasRefused) sums_.refused(attempts.front());
}

void Counters::act(ActorClient& client) {
  switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3: return add(client);
    case 4: return addSome(client);
    case 5:
    case 6:
    case 7: return get(client);
    case 8: return chance(random_, options_.throwRate) ? fail(client) : get(client);
    case 9: return chance(random_, 0.2) ? addAround(client) : get(client);
    case 10: return feed(client);
    case 11:
    case 12: return tell(client);
    case 13: return other(client);
    default: return relay(client);
  }
}

void Counters::add(ActorClient& client) {
  std::string name;
  auto request = anyTally(client, name).addRequest();
  auto by = static_cast<int64_t>(number(random_, 1, 9));
  request.setBy(by);
  attempt<capnp::Response<Tally::AddResults>>(client, "add " + name, {sums_.begin(name, by)}, request.send(),
      [this](const Attempts& attempts, auto& answer) {
        sums_.acknowledged(attempts.front());
        sums_.answered(attempts.front(), answer.getValue());
      });
}

// Many at once to one tally, so that they share a batch, or lie on both sides of a border.
void Counters::addSome(ActorClient& client) {
  auto name = "t" + std::to_string(random_.below(TALLIES));
  for (auto left = number(random_, 2, 12); left > 0; --left) {
    auto request = client.actor<Tally>(name).addRequest();
    request.setBy(1);
    attempt<capnp::Response<Tally::AddResults>>(client, "add " + name, {sums_.begin(name, 1)}, request.send(),
        [this](const Attempts& attempts, auto& answer) {
          sums_.acknowledged(attempts.front());
          sums_.answered(attempts.front(), answer.getValue());
        });
  }
}

void Counters::get(ActorClient& client) {
  std::string name;
  auto request = anyTally(client, name).getRequest();
  attempt<capnp::Response<Tally::GetResults>>(client, "get " + name, {sums_.begin(name, 0)}, request.send(),
      [this](const Attempts& attempts, auto& answer) { sums_.answered(attempts.front(), answer.getValue()); });
}

void Counters::fail(ActorClient& client) {
  std::string name;
  auto tally = anyTally(client, name);
  if (chance(random_, 0.5)) {
    auto request = tally.addThenFailRequest();
    request.setBy(7);
    return attempt<capnp::Response<Tally::AddThenFailResults>>(client, "addThenFail " + name, {sums_.begin(name, 7)}, request.send(),
        [this, name](const Attempts&, auto&) { cluster_.stage().verdict.wrong("typed-fault", name + " did not fail"); });
  }
  auto request = tally.addAndFailRequest();
  request.setBy(1'000);
  request.setHow(static_cast<toys::How>(random_.below(4)));
  attempt<capnp::Response<Tally::AddAndFailResults>>(client, "addAndFail " + name, {sums_.begin(name, 1'000)}, request.send(),
      [this, name](const Attempts&, auto&) { cluster_.stage().verdict.wrong("typed-fault", name + " did not fail"); });
}

void Counters::addAround(ActorClient& client) {
  std::string name;
  auto request = anyTally(client, name).addAroundRequest();
  request.setBy(3);
  request.setProbe(newProbe(client));
  request.setMs(static_cast<uint32_t>(number(random_, 1, 300)));
  attempt<capnp::Response<Tally::AddAroundResults>>(client, "addAround " + name, {sums_.begin(name, 3)}, request.send(),
      [this](const Attempts& attempts, auto& answer) {
        sums_.acknowledged(attempts.front());
        sums_.answered(attempts.front(), answer.getValue());
      });
}

// What becomes of a single chunk nobody learns.
void Counters::feed(ActorClient& client) {
  std::string name;
  auto tally = anyTally(client, name);
  for (auto left = number(random_, 1, 6); left > 0; --left) {
    sums_.begin(name, 1);
    auto request = tally.feedRequest();
    request.setBy(1);
    auto entry = cluster_.ledger().begin(client.name(), "feed " + name);
    client.spawn(request.send().then([entry]() { entry->end("served"); },
                                     [this, entry](kj::Exception&& error) {
                                       entry->end(toText(error.getType()));
                                       requireTyped(cluster_.stage(), "feed", error);
                                     }));
  }
}

void Counters::tell(ActorClient& client) {
  std::string name;
  auto request = anyTally(client, name).tellRequest();
  request.setBy(2);
  request.setService(client.name() + "/probe");
  request.setProbe(newProbe(client));
  attempt<capnp::Response<Tally::TellResults>>(client, "tell " + name, {sums_.begin(name, 2)}, request.send(),
      [this](const Attempts& attempts, auto& answer) {
        sums_.acknowledged(attempts.front());
        sums_.answered(attempts.front(), answer.getValue());
      });
}

// A call on what the call before it will answer with: its answer depends on both.
void Counters::other(ActorClient& client) {
  std::string first;
  auto tally = anyTally(client, first);
  auto second = "t" + std::to_string(random_.below(TALLIES));
  auto op = ++lastOp_;
  auto request = tally.otherRequest();
  request.setOp(op);
  request.setName(second);
  auto requireNoted = [this, first, op]() {
    actor::Address address{"Tally", first};
    if (StoredActor(cluster_.diskOf(address), address).getBytes("op" + std::to_string(op))) return;
    cluster_.stage().verdict.wrong("told-early", "what was asked of the answer of " + first + " is answered before that is durable");
  };
  auto pipelined = request.send().getTally();
  if (chance(random_, 0.5)) {
    return attempt<capnp::Response<Tally::GetResults>>(client, "other " + first + " get " + second, {sums_.begin(second, 0)},
        pipelined.getRequest().send(), [this, requireNoted](const Attempts& attempts, auto& answer) {
          requireNoted();
          sums_.answered(attempts.front(), answer.getValue());
        });
  }
  auto adding = pipelined.addRequest();
  adding.setBy(1);
  attempt<capnp::Response<Tally::AddResults>>(client, "other " + first + " add " + second, {sums_.begin(second, 1)}, adding.send(),
      [this, requireNoted](const Attempts& attempts, auto& answer) {
        requireNoted();
        sums_.acknowledged(attempts.front());
        sums_.answered(attempts.front(), answer.getValue());
      });
}

void Counters::relay(ActorClient& client) {
  std::string first;
  auto request = anyTally(client, first).relayRequest();
  auto second = "t" + std::to_string(random_.below(TALLIES));
  request.setBy(1);
  request.setTo(second);
  attempt<capnp::Response<Tally::RelayResults>>(
      client, "relay " + first + " " + second, {sums_.begin(first, 2), sums_.begin(second, 1)}, request.send(),
      [this](const Attempts& attempts, auto& answer) {
        for (auto& each: attempts) sums_.acknowledged(each);
        sums_.answered(attempts[0], answer.getMine());
        sums_.answered(attempts[1], answer.getTheirs());
      });
}

std::vector<Question> Counters::exam(ActorClient& examiner) { return examineTallies(cluster_, options_, examiner, newProbe(examiner)); }

std::vector<Question> Counters::conclude(ActorClient& examiner) {
  std::vector<Question> questions;
  for (size_t i = 0; i < TALLIES; ++i) {
    auto name = "t" + std::to_string(i);
    questions.push_back({"sum", 60s, [this, &examiner, name]() {
      return examiner.insist([&examiner, name]() {
        return examiner.actor<Tally>(name).getRequest().send().then([](auto&& answer) { return answer.getValue(); });
      }).then([this, name](int64_t value) { sums_.requireFinal(name, value); });
    }});
  }
  return questions;
}

namespace {

Outcome run(uint64_t seed, actor::ActorSystem& system, const RunOptions& options) {
  return runCluster(seed, system, options, Counters::adjust,
                    [](WorkloadParts parts) -> kj::Own<Workload> { return kj::heap<Counters>(parts); });
}

}  // namespace

Scenario countersScenario() {
  return {"counters", "sums that clients add to, and are told of in every way that something leaves a store", clusterFaultNames(), run};
}

}  // namespace meridian::sim
