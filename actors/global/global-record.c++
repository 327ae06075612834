#include "actors/global/global-record.h"

#include <capnp/message.h>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"
#include "schema/global.capnp.h"

namespace meridian::global {

namespace {

constexpr std::string_view LOCATION_PREFIX = "location/";
constexpr std::string_view GATEWAY_PREFIX = "gateway/";
constexpr std::string_view APPLICATION_PREFIX = "application/";

std::string key(std::string_view prefix, const std::string& name) { return std::string(prefix) + name; }

std::string encode(const Location& location) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::LocationRow>();
  actor::write(row.initTotal(), location.total);
  actor::write(row.initFree(), location.free);
  row.setReportedAtNs(toNs(location.reportedAt));
  return actor::seal(message);
}

Location decodeLocation(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto row = opened->get<schema::LocationRow>();
  return {actor::read(row.getTotal()), actor::read(row.getFree()), instantFromNs(row.getReportedAtNs())};
}

std::string encodeName(const std::string& name) {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::NameRow>().setName(name);
  return actor::seal(message);
}

std::string decodeName(std::string_view bytes) { return actor::text(actor::open(bytes)->get<schema::NameRow>().getName()); }

}  // namespace

State load(actor::Storage& storage) {
  State state;
  for (auto& entry: storage.list({.prefix = std::string(LOCATION_PREFIX)})) {
    state.locations.emplace(entry.key.substr(LOCATION_PREFIX.size()), decodeLocation(entry.value));
  }
  for (auto& entry: storage.list({.prefix = std::string(GATEWAY_PREFIX)})) {
    state.gateways.insert(GatewayId(decodeName(entry.value)));
  }
  for (auto& entry: storage.list({.prefix = std::string(APPLICATION_PREFIX)})) {
    state.applications.insert(decodeName(entry.value));
  }
  return state;
}

void save(actor::Storage& storage, const Change& change) {
  std::visit(Match{
      [&](const LocationSet& set) { storage.putBytes(key(LOCATION_PREFIX, set.id.value()), encode(set.location)); },
      [&](const GatewayAdded& added) {
        storage.putBytes(key(GATEWAY_PREFIX, added.gateway.value()), encodeName(added.gateway.value()));
      },
      [&](const ApplicationAdded& added) {
        storage.putBytes(key(APPLICATION_PREFIX, added.application), encodeName(added.application));
      },
      [&](const ApplicationRemoved& removed) { storage.erase(key(APPLICATION_PREFIX, removed.application)); },
  }, change);
}

}  // namespace meridian::global
