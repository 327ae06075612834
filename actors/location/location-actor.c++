#include "actors/location/location-actor.h"

#include "actors/placement/placement-codec.h"
#include "runtime/actor/argument.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"
#include "schema/global.capnp.h"
#include "schema/supervisor.capnp.h"

namespace meridian::location {

kj::Promise<void> LocationSchedulerActor::registerMachine(RegisterMachineContext context) {
  auto params = context.getParams();
  MachineId machine(actor::nameArgument("machine", params.getMachine()));
  return ask([&](CallToken token) { return RegisterMachine{token, machine, actor::read(params.getCapacity())}; },
             [](const Answer&) {});
}

kj::Promise<void> LocationSchedulerActor::reserve(ReserveContext context) {
  auto params = context.getParams();
  auto instance = actor::instanceArgument("instance", params.getInstance());
  auto avoid = actor::namesArgument("avoid", params.getAvoid(), limits().avoidMax);
  return ask([&](CallToken token) { return Reserve{token, instance, actor::read(params.getNeed()), avoid}; },
             [this, context](const Answer& answer) mutable {
               auto& [decision, at] = std::get<Decided>(answer);
               auto to = context.getResults().initOutcome().initDecision();
               placement::write(to, decision, env().self().name.c_str(), at);
             });
}

kj::Promise<void> LocationSchedulerActor::release(ReleaseContext context) {
  auto instance = actor::instanceArgument("instance", context.getParams().getInstance());
  return ask([&](CallToken token) { return Release{token, instance}; }, [](const Answer&) {});
}

kj::Promise<void> LocationSchedulerActor::describe(DescribeContext context) {
  auto results = context.getResults();
  auto machines = results.initMachines(state().machines.size());
  uint i = 0;
  for (auto& [id, machine]: state().machines) write(machines[i++], id, machine.capacity);
  auto reservations = results.initReservations(state().reservations.size());
  i = 0;
  for (auto& [container, reservation]: state().reservations) write(reservations[i++], container, reservation);
  return kj::READY_NOW;
}

kj::Promise<void> LocationSchedulerActor::alarm(actor::AlarmInfo) {
  tell(AlarmFired{});
  return kj::READY_NOW;
}

void LocationSchedulerActor::perform(const Effect& effect) {
  std::visit(Match{
      [&](const Reply& reply) { answer(reply.token, reply.answer); },
      [&](const Reject& reject) { refuse(reject.token, KJ_EXCEPTION(FAILED, reject.reason.c_str())); },
      [&](const AskHolder& question) { askHolder(question.instance); },
      [&](const ReportToGlobal&) { reportToGlobal(); },
  }, effect);
}

void LocationSchedulerActor::askHolder(const InstanceKey& instance) {
  auto request = env().actor<schema::Supervisor>(toText(instance.container).c_str()).holdsRequest();
  request.setGeneration(instance.generation.value());
  env().spawn(env().await(
      request.send(),
      [this, instance](capnp::Response<schema::Supervisor::HoldsResults>&& response) -> kj::Promise<void> {
        tell(HolderAnswered{instance, response.getHolds() ? HolderAnswered::Holds::YES : HolderAnswered::Holds::NO});
        return kj::READY_NOW;
      },
      [this, instance](kj::Exception&&) -> kj::Promise<void> {
        tell(HolderUnreachable{instance});
        return kj::READY_NOW;
      }));
}

void LocationSchedulerActor::reportToGlobal() {
  auto sums = state().sums;
  auto request = env().actor<schema::GlobalScheduler>("global").reportLocationRequest();
  request.setLocation(env().self().name);
  actor::write(request.initTotal(), sums.total);
  actor::write(request.initFree(), sums.free);
  env().spawn(env().await(
      request.send(),
      [this, sums](capnp::Response<schema::GlobalScheduler::ReportLocationResults>&&) -> kj::Promise<void> {
        tell(GlobalReported{sums});
        return kj::READY_NOW;
      },
      [this](kj::Exception&&) -> kj::Promise<void> {
        tell(GlobalUnreachable{});
        return kj::READY_NOW;
      }));
}

}  // namespace meridian::location
