#include "runtime/container/shim-client.h"

#include <kj/async-io.h>
#include <kj/debug.h>

#include <catch2/catch.hpp>

#include "runtime/container/fake-shim.h"
#include "runtime/container/root-test.h"

namespace meridian::container {
namespace {

struct Subject {
  TemporaryState folder;
  kj::AsyncIoContext io = kj::setupAsyncIo();

  kj::Own<ShimClient> connect() {
    return kj::heap<ShimClient>(io.unixEventPort, folder.path(), [](auto) {});
  }
};

kj::Exception::Type faultOf(kj::FunctionParam<void()> action) {
  KJ_IF_MAYBE(error, kj::runCatchingExceptions([&] { action(); })) return error->getType();
  return kj::Exception::Type::UNIMPLEMENTED;
}

TEST_CASE("without a shim there is no connection") {
  Subject subject;
  CHECK(faultOf([&] { subject.connect(); }) == kj::Exception::Type::DISCONNECTED);
}

TEST_CASE("a shim of this version is greeted") {
  Subject subject;
  FakeShim shim(subject.folder.path(), schema::SHIM_PROTOCOL_VERSION);
  auto client = subject.connect();
  CHECK((**client->hello().wait(subject.io.waitScope)).isHello());
}

TEST_CASE("a shim of another version is refused with a clear word") {
  Subject subject;
  FakeShim shim(subject.folder.path(), schema::SHIM_PROTOCOL_VERSION + 1);
  auto client = subject.connect();
  std::string why;
  KJ_IF_MAYBE(error,
               kj::runCatchingExceptions([&] { client->hello().wait(subject.io.waitScope); }))
    why = error->getDescription().cStr();
  CHECK(why.find("another version") != std::string::npos);
}

TEST_CASE("answers find their calls, also when many are sent at once") {
  Subject subject;
  FakeShim shim(subject.folder.path(), schema::SHIM_PROTOCOL_VERSION);
  auto client = subject.connect();
  auto calls = kj::heapArrayBuilder<kj::Promise<void>>(1000);
  for (int i = 0; i < 1000; i++) {
    auto fill = [i](schema::ToShim::Builder to) { to.initLaunch().initKey().setGeneration(i); };
    calls.add(client->call(fill).then([i](ShimClient::Answer&& answer) {
      KJ_ASSERT((**answer).getLaunched().getKey().getGeneration() == static_cast<uint64_t>(i));
    }));
  }
  CHECK_NOTHROW(kj::joinPromises(calls.finish()).wait(subject.io.waitScope));
}

TEST_CASE("when the connection ends, what waits and what comes later is rejected") {
  Subject subject;
  FakeShim shim(subject.folder.path(), schema::SHIM_PROTOCOL_VERSION);
  auto client = subject.connect();
  client->hello().wait(subject.io.waitScope);
  shim.disconnect();
  client->whenLost().wait(subject.io.waitScope);
  auto list = [&] {
    client->call([](schema::ToShim::Builder to) { to.setList(); }).wait(subject.io.waitScope);
  };
  CHECK(faultOf(list) == kj::Exception::Type::DISCONNECTED);
}

TEST_CASE("a request that no packet can hold is refused before it is sent") {
  Subject subject;
  FakeShim shim(subject.folder.path(), schema::SHIM_PROTOCOL_VERSION);
  auto client = subject.connect();
  std::string large(SHIM_PACKET_MAX, 'x');
  auto send = [&] {
    client->call([&](schema::ToShim::Builder to) { to.initLaunch().setTag(large.c_str()); })
        .wait(subject.io.waitScope);
  };
  CHECK(faultOf(send) == kj::Exception::Type::FAILED);
  CHECK((**client->hello().wait(subject.io.waitScope)).isHello());
}

}  // namespace
}  // namespace meridian::container
