#include "actors/class/class-record.h"

#include <capnp/message.h>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "runtime/base/match.h"

namespace meridian::container_class {

namespace {

constexpr std::string_view CLASS_KEY = "class";
constexpr std::string_view SWEEP_KEY = "sweep";
constexpr std::string_view PERMIT_PREFIX = "permit/";

std::string permitKey(const std::string& id) { return std::string(PERMIT_PREFIX) + id; }

std::string encode(const Claimed& claimed) {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::ClassRecord>().setApplication(claimed.application);
  return actor::seal(message);
}

std::string encode(const Configured& configured) {
  capnp::MallocMessageBuilder message;
  auto record = message.initRoot<schema::ClassRecord>();
  record.setApplication(configured.spec.application);
  actor::inflate<schema::ClassSpec>(configured.spec.words, [&](schema::ClassSpec::Reader spec) { record.setSpec(spec); });
  return actor::seal(message);
}

Ownership decodeOwnership(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto record = opened->get<schema::ClassRecord>();
  if (!record.hasSpec()) return Claimed{record.getApplication()};
  return Configured{read(record.getSpec())};
}

std::string encode(const std::string& id, const Permit& permit) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::Permit>();
  row.setId(id);
  row.setGeneration(permit.generation.value());
  row.setAtNs(toNs(permit.at));
  return actor::seal(message);
}

std::string encode(const PermitSweep& sweep) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::PermitSweepRow>();
  row.setAtNs(toNs(sweep.at));
  if (sweep.after) row.setAfter(*sweep.after);
  return actor::seal(message);
}

PermitSweep decodeSweep(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto row = opened->get<schema::PermitSweepRow>();
  PermitSweep sweep{instantFromNs(row.getAtNs()), std::nullopt};
  if (row.getAfter().size() > 0) sweep.after = row.getAfter();
  return sweep;
}

void saveOwnership(actor::Storage& storage, const Ownership& ownership) {
  std::visit(Match{
      [&](const Unclaimed&) { storage.erase(CLASS_KEY); },
      [&](const Claimed& claimed) { storage.putBytes(CLASS_KEY, encode(claimed)); },
      [&](const Configured& configured) { storage.putBytes(CLASS_KEY, encode(configured)); },
  }, ownership);
}

}  // namespace

State load(actor::Storage& storage) {
  State state;
  if (auto bytes = storage.getBytes(CLASS_KEY)) state.ownership = decodeOwnership(*bytes);
  if (auto bytes = storage.getBytes(SWEEP_KEY)) state.sweep = decodeSweep(*bytes);
  for (auto& entry: storage.list({.prefix = std::string(PERMIT_PREFIX)})) {
    auto opened = actor::open(entry.value);
    auto row = opened->get<schema::Permit>();
    state.permits.emplace(row.getId(), Permit{Generation(row.getGeneration()), instantFromNs(row.getAtNs())});
  }
  return state;
}

void save(actor::Storage& storage, const Change& change) {
  std::visit(Match{
      [&](const OwnershipSet& set) { saveOwnership(storage, set.ownership); },
      [&](const PermitSet& set) { storage.putBytes(permitKey(set.id), encode(set.id, set.permit)); },
      [&](const PermitErased& erased) { storage.erase(permitKey(erased.id)); },
      [&](const SweepSet& set) {
        if (set.sweep) {
          storage.putBytes(SWEEP_KEY, encode(*set.sweep));
        } else {
          storage.erase(SWEEP_KEY);
        }
      },
  }, change);
}

Spec read(schema::ClassSpec::Reader from) {
  return {actor::text(from.getApplication()), from.getVersion(), from.getMaxInstances(),
          actor::flatten<schema::ClassSpec>(from)};
}

}  // namespace meridian::container_class
