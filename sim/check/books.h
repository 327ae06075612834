// Books: what the server has durably promised, read from its disk after each commit: permits, reservations, and which IDs drain.
// It judges the books in themselves: a permit is given only while the class has room, and no machine is promised twice.
#pragma once

#include <map>
#include <set>
#include <string>

#include "actors/supervisor/supervisor.h"
#include "runtime/base/instance.h"
#include "sim/world/stage.h"
#include "sim/world/store.h"

namespace meridian::sim {

class Books {
 public:
  struct Reservation {
    Generation generation;
    std::string machine;
  };

  Books(Stage& stage, const SimDisk& server): stage_(stage), server_(server) {}

  // After each commit of the server.
  void read();

  bool hasPermit(const InstanceKey& key) const;
  bool hasReservation(const InstanceKey& key, const std::string& machine) const;
  bool isEmpty() const { return permits_.empty() && reservations_.empty(); }
  // What is in them, for a complaint.
  std::string describe() const;

  // By the server's wall clock; absent: this generation has not drained.
  std::optional<Instant> drainsSince(const InstanceKey& key) const;

  // The durable state of an ID's supervisor.
  supervisor::State supervisorOf(const ContainerId& container) const;

 private:
  void readClass(const std::string& name);
  void readLocation(const std::string& name);
  void readJournal();

  Stage& stage_;
  const SimDisk& server_;
  std::map<ContainerId, Generation> permits_;
  std::map<std::string, uint32_t> maxInstances_;        // by class; absent: not configured
  std::map<ContainerId, Reservation> reservations_;
  std::map<InstanceKey, Instant> drains_;
  uint64_t lastEvent_ = 0;
};

}  // namespace meridian::sim
