// Those who leave in the middle, and bodies longer than memory, through the gateway on real sockets.
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "runtime/http/gateway-fixture.h"

namespace meridian::http {
namespace {

TEST_CASE("a client that leaves is gone for the container too") {
  World world;
  {
    INFO("while the container thinks");
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    client.close();
    CHECK(container.receiveAll() == "");
  }
  {
    INFO("within the request's body");
    auto client = world.connect();
    client.send(POST + "Content-Length: 5\r\n\r\nhe");
    auto container = world.container.accept();
    container.receiveUntil("he");
    client.close();
    CHECK(container.receiveAll() == "");
  }
  {
    INFO("within a chunked body: it must not look complete");
    auto client = world.connect();
    client.send(POST + CHUNKED + "2\r\nhe\r\n");
    auto container = world.container.accept();
    container.receiveUntil("he\r\n");
    client.close();
    CHECK(container.receiveAll() == "");
  }
  {
    INFO("within the response");
    auto client = world.connect();
    client.send(GET);
    auto container = world.container.accept();
    container.receiveHead();
    container.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    client.receiveUntil("he");
    client.close();
    CHECK(container.receiveAll() == "");
  }
}

TEST_CASE("an early answer ends a request whose body nobody reads") {
  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: 1000\r\n\r\nhe");
  auto container = world.container.accept();
  container.receiveUntil("he");
  container.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  container.close();
  CHECK(client.receiveAll() == "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
}

size_t residentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Passes `total` bytes from one stream to another, 64 KiB at a time, and checks each byte.
kj::Promise<void> produce(kj::AsyncOutputStream& out, const std::string& block, size_t left) {
  if (left == 0) return kj::READY_NOW;
  return out.write(block.data(), block.size()).then([&out, &block, left]() {
    return produce(out, block, left - block.size());
  });
}

kj::Promise<void> consumeAll(kj::AsyncInputStream& in, std::string& block, const std::string& expected, size_t left,
                             bool& equal) {
  if (left == 0) return kj::READY_NOW;
  return in.read(block.data(), block.size()).then([&in, &block, &expected, left, &equal]() {
    equal &= block == expected;
    return consumeAll(in, block, expected, left - block.size(), equal);
  });
}

TEST_CASE("a body of 128 MiB passes in constant memory, each way") {
  constexpr size_t TOTAL = 128 << 20, GROWTH_MAX = 4 << 20;
  std::string block(64 << 10, '\0'), received(block.size(), '\0');
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 31 >> 3);
  bool equal = true;

  World world;
  auto client = world.connect();
  client.send(POST + "Content-Length: " + std::to_string(TOTAL) + "\r\n\r\n");
  auto container = world.container.accept();
  container.receiveHead();
  auto before = residentBytes();
  auto sending = produce(client.stream(), block, TOTAL).eagerlyEvaluate(nullptr);
  consumeAll(container.stream(), received, block, TOTAL, equal).wait(world.io.waitScope);
  sending.wait(world.io.waitScope);
  CHECK(equal);

  container.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(TOTAL) + "\r\n\r\n");
  client.receiveHead();
  sending = produce(container.stream(), block, TOTAL).eagerlyEvaluate(nullptr);
  consumeAll(client.stream(), received, block, TOTAL, equal).wait(world.io.waitScope);
  sending.wait(world.io.waitScope);
  CHECK(equal);
  auto after = residentBytes();
  CHECK(after < before + GROWTH_MAX);
}

TEST_CASE("a client that does not read holds the container back") {
  World world;
  auto client = world.connect();
  client.send(GET);
  auto container = world.container.accept();
  container.receiveHead();
  container.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  client.receiveHead();
  std::string block(1 << 20, 'x');
  size_t written = 0;
  kj::Function<kj::Promise<void>()> flood = [&]() -> kj::Promise<void> {
    return container.stream().write(block.data(), block.size()).then([&]() {
      written += block.size();
      return flood();
    });
  };
  auto flooding = flood().eagerlyEvaluate(nullptr);
  // The kernel's buffers fill, then nothing moves any more.
  size_t last = SIZE_MAX;
  while (written != last) {
    last = written;
    world.io.provider->getTimer().afterDelay(50 * kj::MILLISECONDS).wait(world.io.waitScope);
  }
  CHECK(written < 100'000'000);
}

}  // namespace
}  // namespace meridian::http
