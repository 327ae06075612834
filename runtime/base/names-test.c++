#include "runtime/base/names.h"

#include <catch2/catch.hpp>

namespace meridian {
namespace {

TEST_CASE("a name is 1 to 128 letters, digits, dots, underscores, tildes or hyphens") {
  for (auto* name: {"a", "Sandbox", "a.b_c~d-9", "...", "-"}) CHECK(isName(name));
  CHECK(isName(std::string(128, 'x')));
  for (auto* name: {"", ".", "..", "a/b", "a b", "a%20", "\xc3\xa4", "a\n"}) CHECK(!isName(name));
  CHECK(!isName(std::string(129, 'x')));
  CHECK(!isName(std::string_view("a\0b", 3)));
}

TEST_CASE("a container's text form splits at the first slash") {
  ContainerId alice{ClassName("Sandbox"), "alice"};
  CHECK(containerIdFromText(toText(alice)) == alice);
}

}  // namespace
}  // namespace meridian
