#include "runtime/container/user.h"

#include <kj/exception.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "runtime/container/root-test.h"

namespace meridian::container {
namespace {

constexpr char PASSWD[] =
    "root:x:0:0:root:/root:/bin/sh\nbroken\nbad:x:uid:1::/:\nweb:x:33:34:web:/srv:/bin/false\n";
constexpr char GROUP[] = "root:x:0:\nweb:x:34:\nlogs:x:50:web,other\nssl:x:51:other,web\n";

TEST_CASE("an empty user is root") { CHECK(lookUpUser("", PASSWD, GROUP) == User{0, 0, {}}); }

TEST_CASE("a name brings its group and its supplementary groups") {
  CHECK(lookUpUser("web", PASSWD, GROUP) == User{33, 34, {50, 51}});
}

TEST_CASE("a number is a user whether the image knows it or not") {
  CHECK(lookUpUser("33", PASSWD, GROUP) == User{33, 34, {50, 51}});
  CHECK(lookUpUser("4711", PASSWD, GROUP) == User{4711, 0, {}});
  CHECK(lookUpUser("4711:12", "", "") == User{4711, 12, {}});
}

TEST_CASE("an explicit group stands alone") {
  CHECK(lookUpUser("web:logs", PASSWD, GROUP) == User{33, 50, {}});
  CHECK(lookUpUser("web:7", PASSWD, GROUP) == User{33, 7, {}});
}

TEST_CASE("names that the image does not know are refused") {
  for (auto text: {"nobody", "bad", "broken", "web:nogroup", ":web", "web:", "-1", "99999999999"}) {
    INFO(text);
    CHECK_THROWS_AS(lookUpUser(text, PASSWD, GROUP), kj::Exception);
  }
}

TEST_CASE("the image's files are read inside the image, the topmost layer first") {
  TemporaryState folder;
  auto upper = folder.path() + "/upper", lower = folder.path() + "/lower";
  std::filesystem::create_directories(upper + "/etc");
  std::filesystem::create_directories(lower + "/etc");
  std::ofstream(lower + "/etc/passwd") << "lower";
  std::ofstream(lower + "/etc/group") << "lower group";
  std::ofstream(upper + "/etc/passwd") << "upper";
  std::filesystem::create_symlink("/etc/passwd", upper + "/etc/link");
  std::filesystem::create_symlink("../../../../../../etc/hostname", upper + "/etc/out");
  CHECK(readImageFile({upper, lower}, "/etc/passwd") == "upper");
  CHECK(readImageFile({upper, lower}, "/etc/group") == "lower group");
  CHECK(readImageFile({upper}, "/etc/link") == "upper");
  CHECK(readImageFile({upper}, "/etc/out") == "");
  CHECK(readImageFile({upper}, "/etc/shadow") == "");
}

}  // namespace
}  // namespace meridian::container
