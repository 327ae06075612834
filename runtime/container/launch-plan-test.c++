#include "runtime/container/launch-plan.h"

#include <capnp/message.h>

#include <catch2/catch.hpp>

#include "runtime/actor/vocabulary.h"
#include "runtime/container/root-test.h"
#include "runtime/container/subnet.h"

namespace meridian::container {
namespace {

std::string valueOf(const std::vector<EnvVar>& env, const std::string& name) {
  for (auto& variable: env) {
    if (variable.name == name) return variable.value;
  }
  return "(none)";
}

struct Subject {
  capnp::MallocMessageBuilder specMessage, launchMessage;
  schema::LaunchSpec::Builder spec = specMessage.initRoot<schema::LaunchSpec>();
  TemporaryState folder;
  env::Image image{.layers = {folder.path()}, .entrypoint = {"/image-program"}};
  LaunchPieces pieces{{17, *parseAddress("10.7.0.2"), {8080}}, "/run/17", "/logs/Sandbox/alice"};

  Subject() {
    actor::write(spec.initKey(), {{ClassName("Sandbox"), "Alice_1"}, Generation(7)});
    spec.setLocation("here");
  }

  schema::Launch::Reader plan() {
    auto launch = launchMessage.initRoot<schema::Launch>();
    planLaunch(launch, spec, image, pieces);
    return launch;
  }
};

TEST_CASE("later layers of the environment win, and names keep their place") {
  CHECK(mergeEnv({{{"A", "1"}, {"B", "1"}}, {{"C", "2"}, {"A", "2"}}, {}}) ==
        std::vector<EnvVar>{{"A", "2"}, {"B", "1"}, {"C", "2"}});
}

TEST_CASE("image, class, start and platform each override the one before") {
  Subject subject;
  subject.image.env = {{"A", "image"}, {"B", "image"}, {"C", "image"}, {"MERIDIAN_ID", "image"}};
  actor::write(subject.spec.getSpec().initEnv(3),
               {{"B", "class"}, {"C", "class"}, {"MERIDIAN_CLASS", "class"}});
  actor::write(subject.spec.initExtraEnv(2), {{"C", "start"}, {"MERIDIAN_GENERATION", "start"}});
  auto env = environmentOf(subject.spec, subject.image);
  CHECK(valueOf(env, "A") == "image");
  CHECK(valueOf(env, "B") == "class");
  CHECK(valueOf(env, "C") == "start");
  CHECK(valueOf(env, "MERIDIAN_ID") == "Alice_1");
  CHECK(valueOf(env, "MERIDIAN_CLASS") == "Sandbox");
  CHECK(valueOf(env, "MERIDIAN_GENERATION") == "7");
  CHECK(valueOf(env, "MERIDIAN_LOCATION") == "here");
  CHECK(valueOf(env, "PATH").starts_with("/usr/local/sbin:"));
}

TEST_CASE("the image's PATH stands") {
  Subject subject;
  subject.image.env = {{"PATH", "/image/bin"}};
  CHECK(valueOf(environmentOf(subject.spec, subject.image), "PATH") == "/image/bin");
}

TEST_CASE("required ports make an instance ready, else the default port, else nothing") {
  Subject subject;
  auto spec = subject.spec.getSpec();
  CHECK(readinessPorts(spec).empty());
  spec.setDefaultPort(8080);
  CHECK(readinessPorts(spec) == std::vector<uint16_t>{8080});
  auto required = spec.initRequiredPorts(2);
  required.set(0, 1);
  required.set(1, 2);
  CHECK(readinessPorts(spec) == std::vector<uint16_t>{1, 2});
}

TEST_CASE("the class's entrypoint replaces the image's") {
  Subject subject;
  CHECK(subject.plan().getArgv()[0] == "/image-program");
  subject.spec.getSpec().initEntrypoint(1).set(0, "/class-program");
  CHECK(subject.plan().getArgv()[0] == "/class-program");
}

TEST_CASE("with nothing to run the launch is refused") {
  Subject subject;
  subject.image.entrypoint.clear();
  CHECK_THROWS_AS(subject.plan(), kj::Exception);
}

TEST_CASE("the plan carries the pieces") {
  Subject subject;
  subject.spec.getSpec().setUser("1000:1000");
  subject.image.workdir = "/srv";
  auto launch = subject.plan();
  CHECK(launch.getHostname() == "alice-1");
  CHECK(launch.getHosts() == "127.0.0.1 localhost\n10.7.0.2 alice-1\n");
  CHECK(launch.getTag() == "disk=17 address=10.7.0.2 ports=8080");
  CHECK(launch.getCgroup() == "17-Sandbox-Alice_1");
  CHECK(launch.getUid() == 1000);
  CHECK(launch.getWorkdir() == "/srv");
  CHECK(launch.getLayers().size() == 1);
  CHECK(launch.getWritable() == "/run/17");
}

}  // namespace
}  // namespace meridian::container
