// What reaches the shim's socket, and what lies in its file of exits. An input chooses one, then gives its bytes.
//
// What must hold: a packet is decoded, or refused as a bad request; an exit that is read is written again as the same.
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>

#include "runtime/container/shim/packet.h"
#include "tests/fuzz/input.h"

namespace meridian::fuzz {
namespace {

void packet(std::string_view bytes) {
  // The shim receives into memory of its own, which is aligned.
  auto received = kj::heapArray<capnp::word>((bytes.size() + 7) / 8);
  std::memcpy(received.asBytes().begin(), bytes.data(), bytes.size());
  try {
    auto request = shim::decode(received.asBytes().slice(0, bytes.size()));
    if (auto launch = std::get_if<shim::Launch>(&request.command)) {
      require(!launch->program.argv.empty(), "a launch that is taken has a program");
    }
  } catch (const shim::BadRequest&) {
  }
}

void exitRecord(std::string_view bytes) {
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), bytes.data(), words.asBytes().size());
  auto again = [&]() {
    capnp::FlatArrayMessageReader reader(words);
    auto record = shim::decode(reader.getRoot<schema::ExitRecord>());
    capnp::MallocMessageBuilder message;
    shim::encode(record, message.initRoot<schema::ExitRecord>());
    require(shim::decode(message.getRoot<schema::ExitRecord>().asReader()) == record, "an exit that is read is the same again");
  };
  kj::runCatchingExceptions(again);
}

}  // namespace
}  // namespace meridian::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian::fuzz;
  Input input(data, size);
  if (input.below(2) == 0) {
    packet(input.rest());
  } else {
    exitRecord(input.rest());
  }
  return 0;
}
