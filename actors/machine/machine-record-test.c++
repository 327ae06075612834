#include "actors/machine/machine-record.h"

#include <capnp/message.h>
#include <kj/exception.h>

#include <catch2/catch.hpp>

#include "tests/golden/golden-record.h"

namespace meridian::machine {
namespace {

Row wholeRow(std::optional<Exit> exit) {
  capnp::MallocMessageBuilder message;
  auto spec = message.initRoot<schema::ClassSpec>();
  spec.setClassName("Sandbox");
  spec.setImageId("sha256-1");
  spec.initResources().setMemoryMib(256);
  spec.setStartTimeoutMs(30'000);
  return {{{ClassName("Sandbox"), "alice"}, Generation(7)}, readSpec(spec), {{"MODE", "debug"}}, LocationId("here"), instantFromNs(20),
          std::move(exit)};
}

std::map<std::string, Row> examples() {
  return {{"alive", wholeRow({})}, {"exited", wholeRow(Exit{StopReason::OOM, {}, 9, "too much", instantFromNs(30)})}};
}

TEST_CASE("a row decodes to what was encoded, alive or exited") {
  for (auto& [name, row]: examples()) {
    INFO(name);
    CHECK(decodeRow(encode(row)) == row);
    CHECK(decodeRow(encode(row)).spec.need.memory == MemoryMib(256));
    CHECK(decodeRow(encode(row)).spec.startTimeout == 30s);
  }
  CHECK(decodeLast(encodeLast(Generation(12))) == Generation(12));
}

TEST_CASE("rows that an earlier build stored still load") {
  tests::Entries today{{"last", encodeLast(Generation(12))}};
  for (auto& [name, row]: examples()) today[name] = encode(row);
  auto stored = tests::goldenEntries("machine-record-v1.txt", today);
  for (auto& [name, row]: examples()) {
    INFO(name);
    REQUIRE(stored.contains(name));
    CHECK(decodeRow(stored[name]) == row);
  }
  REQUIRE(stored.contains("last"));
  CHECK(decodeLast(stored["last"]) == Generation(12));
}

TEST_CASE("keys of one container are in the order of its generations") {
  ContainerId container{ClassName("Sandbox"), "alice"};
  CHECK(rowKey({container, Generation(9)}) < rowKey({container, Generation(10)}));
  CHECK(rowKey({container, Generation(10)}) < rowKey({container, Generation(UINT64_MAX)}));
  CHECK(rowKey({container, Generation(9)}) == "instance/Sandbox/alice/00000000000000000009");
  CHECK(lastKey(container) == "last/Sandbox/alice");
}

TEST_CASE("a row without a generation is refused") {
  auto row = wholeRow({});
  row.key.generation = Generation(0);
  CHECK_THROWS_AS(decodeRow(encode(row)), kj::Exception);
}

TEST_CASE("a report of the driver says what lives, what is ready and what has ended") {
  capnp::MallocMessageBuilder message;
  auto report = message.initRoot<schema::InstanceReport>();
  CHECK_FALSE(readReport(report).startedAt.has_value());
  report.setStartedAtNs(5);
  report.setReady(true);
  report.setHost("10.0.0.2");
  CHECK(readReport(report).startedAt == instantFromNs(5));
  CHECK(readReport(report).host == "10.0.0.2");
  CHECK_FALSE(readReport(report).exit.has_value());
  report.initExit().setReason(schema::StopReason::EXITED);
  CHECK(readReport(report).exit->reason == StopReason::EXITED);
}

}  // namespace
}  // namespace meridian::machine
