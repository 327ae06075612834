// Stage: what everything in one world shares: its time, what is to happen to it, what has happened, and what was found wrong.
#pragma once

#include "sim/world/verdict.h"
#include "sim/world/agenda.h"
#include "sim/world/clock.h"
#include "sim/world/transcript.h"

namespace meridian::sim {

struct Stage {
  Stage(Transcript::Print print, std::string onlyChecker): transcript(print), verdict(std::move(onlyChecker)) {}

  SimTime time;
  Agenda agenda;
  Transcript transcript;
  Verdict verdict;

  void after(Duration delay, kj::Function<void()> action) { agenda.at(time.now() + delay, kj::mv(action)); }
  void say(std::string_view who, std::string_view what) { transcript.line(time.now(), who, what); }
};

}  // namespace meridian::sim
