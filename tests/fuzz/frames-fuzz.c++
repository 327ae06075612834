// A byte stream cut into messages, and each message before the RPC system sees it. An input is how far the pieces reach in which the
// stream comes, then the stream.
//
// What must hold: messages come out whole, in order, and are what the stream says; how the stream was cut makes no difference; a
// message that passes the check can be read to its last part.
#include <capnp/any.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/rpc/frame-reader.h"
#include "runtime/rpc/peer-account.h"
#include "tests/fuzz/input.h"

namespace meridian::fuzz {
namespace {

struct Outcome {
  std::string read;       // all messages, one behind the other
  size_t messages = 0;
  bool refused = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome readIn(size_t step, std::string_view stream, const rpc::PeerLimits& limits) {
  Outcome outcome;
  rpc::FrameReader reader(limits);
  auto takeAll = [&]() {
    for (;;) {
      auto next = reader.next();
      KJ_IF_MAYBE(words, next) {
        outcome.messages++;
        outcome.read.append(words->asChars().begin(), words->asChars().size());
      } else {
        return;
      }
    }
  };
  auto readAll = [&]() {
    while (!stream.empty()) {
      auto room = reader.room();
      size_t size = std::min({room.size(), step, stream.size()});
      std::memcpy(room.begin(), stream.data(), size);
      reader.arrived(size);
      stream.remove_prefix(size);
      takeAll();
    }
  };
  outcome.refused = kj::runCatchingExceptions(readAll) != nullptr;
  return outcome;
}

void copy(capnp::AnyPointer::Reader from) {
  capnp::MallocMessageBuilder copied;
  copied.getRoot<capnp::AnyPointer>().set(from);
}

void judge(std::string_view words, const rpc::PeerLimits& limits) {
  auto aligned = kj::heapArray<capnp::word>(words.size() / sizeof(capnp::word));
  std::memcpy(aligned.asBytes().begin(), words.data(), words.size());
  rpc::PeerAccount account(limits);
  if (kj::runCatchingExceptions([&]() { account.received(aligned); }) != nullptr) return;
  // The RPC system copies what it hands on. Unknown kinds of pointers are the only thing that it may still trip over.
  capnp::FlatArrayMessageReader reader(aligned);
  KJ_IF_MAYBE(failure, kj::runCatchingExceptions([&]() { copy(reader.getRoot<capnp::AnyPointer>()); })) {
    require(failure->getDescription().findFirst('U') != nullptr, "a checked message can be read");
  }
}

}  // namespace
}  // namespace meridian::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  using namespace meridian::fuzz;
  Input input(data, size);
  rpc::PeerLimits limits;
  limits.frameBytesMax = 64 << 10;
  size_t step = input.byte() + 1;
  auto stream = input.rest();
  auto outcome = readIn(step, stream, limits);
  require(outcome == readIn(1, stream, limits), "how a stream is cut makes no difference");
  require(outcome == readIn(1 << 20, stream, limits), "how a stream is cut makes no difference");
  require(stream.starts_with(outcome.read), "messages are what the stream says");
  std::string_view rest = outcome.read;
  while (!rest.empty()) {
    auto aligned = kj::heapArray<capnp::word>(rest.size() / sizeof(capnp::word));
    std::memcpy(aligned.asBytes().begin(), rest.data(), rest.size());
    capnp::FlatArrayMessageReader reader(aligned);
    size_t bytes = (reader.getEnd() - aligned.begin()) * sizeof(capnp::word);
    require(bytes > 0 && bytes <= rest.size(), "a message ends where the library says it does");
    judge(rest.substr(0, bytes), limits);
    rest.remove_prefix(bytes);
    outcome.messages--;
  }
  require(outcome.messages == 0, "as many messages come out as the library finds");
  return 0;
}
