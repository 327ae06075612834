// Every state with every message, each in several forms, over several transients: whatever arrives, a step returns, answers or keeps
// its caller, and holds what a supervisor must hold.

#include <catch2/catch.hpp>

#include <functional>
#include <set>

#include "actors/supervisor/subject.h"
#include "actors/supervisor/turn.h"
#include "runtime/base/match.h"

namespace meridian::supervisor {
namespace {

// One overload for each alternative: a new state or message does not compile until it has samples here.
template <typename T>
struct Of {};

constexpr CallToken (*token)(uint64_t) = [](uint64_t n) { return CallToken(n); };
const CallToken CALLER = token(1000);

std::vector<Life> samples(Of<Stopped>) { return {Stopped{}, Stopped{instantFromNs(5)}}; }
std::vector<Life> samples(Of<Placing>) {
  return {Placing{instantFromNs(1), instantFromNs(10), {}, {}}, Placing{instantFromNs(1), instantFromNs(10), {M2}, HERE}};
}
std::vector<Life> samples(Of<Starting>) { return {Starting{instantFromNs(1), M1, HERE, instantFromNs(10)}}; }
std::vector<Life> samples(Of<Running>) {
  return {Running{M1, HERE, "10.0.0.2", instantFromNs(2), Health::HEALTHY, {}, instantFromNs(10)},
          Running{M1, HERE, "10.0.0.2", instantFromNs(2), Health::UNHEALTHY, {G1, G2}, instantFromNs(10)}};
}
std::vector<Life> samples(Of<Draining>) {
  std::vector<Life> all;
  for (auto reason: {StopReason::IDLE, StopReason::REQUESTED, StopReason::ROLLOUT}) {
    all.push_back(Draining{M1, HERE, "10.0.0.2", instantFromNs(2), {G1}, reason, SIGTERM, instantFromNs(10)});
  }
  return all;
}
std::vector<Life> samples(Of<Stopping>) {
  std::vector<Life> all;
  for (auto reason: {StopReason::IDLE, StopReason::REQUESTED, StopReason::ROLLOUT, StopReason::START_TIMEOUT}) {
    for (auto signal: {SIGTERM, SIGKILL}) {
      for (auto logs: {Logs::KEEP, Logs::REMOVE}) all.push_back(Stopping{M1, HERE, reason, signal, instantFromNs(10), logs});
    }
  }
  return all;
}

const Generation CURRENT(5);
const std::vector<Generation> GENERATIONS{Generation(4), CURRENT, Generation(6)};

std::vector<Message> forEachGeneration(const std::function<Message(Generation)>& make) {
  std::vector<Message> all;
  for (auto generation: GENERATIONS) all.push_back(make(generation));
  return all;
}

std::vector<Message> samples(Of<Lease>) { return {Lease{CALLER, G1}, Lease{CALLER, GatewayId("g3")}}; }
std::vector<Message> samples(Of<Report>) {
  return forEachGeneration([](Generation g) { return Report{CALLER, G1, g, 1, 5ns}; });
}
std::vector<Message> samples(Of<InstanceStarted>) {
  return forEachGeneration([](Generation g) { return InstanceStarted{CALLER, g, M1, instantFromNs(3)}; });
}
std::vector<Message> samples(Of<InstanceReady>) {
  return forEachGeneration([](Generation g) { return InstanceReady{CALLER, g, g == CURRENT ? M1 : M2, "10.0.0.2"}; });
}
std::vector<Message> samples(Of<InstanceHealth>) {
  return forEachGeneration([](Generation g) { return InstanceHealth{CALLER, g, M1, Health::UNHEALTHY}; });
}
std::vector<Message> samples(Of<InstanceExited>) {
  std::vector<Message> all;
  for (auto generation: GENERATIONS) {
    for (auto& machine: {M1, M2}) {
      for (uint16_t i = 0; i <= static_cast<uint16_t>(LAST_STOP_REASON); ++i) {
        all.push_back(InstanceExited{CALLER, generation, machine, {static_cast<StopReason>(i), 0, {}, "", instantFromNs(3)}});
      }
    }
  }
  return all;
}
std::vector<Message> samples(Of<AskHolds>) { return forEachGeneration([](Generation g) { return AskHolds{CALLER, g}; }); }
std::vector<Message> samples(Of<Rollout>) { return {Rollout{CALLER, 1}, Rollout{CALLER, 2}}; }
std::vector<Message> samples(Of<AskWhy>) { return {AskWhy{CALLER}}; }
std::vector<Message> samples(Of<Start>) { return {Start{CALLER, {}}, Start{CALLER, {{"A", "1"}}}, Start{CALLER, {{"", "1"}}}}; }
std::vector<Message> samples(Of<AskStatus>) { return {AskStatus{CALLER}}; }
std::vector<Message> samples(Of<Stop>) { return {Stop{CALLER, SIGTERM}, Stop{CALLER, SIGKILL}, Stop{CALLER, 0}}; }
std::vector<Message> samples(Of<Destroy>) { return {Destroy{CALLER}}; }
std::vector<Message> samples(Of<FindForExec>) { return {FindForExec{CALLER}}; }
std::vector<Message> samples(Of<FindForLogs>) { return {FindForLogs{CALLER}}; }
std::vector<Message> samples(Of<Granted>) { return forEachGeneration([](Generation g) { return Granted{g, webSpec()}; }); }
std::vector<Message> samples(Of<ClassFull>) { return forEachGeneration([](Generation g) { return ClassFull{g, 3}; }); }
std::vector<Message> samples(Of<ClassUnknown>) { return forEachGeneration([](Generation g) { return ClassUnknown{g}; }); }
std::vector<Message> samples(Of<Placed>) {
  auto all = forEachGeneration([](Generation g) { return Placed{g, chose("global", "here")}; });
  all.push_back(Placed{CURRENT, chose("global", "")});
  return all;
}
std::vector<Message> samples(Of<Reserved>) {
  auto all = forEachGeneration([](Generation g) { return Reserved{g, HERE, chose("here", "m1")}; });
  all.push_back(Reserved{CURRENT, HERE, chose("here", "")});
  all.push_back(Reserved{CURRENT, LocationId("there"), chose("there", "m1")});
  return all;
}
std::vector<Message> samples(Of<Accepted>) { return forEachGeneration([](Generation g) { return Accepted{g, M1}; }); }
std::vector<Message> samples(Of<Refused>) { return forEachGeneration([](Generation g) { return Refused{g, M1, "full"}; }); }
std::vector<Message> samples(Of<KillAnswered>) {
  auto all = forEachGeneration([](Generation g) { return KillAnswered{g, M1, Known::NO}; });
  all.push_back(KillAnswered{CURRENT, M1, Known::YES});
  all.push_back(KillAnswered{CURRENT, M2, Known::NO});
  return all;
}
std::vector<Message> samples(Of<Recalled>) { return forEachGeneration([](Generation g) { return Recalled{g, G1}; }); }
std::vector<Message> samples(Of<LogsRemoved>) { return {LogsRemoved{M1}, LogsRemoved{M2}}; }
std::vector<Message> samples(Of<AlarmDue>) { return {AlarmDue{}}; }

std::vector<Call> samples(Of<Acquire>) { return {Acquire{CURRENT}, Acquire{Generation(4)}}; }
std::vector<Call> samples(Of<Place>) { return {Place{CURRENT, {}, {}}}; }
std::vector<Call> samples(Of<Reserve>) { return {Reserve{CURRENT, HERE, {}, {}}}; }
std::vector<Call> samples(Of<StartInstance>) { return {StartInstance{CURRENT, M1, HERE, "spec", {}}}; }
std::vector<Call> samples(Of<SignalInstance>) { return {SignalInstance{CURRENT, M1, SIGTERM}}; }
std::vector<Call> samples(Of<KillInstance>) { return {KillInstance{CURRENT, M1}}; }
std::vector<Call> samples(Of<Recall>) { return {Recall{CURRENT, G1}}; }
std::vector<Call> samples(Of<ReleasePermit>) { return {ReleasePermit{CURRENT}, ReleasePermit{Generation(4)}}; }
std::vector<Call> samples(Of<ReleaseReservation>) { return {ReleaseReservation{Generation(4), HERE}}; }
std::vector<Call> samples(Of<RemoveLogs>) { return {RemoveLogs{M1}}; }

template <typename Variant>
std::vector<Variant> everySample() {
  std::vector<Variant> all;
  [&]<size_t... I>(std::index_sequence<I...>) {
    auto add = [&](auto samples) { all.insert(all.end(), samples.begin(), samples.end()); };
    (add(samples(Of<std::variant_alternative_t<I, Variant>>())), ...);
  }(std::make_index_sequence<std::variant_size_v<Variant>>());
  return all;
}

std::vector<Message> samples(Of<CallFailed>) {
  std::vector<Message> all;
  for (auto& call: everySample<Call>()) {
    for (uint32_t attempt: {0u, 19u, 1000u}) all.push_back(CallFailed{{call, attempt}, "cut"});
  }
  return all;
}
std::vector<Message> samples(Of<RetryDue>) {
  std::vector<Message> all;
  for (auto& call: everySample<Call>()) all.push_back(RetryDue{{call, 1}});
  return all;
}

std::vector<Transient> transients() {
  Transient fresh;
  fresh.loadedAt = instantFromNs(1);

  std::vector<Transient> all{fresh};
  for (auto chainStep: {Chain::Step::ACQUIRE, Chain::Step::PLACE, Chain::Step::RESERVE, Chain::Step::START}) {
    auto busy = fresh;
    busy.chain.step = chainStep;
    if (chainStep != Chain::Step::ACQUIRE) busy.chain.spec = webSpec();
    busy.chain.location = HERE;
    busy.starts = {{token(1), StartWaiter::Kind::LEASE, G1}, {token(2), StartWaiter::Kind::START, {}},
                   {token(3), StartWaiter::Kind::ROLLOUT, {}}};
    busy.gateways[G1] = {instantFromNs(2), instantFromNs(2), 1};
    all.push_back(busy);
  }
  auto ending = fresh;
  ending.starts = {{token(1), StartWaiter::Kind::LEASE, G1}};
  ending.stops = {token(4)};
  ending.destroys = {token(5)};
  ending.removing = {M1};
  all.push_back(ending);
  return all;
}

std::set<CallToken> waiting(const Transient& transient) {
  std::set<CallToken> tokens;
  size_t count = transient.starts.size() + transient.stops.size() + transient.destroys.size();
  for (auto& waiter: transient.starts) tokens.insert(waiter.token);
  tokens.insert(transient.stops.begin(), transient.stops.end());
  tokens.insert(transient.destroys.begin(), transient.destroys.end());
  CHECK(tokens.size() == count);
  return tokens;
}

template <typename T>
void addToken(std::set<CallToken>& tokens, const T& message) {
  if constexpr (requires { message.token; }) tokens.insert(message.token);
}

// What starts or ends an instance names the present generation; what gives back or recalls may name an ended one.
void expectStamped(const Call& call, Generation before, Generation after) {
  auto present = [&](const auto& c) { CHECK(c.generation == after); };
  auto upToPresent = [&](const auto& c) { CHECK(c.generation <= after); };
  std::visit(Match{
    [&](const Acquire& c) { present(c); },
    [&](const Place& c) { present(c); },
    [&](const Reserve& c) { present(c); },
    [&](const StartInstance& c) { present(c); },
    [&](const SignalInstance& c) { present(c); },
    [&](const KillInstance& c) { present(c); },
    [&](const Recall& c) { CHECK(c.generation == before); },
    [&](const ReleasePermit& c) { upToPresent(c); },
    [&](const ReleaseReservation& c) { upToPresent(c); },
    [&](const RemoveLogs&) {},
  }, call);
}

void expectSound(const State& before, const Transient& transient, const Message& message, const Step& step) {
  auto after = before;
  for (auto& change: step.changes) apply(after, change);

  // Each caller is answered once, or still waits: never both, never neither.
  auto callers = waiting(transient);
  std::visit([&](const auto& m) { addToken(callers, m); }, message);
  auto left = waiting(step.transient);
  for (auto& effect: step.effects) {
    std::visit([&](const auto& e) {
      if constexpr (requires { e.token; }) CHECK(left.insert(e.token).second);
    }, effect);
  }
  CHECK(left == callers);

  // A generation begins only when the one before has ended.
  CHECK(after.generation >= before.generation);
  CHECK(after.generation <= next(before.generation));
  if (after.generation != before.generation) {
    bool endsHere = std::holds_alternative<Stopped>(before.life) || std::holds_alternative<Placing>(before.life) ||
                    std::holds_alternative<InstanceExited>(message) || std::holds_alternative<KillAnswered>(message);
    CHECK(endsHere);
    CHECK(std::holds_alternative<Placing>(after.life));
  }
  // What may be on a machine is not forgotten without a proof that it is gone.
  bool onMachine = !std::holds_alternative<Stopped>(before.life) && !std::holds_alternative<Placing>(before.life);
  if (onMachine && (std::holds_alternative<Stopped>(after.life) || after.generation != before.generation)) {
    bool proven = std::holds_alternative<InstanceExited>(message) ||
                  (std::holds_alternative<KillAnswered>(message) && std::holds_alternative<Stopping>(before.life));
    CHECK(proven);
    CHECK(after.lastExit.has_value());
  }

  bool changed = !(after == before);
  CHECK(step.changes.size() == (changed ? 1 : 0));
  bool entered = nameOf(after.life) != nameOf(before.life) || after.generation != before.generation;
  bool journaled = false;
  for (auto& effect: step.effects) {
    if (std::holds_alternative<Journal>(effect)) {
      journaled = true;
      CHECK(changed);
    }
    auto perform = std::get_if<Perform>(&effect);
    if (perform && perform->attempt.attempt == 0) expectStamped(perform->attempt.call, before.generation, after.generation);
  }
  if (entered) CHECK(journaled);

  // Everything but a sleeping ID has a moment at which it looks again.
  CHECK((std::holds_alternative<Stopped>(after.life) || alarmAt(after, Limits{}).has_value()));
}

TEST_CASE("every message in every state is answered and leaves a sound supervisor") {
  size_t pairs = 0;
  auto messages = everySample<Message>();
  for (auto policy: {RestartPolicy::NEVER, RestartPolicy::ON_FAILURE, RestartPolicy::ALWAYS}) {
    for (auto& life: everySample<Life>()) {
      State state;
      state.generation = CURRENT;
      state.spec = webSpec();
      state.spec->restart = policy;
      state.restarts = 1;
      state.logMachines = {M2, M1};
      state.life = life;
      for (auto& transient: transients()) {
        for (auto& message: messages) {
          for (auto now: {instantFromNs(4), instantFromNs(10), instantFromNs(600'000'000'004)}) {
            Random random(7);
            INFO("state " << toText(nameOf(life)) << ", message " << message.index() << ", now " << toNs(now));
            expectSound(state, transient, message, step(state, transient, message, now, random, Limits{}));
            ++pairs;
          }
        }
      }
    }
  }
  CHECK(pairs > 10'000);
}

TEST_CASE("an ID that was never used answers every message") {
  Transient empty;
  for (auto& message: everySample<Message>()) {
    Random random(7);
    INFO("message " << message.index());
    expectSound(State{}, empty, message, step(State{}, empty, message, instantFromNs(4), random, Limits{}));
  }
}

TEST_CASE("every state can be loaded at any time, and a load changes nothing") {
  for (auto& life: everySample<Life>()) {
    State state;
    state.generation = CURRENT;
    state.spec = webSpec();
    state.life = life;
    for (auto now: {instantFromNs(4), instantFromNs(1'000'000)}) {
      auto step = resume(state, now, Limits{});
      CHECK(step.changes.empty());
      CHECK(step.transient.loadedAt == now);
      bool waits = std::holds_alternative<Stopped>(life) || std::holds_alternative<Running>(life);
      bool killDue = std::holds_alternative<Stopping>(life) && std::get<Stopping>(life).signal != SIGKILL && now >= instantFromNs(10);
      CHECK(step.effects.empty() == (waits || killDue));
    }
  }
}

}  // namespace
}  // namespace meridian::supervisor
