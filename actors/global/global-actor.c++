#include "actors/global/global-actor.h"

#include "actors/placement/placement-codec.h"
#include "runtime/actor/argument.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::global {

namespace {

template <typename Names>
void write(capnp::List<capnp::Text>::Builder to, const Names& names) {
  uint i = 0;
  for (auto& name: names) to.set(i++, name);
}

}  // namespace

kj::Promise<void> GlobalSchedulerActor::reportLocation(ReportLocationContext context) {
  auto params = context.getParams();
  LocationId location(actor::nameArgument("location", params.getLocation()));
  return ask([&](CallToken token) {
               return ReportLocation{token, location, actor::read(params.getTotal()), actor::read(params.getFree())};
             },
             [](const Answer&) {});
}

kj::Promise<void> GlobalSchedulerActor::place(PlaceContext context) {
  auto params = context.getParams();
  auto instance = actor::instanceArgument("instance", params.getInstance());
  auto avoid = actor::namesArgument("avoid", params.getAvoid(), limits().avoidMax);
  return ask([&](CallToken token) { return Place{token, instance, actor::read(params.getNeed()), avoid}; },
             [context](const Answer& answer) mutable {
               auto& [decision, at] = std::get<Decided>(answer);
               placement::write(context.getResults().initOutcome().initDecision(), decision, "global", at);
             });
}

kj::Promise<void> GlobalSchedulerActor::addGateway(AddGatewayContext context) {
  GatewayId gateway(actor::nameArgument("gateway", context.getParams().getGateway()));
  return ask([&](CallToken token) { return AddGateway{token, gateway}; },
             [context](const Answer& answer) mutable {
               auto& names = std::get<Applications>(answer).names;
               write(context.getResults().initApplications(names.size()), names);
             });
}

kj::Promise<void> GlobalSchedulerActor::addApplication(AddApplicationContext context) {
  auto application = actor::nameArgument("application", context.getParams().getApplication());
  return ask([&](CallToken token) { return AddApplication{token, application}; },
             [context](const Answer& answer) mutable {
               auto& names = std::get<Gateways>(answer).names;
               write(context.getResults().initGateways(names.size()), names);
             });
}

kj::Promise<void> GlobalSchedulerActor::removeApplication(RemoveApplicationContext context) {
  auto application = actor::nameArgument("application", context.getParams().getApplication());
  return ask([&](CallToken token) { return RemoveApplication{token, application}; }, [](const Answer&) {});
}

kj::Promise<void> GlobalSchedulerActor::applications(ApplicationsContext context) {
  auto& names = state().applications;
  write(context.getResults().initNames(names.size()), names);
  return kj::READY_NOW;
}

void GlobalSchedulerActor::perform(const Effect& effect) {
  std::visit(Match{
      [&](const Reply& reply) { answer(reply.token, reply.answer); },
      [&](const Reject& reject) { refuse(reject.token, KJ_EXCEPTION(FAILED, reject.reason.c_str())); },
  }, effect);
}

}  // namespace meridian::global
