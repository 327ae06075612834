#include "runtime/actor/argument.h"

#include <capnp/message.h>
#include <kj/exception.h>

#include <catch2/catch.hpp>

#include "runtime/actor/vocabulary.h"

namespace meridian::actor {
namespace {

template <typename Read>
std::string whyRefused(Read read) {
  KJ_IF_MAYBE (error, kj::runCatchingExceptions([&] { read(); })) {
    CHECK(error->getType() == kj::Exception::Type::FAILED);
    return error->getDescription().cStr();
  }
  return "";
}

TEST_CASE("an argument that is no name is refused with field, value and what is allowed") {
  CHECK(nameArgument("machine", "m1") == "m1");
  auto why = whyRefused([] { nameArgument("machine", "a/b"); });
  for (auto* part: {"machine", "a/b", "allowed: 1 to 128"}) CHECK(why.find(part) != std::string::npos);
}

TEST_CASE("an instance's key is checked part by part") {
  capnp::MallocMessageBuilder message;
  auto key = message.initRoot<schema::InstanceKey>();
  write(key, {{ClassName("Sandbox"), "alice"}, Generation(7)});
  CHECK(toText(instanceArgument("instance", key)) == "Sandbox/alice#7");
  key.getContainer().setId("..");
  CHECK(whyRefused([&] { instanceArgument("instance", key); }).find("instance.container.id") != std::string::npos);
}

TEST_CASE("a list of names has a bound") {
  capnp::MallocMessageBuilder message;
  auto list = message.getOrphanage().newOrphan<capnp::List<capnp::Text>>(3);
  for (uint i = 0; i < 3; ++i) list.get().set(i, "m1");
  CHECK(namesArgument("avoid", list.getReader(), 3).size() == 3);
  CHECK(whyRefused([&] { namesArgument("avoid", list.getReader(), 2); }).find("too many") != std::string::npos);
}

}  // namespace
}  // namespace meridian::actor
