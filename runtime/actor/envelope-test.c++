#include "runtime/actor/envelope.h"

#include <capnp/message.h>
#include <kj/exception.h>

#include <catch2/catch.hpp>

#include "schema/machine.capnp.h"

namespace meridian::actor {
namespace {

std::string sealGeneration(uint64_t generation) {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::LastGenerationRow>().setGeneration(generation);
  return seal(message);
}

std::string whyRefused(std::string_view bytes) {
  KJ_IF_MAYBE (error, kj::runCatchingExceptions([&] { open(bytes); })) {
    return error->getDescription().cStr();
  }
  return "";
}

TEST_CASE("a sealed record opens to what was written") {
  auto record = open(sealGeneration(17));
  CHECK(record->get<schema::LastGenerationRow>().getGeneration() == 17);
  CHECK(record->writerVersion() == RECORD_VERSION);
}

TEST_CASE("the header is writer and least reader, little endian, before whole words") {
  auto bytes = sealGeneration(1);
  REQUIRE(bytes.size() % sizeof(capnp::word) == 4);
  CHECK(bytes.substr(0, 4) == std::string("\x01\x00\x01\x00", 4));
}

TEST_CASE("a record that needs a newer reader is refused, and the error says so") {
  auto bytes = sealGeneration(1);
  bytes[2] = RECORD_VERSION + 1;
  CHECK_THAT(whyRefused(bytes), Catch::Contains("needs a newer build of meridian"));
}

TEST_CASE("a record of a newer writer that older readers may read opens") {
  auto bytes = sealGeneration(5);
  bytes[0] = RECORD_VERSION + 1;
  auto record = open(bytes);
  CHECK(record->writerVersion() == RECORD_VERSION + 1);
  CHECK(record->get<schema::LastGenerationRow>().getGeneration() == 5);
}

TEST_CASE("bytes that are no record are refused") {
  CHECK_THAT(whyRefused(""), Catch::Contains("shorter than its envelope"));
  CHECK_THAT(whyRefused(std::string("\x01\x00\x01\x00", 4)), Catch::Contains("shorter than its envelope"));
  CHECK_THAT(whyRefused(sealGeneration(1).substr(0, 13)), Catch::Contains("whole word"));
  CHECK_FALSE(whyRefused(std::string("\x01\x00\x01\x00", 4) + std::string(8, '\xff')).empty());
}

}  // namespace
}  // namespace meridian::actor
