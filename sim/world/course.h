// Course: how a world moves. Events of the loop run until none is left; then time jumps to what is next: a timer of a process, or what
// comes from outside. It sees to the commits of the processes it is given, and ends where something was found wrong.
//
// Thread: the one that made it: it has the thread's loop. The stage outlives it; what runs on the loop does not.
#pragma once

#include <kj/async.h>

#include <optional>
#include <vector>

#include "sim/world/process.h"

namespace meridian::sim {

class Course {
 public:
  // It ends at `until`, whatever happens.
  Course(Stage& stage, Duration until);

  void add(SimProcess& process) { processes_.push_back(&process); }

  // Something was found wrong, or the end that was asked for has come.
  bool isOver() const { return stage_.verdict.finding() || stage_.time.now() >= until_; }
  // Of the loop, and of the world around it.
  uint64_t events() const { return events_; }

  // Runs until `done()` holds, `end` has come, or it is over. Whether it is done.
  bool runUntil(Duration end, kj::FunctionParam<bool()> done);
  bool runFor(Duration span, kj::FunctionParam<bool()> done) { return runUntil(stage_.time.now() + span, done); }

  // Kills the process after so many more events of the loop.
  void doom(SimProcess& process, uint32_t events) { doomed_ = Doomed{&process, events}; }
  void spare() { doomed_.reset(); }

 private:
  class ClosedPort final: public kj::EventPort {
   public:
    bool wait() override { KJ_FAIL_ASSERT("a world waits for what cannot happen"); }
    bool poll() override { return false; }
    void wake() const override {}
  };

  struct Doomed {
    SimProcess* process;
    uint32_t events;
  };

  void drain();

  static constexpr uint32_t EVENTS_MAX = 1'000'000;    // without time moving: then the world spins

  Stage& stage_;
  Duration until_;
  uint64_t events_ = 0;
  ClosedPort port_;
  kj::EventLoop loop_;
  kj::WaitScope waitScope_;
  std::vector<SimProcess*> processes_;
  std::optional<Doomed> doomed_;
};

}  // namespace meridian::sim
