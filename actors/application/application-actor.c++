#include "actors/application/application-actor.h"

#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"
#include "schema/class.capnp.h"
#include "schema/gateway.capnp.h"
#include "schema/global.capnp.h"

namespace meridian::application {

namespace {

Force read(schema::Force from) { return from == schema::Force::YES ? Force::YES : Force::NO; }

void write(schema::DeployOutcome::Builder to, const Answer& answer) {
  std::visit(Match{
      [&](const Deployed& deployed) { to.setVersion(deployed.version); },
      [&](const Refused& refused) { to.setRefused(refused.reason); },
  }, answer);
}

}  // namespace

kj::Promise<void> ApplicationActor::deploy(DeployContext context) {
  auto params = context.getParams();
  return ask([&](CallToken token) {
               return Deploy{token, env().self().name, application::read(params.getConfig()), read(params.getForce())};
             },
             [context](const Answer& answer) mutable { write(context.getResults().initOutcome(), answer); });
}

kj::Promise<void> ApplicationActor::remove(RemoveContext context) {
  auto force = read(context.getParams().getForce());
  return ask([&](CallToken token) { return Remove{token, nothing(env().self().name), force}; },
             [context](const Answer& answer) mutable { write(context.getResults().initOutcome(), answer); });
}

kj::Promise<void> ApplicationActor::routes(RoutesContext context) {
  writeRoutes(context.getResults().initTable());
  return kj::READY_NOW;
}

kj::Promise<void> ApplicationActor::describe(DescribeContext context) {
  auto status = context.getResults().initStatus();
  status.setName(env().self().name);
  status.setVersion(state().version);
  status.setDeployedAtNs(toNs(state().deployedAt));
  if (state().version == 0) return kj::READY_NOW;
  actor::inflate<schema::ApplicationConfig>(state().config->words,
                                            [&](schema::ApplicationConfig::Reader from) { status.setConfig(from); });
  for (auto spec: status.getConfig().getClasses()) {
    spec.setApplication(env().self().name);
    spec.setVersion(state().version);
  }
  return kj::READY_NOW;
}

kj::Promise<void> ApplicationActor::alarm(actor::AlarmInfo) {
  tell(AlarmFired{});
  return kj::READY_NOW;
}

void ApplicationActor::perform(const Effect& effect) {
  std::visit(Match{
      [&](const Reply& reply) { answer(reply.token, reply.answer); },
      [&](const Reject& reject) { refuse(reject.token, KJ_EXCEPTION(OVERLOADED, reject.reason.c_str())); },
      [&](const Call& call) { make(call); },
  }, effect);
}

void ApplicationActor::make(const Call& call) {
  std::visit(Match{
      [&](const Claim& claimed) { claim(claimed); },
      [&](const Retire& retired) { retire(retired); },
      [&](const Configure& configured) { configure(configured); },
      [&](const Announce& announced) { announce(announced); },
      [&](const PushRoutes& pushed) { pushRoutes(pushed); },
      [&](const Forget& forgotten) { forget(forgotten); },
  }, call);
}

void ApplicationActor::claim(const Claim& call) {
  auto request = env().actor<schema::ContainerClass>(call.containerClass.value().c_str()).claimRequest();
  request.setApplication(env().self().name);
  tellAnswer<schema::ContainerClass::ClaimResults>(
      call, request.send(), [call](auto& response) { return Claimed{call, actor::text(response.getOwner())}; });
}

void ApplicationActor::retire(const Retire& call) {
  auto request = env().actor<schema::ContainerClass>(call.containerClass.value().c_str()).retireRequest();
  request.setApplication(env().self().name);
  request.setForce(call.force == Force::YES ? schema::Force::YES : schema::Force::NO);
  tellAnswer<schema::ContainerClass::RetireResults>(
      call, request.send(), [call](auto& response) { return Retired{call, response.getBusy()}; });
}

void ApplicationActor::configure(const Configure& call) {
  auto request = env().actor<schema::ContainerClass>(call.containerClass.value().c_str()).configureRequest();
  actor::inflate<schema::ApplicationConfig>(state().config->words, [&](schema::ApplicationConfig::Reader config) {
    for (auto spec: config.getClasses()) {
      if (spec.getClassName() == call.containerClass.value().c_str()) request.setSpec(spec);
    }
  });
  request.getSpec().setApplication(env().self().name);
  request.getSpec().setVersion(call.version);
  tellAnswer<schema::ContainerClass::ConfigureResults>(call, request.send(), [call](auto&) { return Done{call}; });
}

void ApplicationActor::announce(const Announce& call) {
  auto request = env().actor<schema::GlobalScheduler>("global").addApplicationRequest();
  request.setApplication(env().self().name);
  tellAnswer<schema::GlobalScheduler::AddApplicationResults>(call, request.send(), [](auto& response) {
    Announced announced;
    for (auto gateway: response.getGateways()) announced.gateways.push_back(actor::text(gateway));
    return announced;
  });
}

void ApplicationActor::pushRoutes(const PushRoutes& call) {
  auto request = env().service<schema::Gateway>(kj::str("gateway/", call.gateway.c_str())).routesRequest();
  writeRoutes(request.initTable());
  tellAnswer<schema::Gateway::RoutesResults>(call, request.send(), [call](auto&) { return Done{call}; });
}

void ApplicationActor::forget(const Forget& call) {
  auto request = env().actor<schema::GlobalScheduler>("global").removeApplicationRequest();
  request.setApplication(env().self().name);
  tellAnswer<schema::GlobalScheduler::RemoveApplicationResults>(call, request.send(), [call](auto&) { return Done{call}; });
}

template <typename Results, typename ToMessage>
void ApplicationActor::tellAnswer(const Call& call, kj::Promise<capnp::Response<Results>> sent, ToMessage toMessage) {
  env().spawn(env().await(
      kj::mv(sent),
      [this, toMessage](capnp::Response<Results>&& response) -> kj::Promise<void> {
        tell(toMessage(response));
        return kj::READY_NOW;
      },
      [this, call](kj::Exception&&) -> kj::Promise<void> {
        tell(CallFailed{call});
        return kj::READY_NOW;
      }));
}

void ApplicationActor::writeRoutes(schema::RouteTable::Builder to) {
  to.setApplication(env().self().name);
  to.setVersion(state().version);
  auto& routes = state().config->routes;
  auto list = to.initRoutes(routes.size());
  for (uint i = 0; i < routes.size(); ++i) {
    list[i].setPath(routes[i].path);
    list[i].setClassName(routes[i].containerClass.value());
  }
}

}  // namespace meridian::application
