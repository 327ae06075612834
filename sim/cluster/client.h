// ActorClient: a simulated process without a store, that calls actors by name and offers services to them.
#pragma once

#include "runtime/rpc/peer-set.h"
#include "sim/cluster/placement.h"
#include "sim/world/process.h"

namespace meridian::sim {

class ActorClient final: public SimRole, private kj::TaskSet::ErrorHandler {
 public:
  ActorClient(ProcessParts parts, const Placement& placement);

  const std::string& name() const { return name_; }
  rpc::Vat& vat() override { return vat_; }
  SimClock& clock() { return clock_; }

  template <typename Interface>
  typename Interface::Client actor(const std::string& name) {
    auto kind = actor::kindOf<Interface>();
    auto server = placement_.serverOf({kind, name});
    return servers_.find(server.c_str()).actor(kind.c_str(), name.c_str()).template castAs<Interface>();
  }

  // Runs beside all else; dies with the process. To be answered for by whoever made it.
  void spawn(kj::Promise<void>&& task) { tasks_.add(kj::mv(task)); }

  // Makes the call again and again until it is answered, or is refused for a reason that does not pass.
  template <typename Call>
  auto insist(Call call) -> decltype(call()) {
    return call().catch_([this, call](kj::Exception&& error) mutable -> decltype(call()) {
      if (error.getType() != kj::Exception::Type::DISCONNECTED && error.getType() != kj::Exception::Type::OVERLOADED) {
        kj::throwFatalException(kj::mv(error));
      }
      return clock_.after(INSIST_EVERY).then([this, call = kj::mv(call)]() mutable { return insist(kj::mv(call)); });
    });
  }

 private:
  static constexpr Duration INSIST_EVERY = std::chrono::milliseconds(200);

  void taskFailed(kj::Exception&& exception) override;

  std::string name_;
  SimClock& clock_;
  const Placement& placement_;
  rpc::Vat vat_;
  rpc::PeerSet servers_;
  kj::TaskSet tasks_;
};

}  // namespace meridian::sim
