#include "actors/machine/machine-actor.h"

#include <kj/debug.h>

#include "actors/machine/machine-record.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::machine {

using actor::read;
using actor::text;
using actor::write;

namespace {

void acknowledge(const Answer&) {}

}  // namespace

State Logic::load(actor::Storage& storage) {
  State state;
  for (auto& entry: storage.list({std::string(ROW_PREFIX), "", SIZE_MAX})) machine::apply(state, PutRow{decodeRow(entry.value)});
  return state;
}

void Logic::save(actor::Storage& storage, const Change& change) {
  std::visit(Match{
    [&](const PutRow& put) { storage.putBytes(rowKey(put.row.key), encode(put.row)); },
    [&](const EraseRow& erase) { storage.erase(rowKey(erase.key)); },
    [&](const RaiseLast& raise) { storage.putBytes(lastKey(raise.key.container), encodeLast(raise.key.generation)); },
  }, change);
}

// ---------------------------------------------------------------------------------------
// Calls

kj::Promise<void> MachineActor::start(StartContext context) {
  auto params = context.getParams();
  auto key = read(params.getKey());
  return ask(
      [&](CallToken token) {
        return Start{token, key, readSpec(params.getSpec()), read(params.getExtraEnv()), LocationId(text(params.getLocation())),
                     lastOf(key.container)};
      },
      [context](const Answer& answer) mutable {
        auto outcome = context.getResults().initOutcome();
        if (auto refused = std::get_if<Refused>(&answer)) {
          outcome.setRefused(refused->why);
        } else {
          outcome.setAccepted();
        }
      });
}

kj::Promise<void> MachineActor::signal(SignalContext context) {
  auto params = context.getParams();
  return ask([&](CallToken token) { return Signal{token, read(params.getKey()), params.getNumber()}; }, acknowledge);
}

kj::Promise<void> MachineActor::kill(KillContext context) {
  auto key = read(context.getParams().getKey());
  return ask([&](CallToken token) { return Kill{token, key, lastOf(key.container)}; },
             [context](const Answer& answer) mutable { context.getResults().setKnown(std::get<Known>(answer) == Known::YES); });
}

// The driver serves the streams.
kj::Promise<void> MachineActor::exec(ExecContext context) {
  auto params = context.getParams();
  auto request = driver().execRequest();
  request.setKey(params.getKey());
  request.setRequest(params.getRequest());
  return env().await(request.send(), [context](auto&& response) mutable -> kj::Promise<void> {
    context.getResults().setProcess(response.getProcess());
    return kj::READY_NOW;
  });
}

kj::Promise<void> MachineActor::logs(LogsContext context) {
  auto params = context.getParams();
  auto request = driver().logsRequest();
  request.setContainer(params.getContainer());
  request.setRequest(params.getRequest());
  return env().await(request.send(), [context](auto&& response) mutable -> kj::Promise<void> {
    context.getResults().setFollow(response.getFollow());
    return kj::READY_NOW;
  });
}

kj::Promise<void> MachineActor::removeLogs(RemoveLogsContext context) {
  auto request = driver().removeLogsRequest();
  request.setContainer(context.getParams().getContainer());
  return env().await(request.send(), [](auto&&) -> kj::Promise<void> { return kj::READY_NOW; });
}

kj::Promise<void> MachineActor::driverStarted(DriverStartedContext context) {
  auto params = context.getParams();
  return ask([&](CallToken token) { return DriverStarted{token, read(params.getKey()), instantFromNs(params.getStartedAtNs())}; },
             acknowledge);
}

kj::Promise<void> MachineActor::driverReady(DriverReadyContext context) {
  auto params = context.getParams();
  return ask([&](CallToken token) { return DriverReady{token, read(params.getKey()), text(params.getHost())}; }, acknowledge);
}

kj::Promise<void> MachineActor::driverHealth(DriverHealthContext context) {
  auto params = context.getParams();
  auto health = params.getHealthy() ? Health::HEALTHY : Health::UNHEALTHY;
  return ask([&](CallToken token) { return DriverHealth{token, read(params.getKey()), health}; }, acknowledge);
}

kj::Promise<void> MachineActor::driverExited(DriverExitedContext context) {
  auto params = context.getParams();
  KJ_REQUIRE(params.getExit().getReason() != schema::StopReason::NONE, "an exit needs a reason");
  return ask([&](CallToken token) { return DriverExited{token, read(params.getKey()), read(params.getExit())}; }, acknowledge);
}

