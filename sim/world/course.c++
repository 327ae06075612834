#include "sim/world/course.h"

#include <kj/debug.h>

namespace meridian::sim {

Course::Course(Stage& stage, Duration until): stage_(stage), until_(until), loop_(port_), waitScope_(loop_) {}

void Course::drain() {
  uint32_t events = 0;
  while (loop_.isRunnable()) {
    uint32_t some = 0;
    for (uint32_t most = doomed_ ? doomed_->events : EVENTS_MAX / 10; some < most && loop_.isRunnable(); ++some) loop_.run(1);
    events += some;
    events_ += some;
    if (doomed_) {
      doomed_->process->kill();
      doomed_.reset();
    } else if (events >= EVENTS_MAX && loop_.isRunnable()) {
      return stage_.verdict.fail(Failure::STUCK, "spin", "events go on without end");
    }
  }
}

bool Course::runUntil(Duration end, kj::FunctionParam<bool()> done) {
  end = std::min(end, until_);
  while (!isOver()) {
    drain();
    if (done()) return true;
    for (auto* process: processes_) process->scheduleCommit();
    auto timer = stage_.time.next();
    auto action = stage_.agenda.next();
    if (!timer && !action) return false;
    auto next = !timer ? *action : !action ? *timer : std::min(*timer, *action);
    if (next > end) {
      stage_.time.advanceTo(end);
      drain();
      return done();
    }
    stage_.time.advanceTo(std::max(next, stage_.time.now()));
    ++events_;
    if (action && *action <= stage_.time.now()) stage_.agenda.runNext();
  }
  return false;
}

}  // namespace meridian::sim
