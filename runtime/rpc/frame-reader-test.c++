#include "runtime/rpc/frame-reader.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

namespace meridian::rpc {
namespace {

using Words = kj::Array<capnp::word>;

// A message of some segments with these many words each.
Words framed(std::vector<uint32_t> sizes) {
  std::vector<uint32_t> table{static_cast<uint32_t>(sizes.size() - 1)};
  size_t words = sizes.size() / 2 + 1;
  for (auto size : sizes) {
    table.push_back(size);
    words += size;
  }
  auto message = kj::heapArray<capnp::word>(words);
  std::memset(message.asBytes().begin(), 0x5a, words * sizeof(capnp::word));
  table.resize((sizes.size() / 2 + 1) * 2);
  std::memcpy(message.asBytes().begin(), table.data(), table.size() * sizeof(uint32_t));
  return message;
}

void takeAll(FrameReader& reader, std::vector<Words>& out) {
  for (;;) {
    auto next = reader.next();
    KJ_IF_MAYBE(message, next) {
      out.push_back(kj::mv(*message));
    } else {
      return;
    }
  }
}

// Gives the reader these bytes, at most `step` at a time, and takes what comes out.
void feed(FrameReader& reader, kj::ArrayPtr<const kj::byte> bytes, size_t step, std::vector<Words>& out) {
  while (bytes.size() > 0) {
    takeAll(reader, out);
    auto room = reader.room();
    size_t size = std::min({room.size(), bytes.size(), step});
    std::memcpy(room.begin(), bytes.begin(), size);
    reader.arrived(size);
    bytes = bytes.slice(size, bytes.size());
  }
  takeAll(reader, out);
}

std::string refusal(std::vector<uint32_t> numbers, const PeerLimits& limits = {}) {
  FrameReader reader(limits);
  std::vector<Words> out;
  auto bytes = kj::arrayPtr(reinterpret_cast<const kj::byte*>(numbers.data()), numbers.size() * sizeof(uint32_t));
  KJ_IF_MAYBE(why, kj::runCatchingExceptions([&]() { feed(reader, bytes, 1'000, out); })) return why->getDescription().cStr();
  return "";
}

}  // namespace

TEST_CASE("messages come out as they went in, however the stream is cut") {
  PeerLimits limits;
  std::vector<Words> sent;
  std::vector<kj::byte> stream;
  for (auto& sizes : std::vector<std::vector<uint32_t>>{{1}, {0}, {3, 2}, {1'024}, {1'023}, {50'000}, {0, 0, 0}, {700, 700}, {2}}) {
    sent.push_back(framed(sizes));
    auto bytes = sent.back().asBytes();
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  auto step = GENERATE(1, 3, 8, 1'000, 8'192, 1'000'000);
  FrameReader reader(limits);
  std::vector<Words> received;
  feed(reader, kj::arrayPtr(stream.data(), stream.size()), step, received);
  REQUIRE(received.size() == sent.size());
  for (size_t i = 0; i < sent.size(); i++) CHECK(received[i].asBytes() == sent[i].asBytes());
  CHECK(!reader.midMessage());
}

TEST_CASE("half a message is known to be one") {
  PeerLimits limits;
  FrameReader reader(limits);
  std::vector<Words> received;
  auto message = framed({10});
  feed(reader, message.asBytes().slice(0, 3), 3, received);
  CHECK(reader.midMessage());
  feed(reader, message.asBytes().slice(3, 88), 100, received);
  CHECK(received.size() == 1);
  CHECK(!reader.midMessage());
}

TEST_CASE("a message that claims too much is refused as soon as its claim is there") {
  CHECK_THAT(refusal({0xffffffff}), Catch::Contains("segmentsMax"));
  CHECK_THAT(refusal({0xfffffffe}), Catch::Contains("segmentsMax"));
  CHECK_THAT(refusal({512}), Catch::Contains("segmentsMax"));
  CHECK_THAT(refusal({0, 1 << 27}), Catch::Contains("frameBytesMax"));
  CHECK_THAT(refusal({1, 0xffffffff, 0xffffffff, 0}), Catch::Contains("frameBytesMax"));
  CHECK(refusal({511}).empty());
  PeerLimits small;
  small.frameBytesMax = 64;
  CHECK(refusal({0, 7}, small).empty());
  CHECK_THAT(refusal({0, 8}, small), Catch::Contains("frameBytesMax"));
}

TEST_CASE("room is made for what has come, not for what is claimed") {
  PeerLimits limits;
  FrameReader reader(limits);
  std::vector<Words> received;
  auto message = framed({1'000'000});
  size_t given = 0;
  while (given < message.asBytes().size()) {
    auto room = reader.room();
    CHECK(room.size() <= std::max<size_t>(given, 8'192));
    size_t size = std::min<size_t>(room.size(), 4'000);
    std::memcpy(room.begin(), message.asBytes().begin() + given, size);
    reader.arrived(size);
    given += size;
    auto whole = reader.next();
    CHECK((whole != nullptr) == (given == message.asBytes().size()));
    KJ_IF_MAYBE(words, whole) CHECK(words->asBytes() == message.asBytes());
  }
}

}  // namespace meridian::rpc
