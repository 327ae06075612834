#include "runtime/store/format.h"

#include <kj/exception.h>

#include <catch2/catch.hpp>

#include "runtime/base/random.h"

namespace meridian::store {

namespace {

std::string sealed(std::string_view key, std::string_view value) {
  std::string room(sealedSize(value.size()), 0);
  seal(room, key, value);
  return room;
}

bool opens(std::string_view key, std::string_view bytes) {
  return kj::runCatchingExceptions([&] { unseal(key, bytes); }) == nullptr;
}

TEST_CASE("a sealed value is read back as it was") {
  for (std::string value : {"", "v", "a longer value"}) CHECK(unseal("key", sealed("key", value)) == value);
}

TEST_CASE("the bytes of a sealed value are these") {
  // The CRC-32 of "123456789" is the published check value of the polynomial.
  CHECK(sealed("1234", "56789") == std::string("56789\x26\x39\xf4\xcb"));
}

TEST_CASE("each flipped bit and each cut of a sealed value is found") {
  auto whole = sealed("key", "value");
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto flipped = whole;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    CHECK_FALSE(opens("key", flipped));
  }
  for (size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(opens("key", whole.substr(0, size)));
  CHECK_FALSE(opens("yek", whole));
}

TEST_CASE("the meta record is read back as it was") {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    Meta meta{.term = random.next(), .lsn = random.next()};
    CHECK(decodeMeta(encode(meta), "file") == meta);
  }
  CHECK(encode({.format = 1, .term = 2, .lsn = 0x0102}) ==
        std::string("\1\0\0\0" "\2\0\0\0\0\0\0\0" "\2\1\0\0\0\0\0\0", 20));
}

TEST_CASE("journal keys sort as their numbers and are read back") {
  std::string last;
  for (uint64_t number : {0ull, 1ull, 255ull, 256ull, 65'536ull, 1ull << 40, ~0ull}) {
    auto key = journalKey(number);
    CHECK(journalNumber(view(key)) == number);
    CHECK((number == 0 || std::string(view(key)) > last));
    last = view(key);
  }
  CHECK(journalNumber(3, 7) == 3 * 256 + 7);
}

}  // namespace

}  // namespace meridian::store
