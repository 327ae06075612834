// Truth: what really lives, over all machines, and what gateways really do. It judges each change in the moment it happens:
//
//   never-two            at most one instance of an ID is alive
//   stale-generation     an ID's generations are executed in order, each once
//   oversold             what lives on a machine fits it
//   unbooked             what lives has a durable permit, and a durable reservation on its machine
//   endpoint             a gateway gets the address of the very generation; none that it had returned before it asked
//   recall               an instance is asked to end only when no gateway uses it under a lease, or has had time to stop
//   exit-truth           a supervisor knows how its last instance ended
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "sim/check/books.h"
#include "sim/workload/gateway.h"
#include "sim/world/machine.h"

namespace meridian::sim {

class Truth final: public MachineWatcher, public GatewayWatcher {
 public:
  // `serverAhead`: how far the server's wall clock is ahead.
  Truth(Stage& stage, const Books& books, Resources capacity, Duration serverAhead)
      : stage_(stage), books_(books), capacity_(capacity), serverAhead_(serverAhead) {}

  // After each commit of the server.
  void requireBooked() const;

  // When all is quiet.
  void requireExitsKnown() const;

  bool nothingLives() const { return alive_.empty(); }
  uint64_t executions() const { return executions_; }

  void executed(const std::string& machine, const InstanceKey& key, const Resources& need, const std::string& host) override;
  void signalled(const std::string& machine, const InstanceKey& key, int32_t number) override;
  void ended(const std::string& machine, const InstanceKey& key, const Exit& exit) override;

  void opened(const std::string& gateway, const SimGateway& which) override;
  void closed(const std::string& gateway) override;
  void used(const std::string& gateway, const InstanceKey& key, const std::string& host, Duration askedAt) override;
  void returned(const std::string& gateway, const InstanceKey& key) override;

 private:
  struct Alive {
    std::string machine;
    Resources need;
  };

  void requireBooked(const InstanceKey& key, const Alive& alive) const;

  Stage& stage_;
  const Books& books_;
  Resources capacity_;                                   // of each machine
  Duration serverAhead_;
  std::map<InstanceKey, Alive> alive_;
  std::map<InstanceKey, std::string> hosts_;
  std::map<ContainerId, Generation> last_;               // executed
  std::set<InstanceKey> killed_;
  std::map<InstanceKey, Exit> exits_;
  std::map<std::string, const SimGateway*> gateways_;
  std::map<std::pair<std::string, InstanceKey>, Duration> returned_;
  uint64_t executions_ = 0;
};

}  // namespace meridian::sim
