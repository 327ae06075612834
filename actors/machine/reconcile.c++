// The driver's list against the rows: what the driver runs, what has exited, and what it does not know.
#include <csignal>
#include <set>

#include "actors/machine/turn.h"

namespace meridian::machine {

namespace {

// Nobody has accepted it, or its end is recorded: it must not live. An exit without a row was acknowledged before.
void onUnexpected(Turn& turn, const Report& report) {
  if (report.exit) return turn.call(AcknowledgeExit{report.key});
  if (!turn.find(report.key)) turn.effects.push_back(ReportStray{report.key});
  turn.call(KillInstance{report.key});
}

void onKnown(Turn& turn, const Row& row, const Report& report) {
  if (report.exit) return exited(turn, row, *report.exit);
  auto& progress = turn.progress(row.key);
  progress.launch = Progress::Launch::ANSWERED;
  if (report.startedAt) {
    started(turn, row, *report.startedAt);
  } else if (progress.fate == Progress::Fate::KILLED) {
    turn.call(KillInstance{row.key});
  }
  if (report.host) ready(turn, row, *report.host);
}

// The driver does not have it, and no launch is under way: it was accepted and not launched, or it is lost.
void onMissing(Turn& turn, const Row& row) {
  auto& progress = turn.progress(row.key);
  if (progress.fate == Progress::Fate::KILLED) {
    return exited(turn, row, {StopReason::SIGNALLED, {}, SIGKILL, "killed before it ran", turn.now});
  }
  bool inTime = turn.now < row.acceptedAt + row.spec.startTimeout;
  if (inTime && !progress.startedAt) return launch(turn, row);
  exited(turn, row, {StopReason::MACHINE_LOST, {}, {}, "the machine does not have it any more", turn.now});
}

}  // namespace

void list(Turn& turn, Repeat repeat) { turn.call(List{++turn.transient.round, repeat}); }

void onListed(Turn& turn, const Listed& message) {
  std::set<InstanceKey> listed;
  for (auto& report: message.instances) {
    listed.insert(report.key);
    if (auto row = turn.alive(report.key)) {
      onKnown(turn, *row, report);
    } else {
      onUnexpected(turn, report);
    }
  }
  for (auto& [key, row]: turn.state.rows) {
    if (row.exit || listed.contains(key)) continue;
    auto& progress = turn.progress(key);
    // Launched while the list was on its way: the list is too old to miss it.
    if (progress.launch == Progress::Launch::ASKED || progress.round >= message.asked.round) continue;
    onMissing(turn, row);
  }
  if (message.asked.repeat == Repeat::FOR_EVER) {
    turn.effects.push_back(RetryAfter{turn.limits.reconcileEvery, {message.asked, 0}});
  }
}

}  // namespace meridian::machine
