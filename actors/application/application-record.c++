#include "actors/application/application-record.h"

#include <capnp/message.h>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::application {

namespace {

constexpr std::string_view KEY = "application";

using Record = schema::ApplicationRecord;

template <typename Builder>
void writeConfig(Builder to, const Config& config) {
  actor::inflate<schema::ApplicationConfig>(config.words, [&](schema::ApplicationConfig::Reader from) { to.setConfig(from); });
}

void writeAttempt(Record::Attempt::Builder to, const ConfigPtr& config, Force force) {
  writeConfig(to, *config);
  to.setForce(force == Force::YES ? schema::Force::YES : schema::Force::NO);
}

Force readForce(Record::Attempt::Reader from) { return from.getForce() == schema::Force::YES ? Force::YES : Force::NO; }

void writePhase(Record::Phase::Builder to, const Phase& phase) {
  std::visit(Match{
      [&](const Settled&) { to.setSettled(); },
      [&](const Claiming& claiming) { writeAttempt(to.initClaiming(), claiming.config, claiming.force); },
      [&](const Retiring& retiring) { writeAttempt(to.initRetiring(), retiring.config, retiring.force); },
      [&](const Configuring&) { to.setConfiguring(); },
      [&](const Announcing&) { to.setAnnouncing(); },
      [&](const Pushing& pushing) {
        auto group = to.initPushing();
        auto gateways = group.initGateways(pushing.gateways.size());
        for (uint i = 0; i < pushing.gateways.size(); ++i) gateways.set(i, pushing.gateways[i]);
        group.setDeadlineNs(toNs(pushing.deadline));
      },
      [&](const GivingBack& back) {
        auto withdrawal = to.initGivingBack();
        writeConfig(withdrawal, *back.config);
        withdrawal.setReason(back.reason);
      },
      [&](const Restoring& restoring) { to.setRestoring(restoring.reason); },
  }, phase);
}

Pushing readPushing(Record::Phase::Pushing::Reader from) {
  Pushing pushing{{}, instantFromNs(from.getDeadlineNs())};
  for (auto gateway: from.getGateways()) pushing.gateways.push_back(actor::text(gateway));
  return pushing;
}

Phase readPhase(Record::Phase::Reader from) {
  switch (from.which()) {
    case Record::Phase::SETTLED: return Settled{};
    case Record::Phase::CLAIMING: return Claiming{read(from.getClaiming().getConfig()), readForce(from.getClaiming())};
    case Record::Phase::RETIRING: return Retiring{read(from.getRetiring().getConfig()), readForce(from.getRetiring())};
    case Record::Phase::CONFIGURING: return Configuring{};
    case Record::Phase::ANNOUNCING: return Announcing{};
    case Record::Phase::PUSHING: return readPushing(from.getPushing());
    case Record::Phase::GIVING_BACK:
      return GivingBack{read(from.getGivingBack().getConfig()), actor::text(from.getGivingBack().getReason())};
    case Record::Phase::RESTORING: return Restoring{actor::text(from.getRestoring())};
  }
  KJ_FAIL_REQUIRE("a phase of a deploy that this build does not know", static_cast<uint16_t>(from.which()));
}

ClassDeclaration readClass(schema::ClassSpec::Reader from) {
  return {ClassName(actor::text(from.getClassName())), actor::text(from.getImage()), actor::read(from.getResources()),
          from.getMaxInstances(), from.getDefaultPort()};
}

}  // namespace

State load(actor::Storage& storage) {
  State state;
  auto bytes = storage.getBytes(KEY);
  if (!bytes) return state;
  auto opened = actor::open(*bytes);
  auto record = opened->get<Record>();
  state.version = record.getVersion();
  state.deployedAt = instantFromNs(record.getDeployedAtNs());
  if (record.hasConfig()) state.config = read(record.getConfig());
  state.phase = readPhase(record.getPhase());
  if (!std::holds_alternative<Settled>(state.phase)) state.retryAt = instantFromNs(record.getRetryAtNs());
  return state;
}

void save(actor::Storage& storage, const Change& change) {
  capnp::MallocMessageBuilder message;
  auto record = message.initRoot<Record>();
  record.setVersion(change.version);
  record.setDeployedAtNs(toNs(change.deployedAt));
  if (!change.config->words.empty()) writeConfig(record, *change.config);
  if (change.retryAt) record.setRetryAtNs(toNs(*change.retryAt));
  writePhase(record.initPhase(), change.phase);
  storage.putBytes(KEY, actor::seal(message));
}

ConfigPtr read(schema::ApplicationConfig::Reader from) {
  auto config = std::make_shared<Config>();
  config->name = actor::text(from.getName());
  for (auto spec: from.getClasses()) config->classes.push_back(readClass(spec));
  for (auto route: from.getRoutes()) {
    config->routes.push_back({actor::text(route.getPath()), ClassName(actor::text(route.getClassName()))});
  }
  config->words = actor::flatten<schema::ApplicationConfig>(from);
  return config;
}

ConfigPtr nothing(const std::string& application) {
  capnp::MallocMessageBuilder message;
  auto config = message.initRoot<schema::ApplicationConfig>();
  config.setName(application);
  return read(config.asReader());
}

}  // namespace meridian::application
