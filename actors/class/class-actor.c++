#include "actors/class/class-actor.h"

#include "runtime/actor/argument.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"
#include "schema/supervisor.capnp.h"

namespace meridian::container_class {

namespace {

void write(const PermitOutcome& outcome, schema::PermitOutcome::Builder builder) {
  std::visit(Match{
      [&](const Granted& granted) {
        actor::inflate<schema::ClassSpec>(granted.spec, [&](schema::ClassSpec::Reader spec) { builder.setGranted(spec); });
      },
      [&](const Full& full) { builder.setFull(full.maxInstances); },
      [&](const Unknown&) { builder.setUnknown(); },
  }, outcome);
}

void write(const std::map<std::string, Permit>& permits, capnp::List<schema::Permit>::Builder builder) {
  uint i = 0;
  for (auto& [id, permit]: permits) {
    auto row = builder[i++];
    row.setId(id);
    row.setGeneration(permit.generation.value());
    row.setAtNs(toNs(permit.at));
  }
}

}  // namespace

kj::Promise<void> ContainerClassActor::claim(ClaimContext context) {
  auto application = actor::nameArgument("application", context.getParams().getApplication());
  return ask([&](CallToken token) { return Claim{token, application}; },
             [context](const Answer& answer) mutable {
               context.getResults().setOwner(std::get<Owner>(answer).application);
             });
}

kj::Promise<void> ContainerClassActor::configure(ConfigureContext context) {
  return ask([&](CallToken token) { return Configure{token, read(context.getParams().getSpec())}; },
             [](const Answer&) {});
}

kj::Promise<void> ContainerClassActor::retire(RetireContext context) {
  auto params = context.getParams();
  auto application = actor::nameArgument("application", params.getApplication());
  auto force = params.getForce() == schema::Force::YES ? Force::YES : Force::NO;
  return ask([&](CallToken token) { return Retire{token, application, force}; },
             [context](const Answer& answer) mutable { context.getResults().setBusy(std::get<Busy>(answer).permits); });
}

kj::Promise<void> ContainerClassActor::acquire(AcquireContext context) {
  auto params = context.getParams();
  auto id = actor::nameArgument("id", params.getId());
  return ask([&](CallToken token) { return Acquire{token, id, Generation(params.getGeneration())}; },
             [context](const Answer& answer) mutable {
               write(std::get<PermitOutcome>(answer), context.getResults().initOutcome());
             });
}

kj::Promise<void> ContainerClassActor::release(ReleaseContext context) {
  auto params = context.getParams();
  auto id = actor::nameArgument("id", params.getId());
  return ask([&](CallToken token) { return Release{token, id, Generation(params.getGeneration())}; },
             [](const Answer&) {});
}

kj::Promise<void> ContainerClassActor::describe(DescribeContext context) {
  auto status = context.getResults().initStatus();
  std::visit(Match{
      [&](const Unclaimed&) {},
      [&](const Claimed& claimed) { status.setApplication(claimed.application); },
      [&](const Configured& configured) {
        status.setApplication(configured.spec.application);
        actor::inflate<schema::ClassSpec>(configured.spec.words,
                                           [&](schema::ClassSpec::Reader spec) { status.setSpec(spec); });
      },
  }, state().ownership);
  write(state().permits, status.initPermits(state().permits.size()));
  return kj::READY_NOW;
}

kj::Promise<void> ContainerClassActor::alarm(actor::AlarmInfo) {
  tell(AlarmFired{});
  return kj::READY_NOW;
}

void ContainerClassActor::perform(const Effect& effect) {
  std::visit(Match{
      [&](const Reply& reply) { answer(reply.token, reply.answer); },
      [&](const Reject& reject) { refuse(reject.token, KJ_EXCEPTION(FAILED, reject.reason.c_str())); },
      [&](const AskHolder& question) { askHolder(question); },
  }, effect);
}

void ContainerClassActor::askHolder(const AskHolder& question) {
  auto supervisor = toText(ContainerId{ClassName(env().self().name), question.id});
  auto request = env().actor<schema::Supervisor>(supervisor.c_str()).holdsRequest();
  request.setGeneration(question.generation.value());
  env().spawn(env().await(
      request.send(),
      [this, question](capnp::Response<schema::Supervisor::HoldsResults>&& response) -> kj::Promise<void> {
        auto holds = response.getHolds() ? HolderAnswered::Holds::YES : HolderAnswered::Holds::NO;
        tell(HolderAnswered{question.id, question.generation, holds});
        return kj::READY_NOW;
      },
      [this, question](kj::Exception&&) -> kj::Promise<void> {
        tell(HolderUnreachable{question.id, question.generation});
        return kj::READY_NOW;
      }));
}

}  // namespace meridian::container_class
