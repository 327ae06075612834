// Operators: people who start, stop, destroy and look at containers, and deploy new versions: all through the RPC interfaces that the
// verbs use. Nobody waits for one answer before the next request.
#pragma once

#include "runtime/rpc/peer.h"
#include "schema/application.capnp.h"
#include "schema/supervisor.capnp.h"
#include "sim/check/ledger.h"
#include "sim/world/process.h"

namespace meridian::sim {

struct ClassPlan {
  std::string name;
  uint32_t maxInstances;
  Resources need;
  Duration sleepAfter;
  Duration stopGrace;
  Duration startTimeout;
  uint16_t restart;            // of schema::RestartPolicy
};

class Operators final: public SimRole, private kj::TaskSet::ErrorHandler {
 public:
  Operators(ProcessParts parts, Ledger& ledger);

  rpc::Vat& vat() override { return vat_; }

  void start(const ContainerId& container);
  void stop(const ContainerId& container, int32_t signal);
  void destroy(const ContainerId& container);
  void look(const ContainerId& container);
  void rollout(const ContainerId& container, uint32_t version);
  void deploy(const std::vector<ClassPlan>& classes, schema::Force force);

  // Of the last deploy that was answered.
  uint32_t version() const { return version_; }

  // For the end of a world, when there must be an answer: rejected when it fails.
  kj::Promise<void> stopped(const ContainerId& container);

 private:
  // `outcome` turns the response into a word.
  template <typename T, typename Outcome>
  void make(const std::string& what, kj::Promise<T>&& answer, Outcome&& outcome);
  schema::Supervisor::Client supervisor(const ContainerId& container);
  void taskFailed(kj::Exception&& exception) override;

  std::string name_;
  rpc::Vat vat_;
  rpc::Peer server_;
  Ledger& ledger_;
  uint32_t version_ = 0;
  kj::TaskSet tasks_;
};

}  // namespace meridian::sim
