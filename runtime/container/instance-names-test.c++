#include "runtime/container/instance-names.h"

#include <kj/exception.h>

#include <catch2/catch.hpp>

#include "runtime/container/subnet.h"

namespace meridian::container {
namespace {

TEST_CASE("allowed IDs are file names as they are, unless they begin with a dot") {
  CHECK(fileNameOf("Alice-1_2~3.txt") == "Alice-1_2~3.txt");
  CHECK(fileNameOf(".hidden") == "%2Ehidden");
  CHECK(fileNameOf(".") == "%2E");
  CHECK(fileNameOf("..") == "%2E.");
  CHECK(fileNameOf(std::string(NAME_MAX_BYTES, 'x')).size() == NAME_MAX_BYTES);
}

TEST_CASE("no byte of an ID has a meaning in a path") {
  CHECK(fileNameOf("a/b") == "a%2Fb");
  CHECK(fileNameOf("../../etc") == "%2E.%2F..%2Fetc");
  CHECK(fileNameOf(std::string_view("a\0b", 3)) == "a%00b");
  CHECK(fileNameOf("%2E") == "%252E");
  CHECK_THROWS_AS(fileNameOf(""), kj::Exception);
  CHECK_THROWS_AS(fileNameOf(std::string(100, '/')), kj::Exception);
}

TEST_CASE("different texts never share a file name") {
  std::vector<std::string> texts{"a",     "A", "a.",  ".a",  "%2Ea", "a/b",
                                 "a%2Fb", "~", "%7E", "a b", "a_b"};
  std::vector<std::string> names;
  for (auto& text: texts) names.push_back(fileNameOf(text));
  std::sort(names.begin(), names.end());
  CHECK(std::unique(names.begin(), names.end()) == names.end());
}

TEST_CASE("logs lie in a folder of the class and the ID") {
  CHECK(logFolderOf("/state/logs", {ClassName("Sandbox"), "..x"}) == "/state/logs/Sandbox/%2E.x");
}

TEST_CASE("host names are legal whatever the ID") {
  CHECK(hostnameOf("Alice") == "alice");
  CHECK(hostnameOf("a.b_c~d") == "a-b-c-d");
  CHECK(hostnameOf("-~a~-") == "a");
  CHECK(hostnameOf("~~~") == "instance");
  CHECK(hostnameOf(std::string(128, 'x')).size() == 63);
}

TEST_CASE("cgroup names use few characters and are bounded") {
  CHECK(cgroupNameOf(17, {ClassName("Sandbox"), "a.b~c"}) == "17-Sandbox-a_b_c");
  CHECK(cgroupNameOf(17, {ClassName(std::string(128, 'c')), std::string(128, 'i')}).size() == 100);
}

TEST_CASE("a tag says again what was written into it") {
  InstanceTag tag{17, *parseAddress("10.7.0.2"), {8080, 9090}};
  CHECK(toText(tag) == "disk=17 address=10.7.0.2 ports=8080,9090");
  CHECK(parseTag(toText(tag)) == tag);
  tag.ports.clear();
  CHECK(parseTag(toText(tag)) == tag);
  CHECK(parseTag("address=10.7.0.2 later=field disk=3")->disk == 3);
}

TEST_CASE("what is not a tag of ours is nothing") {
  for (auto text: {"", "disk=17", "address=10.7.0.2", "disk=x address=10.7.0.2",
                   "disk=1 address=10.7.0.2 ports=a", "= = ="}) {
    INFO(text);
    CHECK_FALSE(parseTag(text));
  }
}

}  // namespace
}  // namespace meridian::container
