#include "actors/machine/machine-record.h"

#include <kj/debug.h>

#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"

namespace meridian::machine {

using actor::read;
using actor::text;
using actor::write;

std::string rowKey(const InstanceKey& key) {
  auto digits = std::to_string(key.generation.value());
  return std::string(ROW_PREFIX) + toText(key.container) + "/" + std::string(20 - digits.size(), '0') + digits;
}

std::string lastKey(const ContainerId& container) { return "last/" + toText(container); }

std::string encode(const Row& row) {
  capnp::MallocMessageBuilder message;
  write(message.initRoot<schema::InstanceRow>(), row);
  return actor::seal(message);
}

std::string encodeLast(Generation generation) {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::LastGenerationRow>().setGeneration(generation.value());
  return actor::seal(message);
}

Row decodeRow(std::string_view bytes) {
  auto opened = actor::open(bytes);
  auto record = opened->get<schema::InstanceRow>();
  Row row;
  row.key = read(record.getKey());
  KJ_REQUIRE(row.key.generation.value() > 0, "a machine's row lacks its generation");
  row.spec = readSpec(record.getSpec());
  row.extraEnv = read(record.getExtraEnv());
  row.location = LocationId(text(record.getLocation()));
  row.acceptedAt = instantFromNs(record.getAcceptedAtNs());
  if (record.getExit().getReason() != schema::StopReason::NONE) row.exit = read(record.getExit());
  return row;
}

Generation decodeLast(std::string_view bytes) {
  return Generation(actor::open(bytes)->get<schema::LastGenerationRow>().getGeneration());
}

void write(schema::InstanceRow::Builder to, const Row& row) {
  write(to.initKey(), row.key);
  actor::inflate<schema::ClassSpec>(row.spec.words, [&](auto spec) { to.setSpec(spec); });
  write(to.initExtraEnv(row.extraEnv.size()), row.extraEnv);
  to.setLocation(row.location.value());
  to.setAcceptedAtNs(toNs(row.acceptedAt));
  if (row.exit) write(to.initExit(), *row.exit);
}

Spec readSpec(schema::ClassSpec::Reader from) {
  return {read(from.getResources()), actor::durationFromMs(from.getStartTimeoutMs()), actor::flatten<schema::ClassSpec>(from)};
}

Report readReport(schema::InstanceReport::Reader from) {
  Report report;
  report.key = read(from.getKey());
  if (from.getStartedAtNs() != 0) report.startedAt = instantFromNs(from.getStartedAtNs());
  if (from.getReady()) report.host = text(from.getHost());
  if (from.getExit().getReason() != schema::StopReason::NONE) report.exit = read(from.getExit());
  return report;
}

}  // namespace meridian::machine
