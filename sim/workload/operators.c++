#include "sim/workload/operators.h"

#include <kj/debug.h>

#include "runtime/actor/vocabulary.h"
#include "sim/roles.h"

namespace meridian::sim {

namespace {

constexpr kj::StringPtr APPLICATION = "app"_kj;

void write(schema::ClassSpec::Builder to, const ClassPlan& plan) {
  to.setClassName(plan.name);
  to.setImage("rootfs:/image");
  to.setImageId("image");
  actor::write(to.initResources(), plan.need);
  to.setMaxInstances(plan.maxInstances);
  to.setDefaultPort(8080);
  to.setSleepAfterMs(toMs(plan.sleepAfter));
  to.setStopGraceMs(toMs(plan.stopGrace));
  to.setStartTimeoutMs(toMs(plan.startTimeout));
  to.setRestart(static_cast<schema::RestartPolicy>(plan.restart));
}

}  // namespace

Operators::Operators(ProcessParts parts, Ledger& ledger)
    : name_(parts.name), vat_(parts.shard),
      server_(vat_, parts.clock, [&network = parts.network, &self = parts.name]() { return network.dial(self, SERVER); }),
      ledger_(ledger), tasks_(*this) {}

template <typename T, typename Outcome>
void Operators::make(const std::string& what, kj::Promise<T>&& answer, Outcome&& outcome) {
  auto entry = ledger_.begin(name_, what);
  tasks_.add(answer.then([entry, outcome = kj::fwd<Outcome>(outcome)](T&& response) mutable { entry->end(outcome(response)); },
                         [entry](kj::Exception&& error) {
                           entry->end(error.getType() == kj::Exception::Type::FAILED ? "refused" : "unreachable");
                         }));
}

void Operators::start(const ContainerId& container) {
  make("start " + toText(container), supervisor(container).startRequest().send(), [](auto& response) -> std::string {
    auto outcome = response.getOutcome();
    return outcome.isReady() ? "ready" : actor::text(outcome.getFailed().getCode());
  });
}

void Operators::stop(const ContainerId& container, int32_t signal) {
  auto request = supervisor(container).stopRequest();
  request.setSignal(signal);
  make("stop " + toText(container), request.send(), [](auto&) { return "stopped"; });
}

void Operators::destroy(const ContainerId& container) {
  make("destroy " + toText(container), supervisor(container).destroyRequest().send(), [](auto&) { return "destroyed"; });
}

void Operators::look(const ContainerId& container) {
  make("look at " + toText(container), supervisor(container).stateRequest().send(), [](auto& response) -> std::string {
    return "state " + std::to_string(static_cast<uint16_t>(response.getStatus().getState()));
  });
}

void Operators::rollout(const ContainerId& container, uint32_t version) {
  auto request = supervisor(container).rolloutRequest();
  request.setVersion(version);
  make("rollout " + toText(container), request.send(), [](auto&) { return "rolled out"; });
}

void Operators::deploy(const std::vector<ClassPlan>& classes, schema::Force force) {
  auto request = server_.actor("Application", APPLICATION).castAs<schema::Application>().deployRequest();
  auto config = request.initConfig();
  config.setName(APPLICATION);
  auto specs = config.initClasses(classes.size());
  auto routes = config.initRoutes(classes.size());
  for (uint i = 0; i < classes.size(); ++i) {
    write(specs[i], classes[i]);
    routes[i].setPath(kj::str("/", classes[i].name.c_str(), "/:id/*"));
    routes[i].setClassName(classes[i].name);
  }
  request.setForce(force);
  make("deploy", request.send(), [this](auto& response) -> std::string {
    auto outcome = response.getOutcome();
    if (outcome.isRefused()) return "refused: " + actor::text(outcome.getRefused());
    version_ = outcome.getVersion();
    return "version " + std::to_string(version_);
  });
}

kj::Promise<void> Operators::stopped(const ContainerId& container) {
  return supervisor(container).stopRequest().send().ignoreResult();
}

schema::Supervisor::Client Operators::supervisor(const ContainerId& container) {
  return server_.actor("Supervisor", toText(container).c_str()).castAs<schema::Supervisor>();
}

void Operators::taskFailed(kj::Exception&& exception) { KJ_LOG(ERROR, "an operator's task failed", exception); }

}  // namespace meridian::sim
