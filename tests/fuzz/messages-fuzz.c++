// A vat with actors, and a peer that sends RPC messages as the fuzzer likes: an input is a script of them, mixed with commits and time.
//
// What must hold: nothing breaks or hangs, whatever the peer says; another client of the vat is served to the end; and when the peer has gone,
// the vat can be taken down.
#include <capnp/any.h>
#include <spdlog/spdlog.h>

#include <string>

#include "schema/node.capnp.h"
#include "tests/contract/counter-calls.h"
#include "tests/contract/raw-peer.h"
#include "tests/fuzz/input.h"

namespace meridian::fuzz {
namespace {

using capnp::rpc::CapDescriptor;
using capnp::rpc::Message;

// Few numbers, so that messages meet.
constexpr uint8_t NUMBERS = 8;

class Script {
 public:
  Script(Input& input, toy::ToyWorld& world, toy::RawPeer& peer): input_(input), world_(world), peer_(peer) {}

  void run() {
    peer_.bootstrap(0);
    for (int steps = 0; !input_.empty() && steps < STEPS_MAX; steps++) step();
    world_.commitAll();
  }

 private:
  static constexpr int STEPS_MAX = 200;

  uint32_t number() { return input_.below(NUMBERS); }

  void step() {
    switch (input_.below(15)) {
      case 0: return peer_.bootstrap(number());
      case 1: return send([this](auto message) { findActor(message.initCall()); });
      case 2:
      case 3:
      case 4: return send([this](auto message) { callActor(message.initCall()); });
      case 5: return peer_.finish(number(), input_.below(2) == 0);
      case 6:
        return send([this](auto message) {
          message.initRelease().setId(number());
          message.getRelease().setReferenceCount(input_.below(3));
        });
      case 7:
        return send([this](auto message) {
          auto resolve = message.initResolve();
          resolve.setPromiseId(number());
          if (input_.below(4) == 0) return resolve.initException().setReason("gone");
          describe(resolve.initCap());
        });
      case 8: return send([this](auto message) { disembargo(message.initDisembargo()); });
      case 9: return send([this](auto message) { answer(message.initReturn()); });
      case 10: return send([this](auto message) { other(message); });
      case 11: return sendRaw();
      case 12: return world_.settle();
      case 13: world_.commit(); return;
      case 14: return world_.advance(std::chrono::milliseconds(100 * input_.byte()));
    }
  }

  template <typename Build>
  void send(Build build) {
    peer_.send(kj::mv(build));
  }

  void target(capnp::rpc::MessageTarget::Builder to) {
    auto which = input_.byte();
    if (which % 4 == 0) return to.setImportedCap(number());
    promised(to.initPromisedAnswer(), which / 4);
  }

  void promised(capnp::rpc::PromisedAnswer::Builder to, uint8_t steps) {
    to.setQuestionId(number());
    auto transform = to.initTransform(steps % 3);
    for (auto op : transform) op.setGetPointerField(input_.below(2));
  }

  void describe(CapDescriptor::Builder to) {
    switch (input_.below(6)) {
      case 0: return;
      case 1: return to.setSenderHosted(number());
      case 2: return to.setSenderPromise(number());
      case 3: return to.setReceiverHosted(number());
      case 4: return promised(to.initReceiverAnswer(), input_.byte());
      case 5: return to.initThirdPartyHosted().setVineId(number());
    }
  }

  void describeAll(capnp::rpc::Payload::Builder payload) {
    for (auto descriptor : payload.initCapTable(input_.below(3))) describe(descriptor);
  }

  // Two words, and two pointers that are texts or capabilities: whatever the method takes them for.
  void fill(capnp::AnyPointer::Builder content) {
    capnp::BuilderCapabilityTable table;
    auto params = table.imbue(content).initAsAnyStruct(2, 2);
    for (size_t i = 0; i < 16; i += 8) params.getDataSection()[i] = input_.byte();
    for (auto pointer : params.getPointerSection()) {
      switch (input_.below(4)) {
        case 0: break;
        case 1: pointer.setAs<capnp::Text>(input_.below(2) == 0 ? "a" : "b"); break;
        case 2: pointer.setAs<capnp::Capability>(capnp::Capability::Client(capnp::newBrokenCap("stands for what the peer hosts"))); break;
        case 3: pointer.setAs<capnp::Data>(kj::heapArray<kj::byte>(input_.byte() * 64u)); break;
      }
    }
  }