kj::Promise<void> MachineActor::describe(DescribeContext context) {
  auto results = context.getResults();
  write(results.initCapacity(), limits().capacity);
  write(results.initUsed(), state().used);
  auto instances = results.initInstances(state().rows.size());
  uint32_t i = 0;
  for (auto& [key, row]: state().rows) write(instances[i++], row);
  return kj::READY_NOW;
}

// ---------------------------------------------------------------------------------------
// Effects

void MachineActor::perform(const Effect& effect) {
  std::visit(Match{
    [&](const Reply& e) { answer(e.token, e.answer); },
    [&](const Perform& e) { std::visit([&](const auto& call) { send(e.attempt, call); }, e.attempt.call); },
    [&](const RetryAfter& e) {
      env().spawn(env().await(env().after(e.delay), [this, attempt = e.attempt]() -> kj::Promise<void> {
        tell(RetryDue{attempt});
        return kj::READY_NOW;
      }));
    },
    [&](const ReportStray& e) { KJ_LOG(WARNING, "an instance that nobody accepted is killed", toText(e.key)); },
  }, effect);
}

void MachineActor::send(const Attempt& attempt, const Launch& call) {
  auto& row = state().rows.at(call.key);
  auto request = driver().launchRequest();
  auto launch = request.initSpec();
  write(launch.initKey(), row.key);
  actor::inflate<schema::ClassSpec>(row.spec.words, [&](auto spec) { launch.setSpec(spec); });
  write(launch.initExtraEnv(row.extraEnv.size()), row.extraEnv);
  launch.setLocation(row.location.value());
  launch.setTimeoutMs(toMs(call.timeout));
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const SignalInstance& call) {
  auto request = driver().signalRequest();
  write(request.initKey(), call.key);
  request.setNumber(call.number);
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const KillInstance& call) {
  auto request = driver().killRequest();
  write(request.initKey(), call.key);
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const AcknowledgeExit& call) {
  auto request = driver().acknowledgeRequest();
  write(request.initKey(), call.key);
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const List& call) {
  expect(attempt, driver().listRequest().send(), [this, call](auto&& response) {
    Listed listed{call, {}};
    for (auto report: response.getInstances()) listed.instances.push_back(readReport(report));
    tell(listed);
  });
}

void MachineActor::send(const Attempt& attempt, const TellStarted& call) {
  auto request = supervisorOf(call.key).instanceStartedRequest();
  request.setGeneration(call.key.generation.value());
  request.setMachine(env().self().name);
  request.setStartedAtNs(toNs(call.startedAt));
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const TellReady& call) {
  auto request = supervisorOf(call.key).instanceReadyRequest();
  request.setGeneration(call.key.generation.value());
  request.setMachine(env().self().name);
  request.setHost(call.host);
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const TellHealth& call) {
  auto request = supervisorOf(call.key).instanceHealthRequest();
  request.setGeneration(call.key.generation.value());
  request.setMachine(env().self().name);
  request.setHealthy(call.health == Health::HEALTHY);
  expectDone(attempt, request.send());
}

void MachineActor::send(const Attempt& attempt, const TellExited& call) {
  auto request = supervisorOf(call.key).instanceExitedRequest();
  request.setGeneration(call.key.generation.value());
  request.setMachine(env().self().name);
  write(request.initExit(), call.exit);
  expectDone(attempt, request.send());
}

// ---------------------------------------------------------------------------------------

// Rows of it are many and most are never asked for again, so they are read where they are needed.
Generation MachineActor::lastOf(const ContainerId& container) {
  auto bytes = storage().getBytes(lastKey(container));
  return bytes ? decodeLast(*bytes) : Generation(0);
}

schema::Supervisor::Client MachineActor::supervisorOf(const InstanceKey& key) {
  return env().actor<schema::Supervisor>(toText(key.container));
}

template <typename T, typename OnAnswer>
void MachineActor::expect(const Attempt& attempt, kj::Promise<T>&& answer, OnAnswer&& onAnswer) {
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

template <typename T>
void MachineActor::expectDone(const Attempt& attempt, kj::Promise<T>&& answer) {
  expect(attempt, kj::mv(answer), [this, call = attempt.call](auto&&) { tell(CallDone{call}); });
}

}  // namespace meridian::machine
