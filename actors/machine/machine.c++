#include "actors/machine/machine.h"

#include <algorithm>

#include "actors/machine/turn.h"
#include "runtime/base/match.h"

namespace meridian::machine {

namespace {

std::string describe(const Resources& resources) {
  return std::to_string(resources.cpu.value()) + " millionths of a vCPU, " + std::to_string(resources.memory.value()) + " MiB, " +
         std::to_string(resources.disk.value()) + " MB of disk";
}

// An earlier generation of the same container that is not proven gone.
const Row* earlierAlive(const State& state, const InstanceKey& key) {
  for (auto row = state.rows.lower_bound({key.container, Generation(0)}); row != state.rows.end(); ++row) {
    if (row->first.container != key.container || row->first.generation >= key.generation) return nullptr;
    if (!row->second.exit) return &row->second;
  }
  return nullptr;
}

// Why a generation above the last cannot start here; empty: it can.
std::string obstacle(const Turn& turn, const Start& message) {
  if (auto earlier = earlierAlive(turn.state, message.key)) {
    return toText(earlier->key) + " is still here";
  }
  if (turn.state.rows.size() >= turn.limits.instancesMax) {
    return std::to_string(turn.limits.instancesMax) + " instances are here; that is the limit";
  }
  if (!fits(turn.state.used + message.spec.need, turn.limits.capacity)) {
    return "it needs " + describe(message.spec.need) + "; free are " + describe(turn.limits.capacity - turn.state.used);
  }
  return "";
}

// Accepted before: facts may have been lost with the supervisor's memory, so they are told again.
void tellAgain(Turn& turn, const Row& row) {
  if (row.exit) return turn.call(TellExited{row.key, *row.exit});
  auto& progress = turn.progress(row.key);
  if (progress.startedAt) turn.call(TellStarted{row.key, *progress.startedAt});
  if (progress.host) turn.call(TellReady{row.key, *progress.host});
}

void onStart(Turn& turn, const Start& message) {
  if (auto row = turn.find(message.key)) {
    turn.reply(message.token, Accepted{});
    return tellAgain(turn, *row);
  }
  if (message.key.generation <= message.last) {
    return turn.reply(message.token, Refused{toText(message.key) + " is stale: generation " + std::to_string(message.last.value()) +
                                             " was here before"});
  }
  turn.changes.push_back(RaiseLast{message.key});
  if (auto why = obstacle(turn, message); !why.empty()) return turn.reply(message.token, Refused{why});
  Row row{message.key, message.spec, message.extraEnv, message.location, turn.now, {}};
  launch(turn, row);
  turn.changes.push_back(PutRow{std::move(row)});
  turn.reply(message.token, Accepted{});
}

void onSignal(Turn& turn, const Signal& message) {
  turn.reply(message.token, Done{});
  if (turn.alive(message.key)) turn.call(SignalInstance{message.key, message.number});
}

void onKill(Turn& turn, const Kill& message) {
  auto row = turn.find(message.key);
  turn.reply(message.token, row ? Known::YES : Known::NO);
  if (!row) {
    if (message.key.generation > message.last) turn.changes.push_back(RaiseLast{message.key});
  } else if (row->exit) {
    turn.call(TellExited{row->key, *row->exit});
  } else {
    turn.progress(row->key).fate = Progress::Fate::KILLED;
    turn.call(KillInstance{row->key});
  }
}

void onDriverStarted(Turn& turn, const DriverStarted& message) {
  turn.reply(message.token, Done{});
  if (auto row = turn.alive(message.key)) return started(turn, *row, message.startedAt);
  turn.effects.push_back(ReportStray{message.key});
  turn.call(KillInstance{message.key});
}

void onDriverReady(Turn& turn, const DriverReady& message) {
  turn.reply(message.token, Done{});
  if (auto row = turn.alive(message.key)) ready(turn, *row, message.host);
}

void onDriverHealth(Turn& turn, const DriverHealth& message) {
  turn.reply(message.token, Done{});
  if (!turn.alive(message.key)) return;
  turn.progress(message.key).health = message.health;
  turn.call(TellHealth{message.key, message.health});
}

void onDriverExited(Turn& turn, const DriverExited& message) {
  turn.reply(message.token, Done{});
  if (auto row = turn.alive(message.key)) {
    exited(turn, *row, message.exit);
  } else {
    turn.call(AcknowledgeExit{message.key});     // durable before, and perhaps forgotten since
  }
}

void onCallDone(Turn& turn, const CallDone& message) {
  auto seen = [&](const InstanceKey& key) -> Progress* { return turn.alive(key) ? &turn.progress(key) : nullptr; };
  std::visit(Match{
    [&](const Launch& call) {
      if (auto progress = seen(call.key)) {
        progress->launch = Progress::Launch::ANSWERED;
        progress->round = turn.transient.round;
      }
    },
    [&](const SignalInstance&) {},
    [&](const KillInstance&) {},                 // the exit is a fact of its own
    [&](const AcknowledgeExit&) {},
    [&](const List&) {},
    [&](const TellStarted& call) { if (auto progress = seen(call.key)) progress->startedTold = Progress::Told::YES; },
    [&](const TellReady& call) { if (auto progress = seen(call.key)) progress->readyTold = Progress::Told::YES; },
    [&](const TellHealth&) {},
    [&](const TellExited& call) {
      auto row = turn.find(call.key);
      if (row && row->exit) turn.changes.push_back(EraseRow{call.key});
    },
  }, message.call);
}

// Whether a call that failed is still worth repeating.
bool wanted(Turn& turn, const Attempt& attempt) {
  return std::visit(Match{
    [&](const Launch& call) { return turn.alive(call.key) && turn.progress(call.key).launch == Progress::Launch::ASKED; },
    [&](const SignalInstance& call) { return turn.alive(call.key) && attempt.attempt < turn.limits.triesMax; },
    [&](const KillInstance& call) { return turn.alive(call.key) || attempt.attempt < turn.limits.triesMax; },
    [&](const AcknowledgeExit&) { return attempt.attempt < turn.limits.triesMax; },
    [&](const List&) { return true; },
    [&](const TellStarted& call) { return turn.alive(call.key) != nullptr; },
    [&](const TellReady& call) { return turn.alive(call.key) != nullptr; },
    [&](const TellHealth& call) { return turn.alive(call.key) && turn.progress(call.key).health == call.health; },
    [&](const TellExited& call) { return turn.find(call.key) != nullptr; },
  }, attempt.call);
}

void onCallFailed(Turn& turn, const CallFailed& message, Random& random) {
  auto attempt = message.attempt;
  if (!wanted(turn, attempt)) return;
  auto delay = turn.limits.retryFirst;
  for (uint32_t i = 0; i < attempt.attempt && delay < turn.limits.retryMax; ++i) delay *= 2;
  auto half = std::min(delay, turn.limits.retryMax) / 2;
  auto jitter = Duration(random.below(half.count() + 1));
  ++attempt.attempt;
  turn.effects.push_back(RetryAfter{half + jitter, std::move(attempt)});
}

void onRetryDue(Turn& turn, const RetryDue& message) {
  if (!wanted(turn, message.attempt)) return;
  auto attempt = message.attempt;
  if (auto call = std::get_if<Launch>(&attempt.call)) {
    auto& row = *turn.alive(call->key);
    auto left = row.acceptedAt + row.spec.startTimeout - turn.now;
    if (left <= Duration::zero() || turn.progress(row.key).fate == Progress::Fate::KILLED) {
      turn.progress(row.key).launch = Progress::Launch::UNKNOWN;
      return list(turn, Repeat::ONCE);
    }
    call->timeout = left;
  }
  if (auto call = std::get_if<List>(&attempt.call)) call->round = ++turn.transient.round;
  turn.effects.push_back(Perform{std::move(attempt)});
}

}  // namespace

const Row* Turn::find(const InstanceKey& key) const {
  auto found = state.rows.find(key);
  return found == state.rows.end() ? nullptr : &found->second;
}

const Row* Turn::alive(const InstanceKey& key) const {
  auto row = find(key);
  return row && !row->exit ? row : nullptr;
}

void Turn::reply(CallToken token, Answer answer) { effects.push_back(Reply{token, std::move(answer)}); }

void Turn::call(Call call) { effects.push_back(Perform{{std::move(call), 0}}); }

void started(Turn& turn, const Row& row, Instant startedAt) {
  auto& progress = turn.progress(row.key);
  progress.launch = Progress::Launch::ANSWERED;
  progress.round = turn.transient.round;
  if (progress.fate == Progress::Fate::KILLED) turn.call(KillInstance{row.key});
  if (progress.startedAt == startedAt && progress.startedTold == Progress::Told::YES) return;
  progress.startedAt = startedAt;
  turn.call(TellStarted{row.key, startedAt});
}

void ready(Turn& turn, const Row& row, const std::string& host) {
  auto& progress = turn.progress(row.key);
  if (progress.host == host && progress.readyTold == Progress::Told::YES) return;
  progress.host = host;
  turn.call(TellReady{row.key, host});
}

void exited(Turn& turn, const Row& row, const Exit& exit) {
  auto changed = row;
  changed.exit = exit;
  turn.changes.push_back(PutRow{std::move(changed)});
  turn.transient.instances.erase(row.key);
  turn.call(AcknowledgeExit{row.key});
  turn.call(TellExited{row.key, exit});
}

void launch(Turn& turn, const Row& row) {
  auto& progress = turn.progress(row.key);
  progress.launch = Progress::Launch::ASKED;
  progress.round = turn.transient.round;
  turn.call(Launch{row.key, row.acceptedAt + row.spec.startTimeout - turn.now});
}

Step step(const State& state, Transient transient, const Message& message, Instant now, Random& random, const Limits& limits) {
  Turn turn{state, std::move(transient), now, limits, {}, {}};
  std::visit(Match{
    [&](const Start& m) { onStart(turn, m); },
    [&](const Signal& m) { onSignal(turn, m); },
    [&](const Kill& m) { onKill(turn, m); },
    [&](const DriverStarted& m) { onDriverStarted(turn, m); },
    [&](const DriverReady& m) { onDriverReady(turn, m); },
    [&](const DriverHealth& m) { onDriverHealth(turn, m); },
    [&](const DriverExited& m) { onDriverExited(turn, m); },
    [&](const Listed& m) { onListed(turn, m); },
    [&](const CallDone& m) { onCallDone(turn, m); },
    [&](const CallFailed& m) { onCallFailed(turn, m, random); },
    [&](const RetryDue& m) { onRetryDue(turn, m); },
  }, message);
  return {std::move(turn.changes), std::move(turn.transient), std::move(turn.effects)};
}

Step resume(const State& state, Instant now, const Limits& limits) {
  Turn turn{state, {}, now, limits, {}, {}};
  list(turn, Repeat::FOR_EVER);
  for (auto& [key, row]: state.rows) {
    if (row.exit) turn.call(TellExited{key, *row.exit});
  }
  return {std::move(turn.changes), std::move(turn.transient), std::move(turn.effects)};
}

void apply(State& state, const Change& change) {
  auto forget = [&](const InstanceKey& key) {
    auto found = state.rows.find(key);
    if (found == state.rows.end()) return;
    if (!found->second.exit) state.used = state.used - found->second.spec.need;
    state.rows.erase(found);
  };
  std::visit(Match{
    [&](const PutRow& put) {
      forget(put.row.key);
      if (!put.row.exit) state.used = state.used + put.row.spec.need;
      state.rows.emplace(put.row.key, put.row);
    },
    [&](const EraseRow& erase) { forget(erase.key); },
    [](const RaiseLast&) {},
  }, change);
}

std::optional<Instant> alarmAt(const State&, const Limits&) { return std::nullopt; }

bool resting(const State& state) { return state.rows.empty(); }

}  // namespace meridian::machine