  void begin(capnp::rpc::Call::Builder call, uint64_t interface, uint16_t method) {
    call.setQuestionId(number());
    call.setInterfaceId(interface);
    call.setMethodId(method);
    target(call.getTarget());
    if (input_.below(8) == 0) call.getSendResultsTo().setYourself();
  }

  void findActor(capnp::rpc::Call::Builder call) {
    begin(call, capnp::typeId<schema::Node>(), input_.below(3));
    capnp::MallocMessageBuilder scratch;
    auto params = call.getParams().getContent().initAs<schema::Node::ActorParams>();
    params.setKind(input_.below(4) == 0 ? "Patient" : "Counter");
    params.setName(input_.below(2) == 0 ? "a" : "b");
    describeAll(call.getParams());
  }

  void callActor(capnp::rpc::Call::Builder call) {
    begin(call, input_.below(8) == 0 ? capnp::typeId<toy::Patient>() : capnp::typeId<toy::Counter>(), input_.below(20));
    fill(call.getParams().getContent());
    describeAll(call.getParams());
  }

  void disembargo(capnp::rpc::Disembargo::Builder to) {
    target(to.getTarget());
    auto context = to.getContext();
    switch (input_.below(4)) {
      case 0: return context.setSenderLoopback(number());
      case 1: return context.setReceiverLoopback(number());
      case 2: return context.setAccept();
      case 3: return context.setProvide(number());
    }
  }

  void answer(capnp::rpc::Return::Builder to) {
    to.setAnswerId(number());
    to.setReleaseParamCaps(input_.below(2) == 0);
    switch (input_.below(6)) {
      case 0:
        fill(to.initResults().getContent());
        return describeAll(to.getResults());
      case 1: return to.initException().setReason("it failed");
      case 2: return to.setCanceled();
      case 3: return to.setResultsSentElsewhere();
      case 4: return to.setTakeFromOtherQuestion(number());
      case 5: to.initAcceptFromThirdParty();
    }
  }

  void other(Message::Builder message) {
    switch (input_.below(5)) {
      case 0: return answer(message.initUnimplemented().initReturn());
      case 1: return describe(message.initUnimplemented().initResolve().initCap());
      case 2: return target(message.initProvide().initTarget());
      case 3: message.initAbort().setReason("enough"); return;
      case 4: message.initJoin(); return;
    }
  }

  // Words as they are.
  void sendRaw() {
    auto bytes = input_.bytes(size_t(input_.byte()) * 8);
    auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word) + 1);
    uint32_t table[] = {0, static_cast<uint32_t>(words.size() - 1)};
    memcpy(words.asBytes().begin(), table, sizeof(table));
    memcpy(words.asBytes().begin() + sizeof(table), bytes.data(), words.asBytes().size() - sizeof(table));
    peer_.send(kj::mv(words));
  }

  Input& input_;
  toy::ToyWorld& world_;
  toy::RawPeer& peer_;
};

rpc::PeerLimits lowLimits() {
  rpc::PeerLimits limits;
  limits.questionBytesMax = 64 << 10;
  limits.unreadBytesMax = 256 << 10;
  limits.pipelineMax = 6;
  limits.promiseChainMax = 4;
  return limits;
}

}  // namespace
}  // namespace meridian::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  spdlog::set_level(spdlog::level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  fuzz::Input input(data, size);
  toy::ToyWorld world(1);
  {
    toy::RawPeer peer(world, fuzz::lowLimits());
    fuzz::Script(input, world, peer).run();
    fuzz::require(world.finish(toy::value(world.counter("other"))) == 0, "another client is served");
  }
  world.commitAll();
  fuzz::require(world.finish(toy::value(world.counter("other"))) == 0, "another client is served when the peer has gone");
  return 0;
}
