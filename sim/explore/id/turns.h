// Turns: runs the shipped steps on a state. A message goes in; the changes are applied, and what the step asks for is put under way or
// answered. `flaw` is the first thing that a turn did wrong: an answer that nobody waits for, a failed check, an exit mistold.
#pragma once

#include <string>

#include "sim/explore/id/state.h"

namespace meridian::explore::id {

class Turns {
 public:
  explicit Turns(State& state): state_(state) {}

  // What answers a call that another actor made: none when the step did not answer.
  std::optional<supervisor::Answer> toSupervisor(const supervisor::Message& message);
  // What rests leaves memory, here at once.
  void letSupervisorRest();
  void alarmOfSupervisor() { toSupervisor(supervisor::AlarmDue{}); }

  std::optional<container_class::Answer> toClass(const container_class::Message& message);
  std::optional<location::Answer> toLocation(const location::Message& message);

  enum class Room { USUAL, NONE };     // whether instances of others fill the machine
  std::optional<machine::Answer> toMachine(uint8_t index, const machine::Message& message, Room room = Room::USUAL);
  void load(uint8_t machine);          // its first turn

  // Calls that actors of other processes and keepers make carry this token; the callers of the state have others.
  static const CallToken CALL;

  void complain(const std::string& what) { if (flaw.empty()) flaw = what; }

  std::string flaw;

 private:
  void loadSupervisor();
  void run(supervisor::Step&& step);
  void perform(const supervisor::Effect& effect);
  void call(const supervisor::Attempt& attempt);
  void place(const supervisor::Place& call);
  void answer(CallToken token, const std::optional<supervisor::Answer>& answer);
  void granted(const supervisor::Endpoint& endpoint);
  void reportToGlobal();

  void run(uint8_t index, machine::Step&& step);
  void perform(uint8_t index, const machine::Effect& effect);

  State& state_;
  std::optional<supervisor::Answer> supervisorAnswer_;
  std::optional<machine::Answer> machineAnswer_;
};

const supervisor::Limits& supervisorLimits();
const container_class::Limits& classLimits();
const location::Limits& locationLimits();
const machine::Limits& machineLimits();

}  // namespace meridian::explore::id
