#include "runtime/actor/vocabulary.h"

#include <catch2/catch.hpp>

#include <set>

namespace meridian::actor {
namespace {

TEST_CASE("every stop reason survives its schema form and has a word of its own") {
  std::set<std::string> words;
  for (uint16_t i = 0; i <= static_cast<uint16_t>(LAST_STOP_REASON); ++i) {
    auto reason = static_cast<StopReason>(i);
    CHECK(read(toSchema(reason)) == reason);
    words.insert(toText(reason));
  }
  CHECK(words.size() == static_cast<size_t>(LAST_STOP_REASON) + 1);
}

TEST_CASE("an exit survives its schema form, with a code, a signal or neither") {
  for (auto exit: {Exit{StopReason::EXITED, 0, {}, "", instantFromNs(5)}, Exit{StopReason::OOM, {}, 9, "killed", instantFromNs(6)},
                   Exit{StopReason::START_TIMEOUT, {}, {}, "it did not listen", instantFromNs(7)}}) {
    capnp::MallocMessageBuilder message;
    write(message.initRoot<schema::Exit>(), exit);
    CHECK(read(message.getRoot<schema::Exit>().asReader()) == exit);
  }
}

TEST_CASE("what is passed on unread arrives whole") {
  capnp::MallocMessageBuilder message;
  write(message.initRoot<schema::InstanceKey>(), {{ClassName("Sandbox"), "alice"}, Generation(7)});
  auto bytes = flatten<schema::InstanceKey>(message.getRoot<schema::InstanceKey>());
  inflate<schema::InstanceKey>(bytes, [](schema::InstanceKey::Reader reader) {
    CHECK(toText(read(reader)) == "Sandbox/alice#7");
  });
}

}  // namespace
}  // namespace meridian::actor
