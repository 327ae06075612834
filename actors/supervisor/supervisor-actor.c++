#include "actors/supervisor/supervisor-actor.h"

#include <memory>

#include "actors/supervisor/supervisor-record.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"
#include "schema/class.capnp.h"
#include "schema/gateway.capnp.h"
#include "schema/global.capnp.h"
#include "schema/location.capnp.h"
#include "schema/machine.capnp.h"

namespace meridian::supervisor {

using actor::read;
using actor::text;
using actor::write;

namespace {

constexpr std::string_view RECORD_KEY = "record";

void acknowledge(const Answer&) {}

template <typename Name>
void writeNames(capnp::List<capnp::Text>::Builder to, const std::vector<Name>& names) {
  for (size_t i = 0; i < names.size(); ++i) to.set(i, names[i].value());
}

kj::Exception::Type typeOf(Fault fault) {
  switch (fault) {
    case Fault::FAILED: return kj::Exception::Type::FAILED;
    case Fault::OVERLOADED: return kj::Exception::Type::OVERLOADED;
    case Fault::DISCONNECTED: return kj::Exception::Type::DISCONNECTED;
  }
  return kj::Exception::Type::FAILED;
}

}  // namespace

State Logic::load(actor::Storage& storage) {
  auto bytes = storage.getBytes(RECORD_KEY);
  return bytes ? decode(*bytes) : State{};
}

void Logic::save(actor::Storage& storage, const Change& change) { storage.putBytes(RECORD_KEY, encode(change)); }

kj::Promise<void> SupervisorActor::alarm(actor::AlarmInfo) {
  tell(AlarmDue{});
  return kj::READY_NOW;
}

// ---------------------------------------------------------------------------------------
// Supervisor

kj::Promise<void> SupervisorActor::lease(LeaseContext context) {
  GatewayId gateway(text(context.getParams().getGateway()));
  return ask([&](CallToken token) { return Lease{token, gateway}; },
             [context](const Answer& answer) mutable {
               auto outcome = context.getResults().initOutcome();
               if (auto failure = std::get_if<StartFailure>(&answer)) return write(outcome.initFailed(), *failure);
               auto& granted = std::get<Endpoint>(answer);
               auto endpoint = outcome.initEndpoint();
               endpoint.setGeneration(granted.generation.value());
               endpoint.setHost(granted.host);
               endpoint.setPort(granted.port);
               endpoint.setLeaseMs(toMs(granted.lease));
             });
}

kj::Promise<void> SupervisorActor::report(ReportContext context) {
  auto params = context.getParams();
  return ask(
      [&](CallToken token) {
        return Report{token, GatewayId(text(params.getGateway())), Generation(params.getGeneration()), params.getInFlight(),
                      actor::durationFromMs(params.getIdleMs())};
      },
      [context](const Answer& answer) mutable {
        context.getResults().setValid(std::get<LeaseValidity>(answer) == LeaseValidity::VALID);
      });
}

kj::Promise<void> SupervisorActor::instanceStarted(InstanceStartedContext context) {
  auto params = context.getParams();
  return ask(
      [&](CallToken token) {
        return InstanceStarted{token, Generation(params.getGeneration()), MachineId(text(params.getMachine())),
                               instantFromNs(params.getStartedAtNs())};
      },
      acknowledge);
}

kj::Promise<void> SupervisorActor::instanceReady(InstanceReadyContext context) {
  auto params = context.getParams();
  return ask(
      [&](CallToken token) {
        return InstanceReady{token, Generation(params.getGeneration()), MachineId(text(params.getMachine())), text(params.getHost())};
      },
      acknowledge);
}

kj::Promise<void> SupervisorActor::instanceHealth(InstanceHealthContext context) {
  auto params = context.getParams();
  return ask(
      [&](CallToken token) {
        return InstanceHealth{token, Generation(params.getGeneration()), MachineId(text(params.getMachine())),
                              params.getHealthy() ? Health::HEALTHY : Health::UNHEALTHY};
      },
      acknowledge);
}

kj::Promise<void> SupervisorActor::instanceExited(InstanceExitedContext context) {
  auto params = context.getParams();
  return ask(
      [&](CallToken token) {
        return InstanceExited{token, Generation(params.getGeneration()), MachineId(text(params.getMachine())), read(params.getExit())};
      },
      acknowledge);
}

kj::Promise<void> SupervisorActor::holds(HoldsContext context) {
  Generation generation(context.getParams().getGeneration());
  return ask([&](CallToken token) { return AskHolds{token, generation}; },
             [context](const Answer& answer) mutable { context.getResults().setHolds(std::get<Holding>(answer) == Holding::YES); });
}

kj::Promise<void> SupervisorActor::rollout(RolloutContext context) {
  auto version = context.getParams().getVersion();
  return ask([&](CallToken token) { return Rollout{token, version}; }, acknowledge);
}

kj::Promise<void> SupervisorActor::why(WhyContext context) {
  return ask([](CallToken token) { return AskWhy{token}; },
             [context](const Answer& answer) mutable {
               auto& decisions = std::get<Reasons>(answer).decisions;
               auto list = context.getResults().initDecisions(decisions.size());
               for (size_t i = 0; i < decisions.size(); ++i) write(list[i], decisions[i]);
             });
}

// ---------------------------------------------------------------------------------------
// Container

kj::Promise<void> SupervisorActor::start(StartContext context) {
  return ask([&](CallToken token) { return Start{token, read(context.getParams().getEnv())}; },
             [this, context](const Answer& answer) mutable {
               auto outcome = context.getResults().initOutcome();
               if (auto failure = std::get_if<StartFailure>(&answer)) return write(outcome.initFailed(), *failure);
               write(outcome.initReady(), container(), std::get<Status>(answer));
             });
}

kj::Promise<void> SupervisorActor::state(StateContext context) {
  return ask([](CallToken token) { return AskStatus{token}; },
             [this, context](const Answer& answer) mutable {
               write(context.getResults().initStatus(), container(), std::get<Status>(answer));
             });
}

kj::Promise<void> SupervisorActor::stop(StopContext context) {
  auto signal = context.getParams().getSignal();
  return ask([&](CallToken token) { return Stop{token, signal}; },
             [this, context](const Answer& answer) mutable {
               write(context.getResults().initStatus(), container(), std::get<Status>(answer));
             });
}

kj::Promise<void> SupervisorActor::destroy(DestroyContext context) {
  return ask([](CallToken token) { return Destroy{token}; }, acknowledge);
}

// The machine serves the streams; the supervisor only says which one.
kj::Promise<void> SupervisorActor::exec(ExecContext context) {
  auto where = std::make_shared<Whereabouts>();
  auto found = ask([](CallToken token) { return FindForExec{token}; },
                   [where](const Answer& answer) { *where = std::get<Whereabouts>(answer); });
  return env().await(kj::mv(found), [this, context, where]() mutable -> kj::Promise<void> {
    auto request = env().actor<schema::Machine>(where->machine.value()).execRequest();
    write(request.initKey(), InstanceKey{container(), where->generation});
    request.setRequest(context.getParams().getRequest());
    return env().await(request.send(), [context](auto&& response) mutable -> kj::Promise<void> {
      context.getResults().setProcess(response.getProcess());
      return kj::READY_NOW;
    });
  });
}

kj::Promise<void> SupervisorActor::logs(LogsContext context) {
  auto where = std::make_shared<Whereabouts>();
  auto found = ask([](CallToken token) { return FindForLogs{token}; },
                   [where](const Answer& answer) { *where = std::get<Whereabouts>(answer); });
  return env().await(kj::mv(found), [this, context, where]() mutable -> kj::Promise<void> {
    auto request = env().actor<schema::Machine>(where->machine.value()).logsRequest();
    write(request.initContainer(), container());
    request.setRequest(context.getParams().getRequest());
    return env().await(request.send(), [context](auto&& response) mutable -> kj::Promise<void> {
      context.getResults().setFollow(response.getFollow());
      return kj::READY_NOW;
    });
  });
}

// ---------------------------------------------------------------------------------------
// Effects

void SupervisorActor::perform(const Effect& effect) {
  std::visit(Match{
    [&](const Reply& e) { answer(e.token, e.answer); },
    [&](const Refuse& e) {
      auto description = toText(container()) + ": " + e.message;
      refuse(e.token, kj::Exception(typeOf(e.fault), __FILE__, __LINE__, kj::heapString(description.data(), description.size())));
    },
    [&](const Perform& e) { std::visit([&](const auto& call) { send(e.attempt, call); }, e.attempt.call); },
    [&](const RetryAfter& e) {
      env().spawn(env().await(env().after(e.delay), [this, attempt = e.attempt]() -> kj::Promise<void> {
        tell(RetryDue{attempt});
        return kj::READY_NOW;
      }));
    },
    [&](const Journal& e) { storage().journal(encodeEvent(container(), e, env().now())); },
  }, effect);
}

void SupervisorActor::send(const Attempt& attempt, const Acquire& call) {
  auto id = container();
  auto request = env().actor<schema::ContainerClass>(id.containerClass.value()).acquireRequest();
  request.setId(id.id);
  request.setGeneration(call.generation.value());
  expect(attempt, request.send(), [this, generation = call.generation](auto&& response) {
    auto outcome = response.getOutcome();
    switch (outcome.which()) {
      case schema::PermitOutcome::GRANTED: return tell(Granted{generation, readSpec(outcome.getGranted())});
      case schema::PermitOutcome::FULL: return tell(ClassFull{generation, outcome.getFull()});
      case schema::PermitOutcome::UNKNOWN: return tell(ClassUnknown{generation});
    }
    KJ_FAIL_REQUIRE("a class answered what this build does not know", static_cast<uint16_t>(outcome.which()));
  });
}

void SupervisorActor::send(const Attempt& attempt, const Place& call) {
  auto request = env().actor<schema::GlobalScheduler>("global").placeRequest();
  write(request.initInstance(), InstanceKey{container(), call.generation});
  write(request.initNeed(), call.need);
  writeNames(request.initAvoid(call.avoid.size()), call.avoid);
  expect(attempt, request.send(), [this, generation = call.generation](auto&& response) {
    tell(Placed{generation, readDecision(response.getOutcome().getDecision())});
  });
}

void SupervisorActor::send(const Attempt& attempt, const Reserve& call) {
  auto request = env().actor<schema::LocationScheduler>(call.location.value()).reserveRequest();
  write(request.initInstance(), InstanceKey{container(), call.generation});
  write(request.initNeed(), call.need);
  writeNames(request.initAvoid(call.avoid.size()), call.avoid);
  expect(attempt, request.send(), [this, generation = call.generation, location = call.location](auto&& response) {
    tell(Reserved{generation, location, readDecision(response.getOutcome().getDecision())});
  });
}

void SupervisorActor::send(const Attempt& attempt, const StartInstance& call) {
  auto request = env().actor<schema::Machine>(call.machine.value()).startRequest();
  write(request.initKey(), InstanceKey{container(), call.generation});
  actor::inflate<schema::ClassSpec>(call.specWords, [&](auto spec) { request.setSpec(spec); });
  write(request.initExtraEnv(call.extraEnv.size()), call.extraEnv);
  request.setLocation(call.location.value());
  expect(attempt, request.send(), [this, generation = call.generation, machine = call.machine](auto&& response) {
    auto outcome = response.getOutcome();
    switch (outcome.which()) {
      case schema::AcceptOutcome::ACCEPTED: return tell(Accepted{generation, machine});
      case schema::AcceptOutcome::REFUSED: return tell(Refused{generation, machine, text(outcome.getRefused())});
    }
    KJ_FAIL_REQUIRE("a machine answered what this build does not know", static_cast<uint16_t>(outcome.which()));
  });
}

void SupervisorActor::send(const Attempt& attempt, const SignalInstance& call) {
  auto request = env().actor<schema::Machine>(call.machine.value()).signalRequest();
  write(request.initKey(), InstanceKey{container(), call.generation});
  request.setNumber(call.signal);
  expect(attempt, request.send(), [](auto&&) {});
}

void SupervisorActor::send(const Attempt& attempt, const KillInstance& call) {
  auto request = env().actor<schema::Machine>(call.machine.value()).killRequest();
  write(request.initKey(), InstanceKey{container(), call.generation});
  expect(attempt, request.send(), [this, generation = call.generation, machine = call.machine](auto&& response) {
    tell(KillAnswered{generation, machine, response.getKnown() ? Known::YES : Known::NO});
  });
}

void SupervisorActor::send(const Attempt& attempt, const Recall& call) {
  auto name = "gateway/" + call.gateway.value();
  auto request = env().service<schema::Gateway>(name).recallRequest();
  write(request.initKey(), InstanceKey{container(), call.generation});
  expect(attempt, request.send(), [this, generation = call.generation, gateway = call.gateway](auto&&) {
    tell(Recalled{generation, gateway});
  });
}

void SupervisorActor::send(const Attempt& attempt, const ReleasePermit& call) {
  auto id = container();
  auto request = env().actor<schema::ContainerClass>(id.containerClass.value()).releaseRequest();
  request.setId(id.id);
  request.setGeneration(call.generation.value());
  expect(attempt, request.send(), [](auto&&) {});
}

void SupervisorActor::send(const Attempt& attempt, const ReleaseReservation& call) {
  auto request = env().actor<schema::LocationScheduler>(call.location.value()).releaseRequest();
  write(request.initInstance(), InstanceKey{container(), call.generation});
  expect(attempt, request.send(), [](auto&&) {});
}

void SupervisorActor::send(const Attempt& attempt, const RemoveLogs& call) {
  auto request = env().actor<schema::Machine>(call.machine.value()).removeLogsRequest();
  write(request.initContainer(), container());
  expect(attempt, request.send(), [this, machine = call.machine](auto&&) { tell(LogsRemoved{machine}); });
}

template <typename T, typename OnAnswer>
void SupervisorActor::expect(const Attempt& attempt, kj::Promise<T>&& answer, OnAnswer&& onAnswer) {
  env().spawn(env().await(
      kj::mv(answer),
      [onAnswer = kj::fwd<OnAnswer>(onAnswer)](T&& response) mutable -> kj::Promise<void> {
        onAnswer(response);
        return kj::READY_NOW;
      },
      [this, attempt](kj::Exception&& error) -> kj::Promise<void> {
        tell(CallFailed{attempt, error.getDescription().cStr()});
        return kj::READY_NOW;
      }));
}

}  // namespace meridian::supervisor
