#include "runtime/container/subnet.h"

#include <catch2/catch.hpp>

namespace meridian::container {
namespace {

uint32_t ip(const char* text) { return *parseAddress(text); }

TEST_CASE("ranges overlap when one contains the other") {
  CHECK(overlap({ip("10.0.0.0"), 8}, {ip("10.7.0.0"), 16}));
  CHECK(overlap({ip("10.7.3.0"), 24}, {ip("10.7.0.0"), 16}));
  CHECK_FALSE(overlap({ip("10.7.0.0"), 16}, {ip("10.8.0.0"), 16}));
  CHECK(overlap({0, 0}, {ip("10.8.0.0"), 16}));
}

TEST_CASE("the subnet chosen overlaps no route") {
  CHECK(Subnet::choose(7, {})->gateway() == ip("10.7.0.1"));
  CHECK(Subnet::choose(7, {{0, 0}})->gateway() == ip("10.7.0.1"));
  CHECK(Subnet::choose(7, {{ip("10.7.0.0"), 24}, {ip("10.8.9.9"), 32}})->gateway() ==
        ip("10.9.0.1"));
  CHECK(Subnet::choose(255, {{ip("10.255.0.0"), 16}})->gateway() == ip("10.0.0.1"));
  CHECK_FALSE(Subnet::choose(7, {{ip("10.0.0.0"), 8}}));
}

TEST_CASE("the indices of a subnet are those of its instances") {
  Subnet subnet(ip("10.7.0.0"));
  CHECK(subnet.indexOf(subnet.address(2)) == 2u);
  CHECK_FALSE(subnet.indexOf(subnet.gateway()));
  CHECK_FALSE(subnet.indexOf(ip("10.7.255.255")));
  CHECK_FALSE(subnet.indexOf(ip("10.8.0.2")));
  CHECK_FALSE(subnet.indexOf(ip("10.6.0.2")));
}

TEST_CASE("an address that was freed comes back last") {
  AddressAllocator allocator(3);
  CHECK(allocator.allocate() == 2u);
  CHECK(allocator.allocate() == 3u);
  allocator.free(2);
  CHECK(allocator.allocate() == 4u);
}

TEST_CASE("all addresses can be in use, and no more") {
  AddressAllocator allocator(100'000);
  for (uint32_t i = Subnet::FIRST_INSTANCE; i < Subnet::LAST_INSTANCE; i++)
    REQUIRE(allocator.allocate());
  allocator.reserve(Subnet::LAST_INSTANCE);
  AddressAllocator small(2);
  small.reserve(2);
  CHECK(small.allocate() == 3u);
  CHECK_FALSE(small.allocate());
}

TEST_CASE("addresses are written as dotted quads") {
  CHECK(addressText(ip("10.7.1.2")) == "10.7.1.2");
  for (auto text: {"", "10.7.1", "10.7.1.256", "::1", "10.7.1.2 "}) CHECK_FALSE(parseAddress(text));
}

}  // namespace
}  // namespace meridian::container
