// The real shim with real containers: needs root, namespaces and cgroups.
#include <capnp/pretty-print.h>
#include <catch2/catch.hpp>

#include "runtime/container/shim/shim-harness.h"

namespace meridian::shim {

TEST_CASE("smoke") {
  ShimHarness harness;
  ShimClient client(harness.socketPath());
  auto answer = client.call([&](auto request) { harness.fillLaunch(request.initLaunch(), "alice", 1, {"look"}); },
                            {harness.netns()});
  printf("%s\n", capnp::prettyPrint(answer->get()).flatten().cStr());
  auto fact = client.nextFact();
  printf("%s\n", capnp::prettyPrint(fact->get()).flatten().cStr());
  printf("%s\n", harness.logOf("alice").c_str());
  printf("%s\n", readText(harness.dir() + "/shim/log").c_str());
}

}  // namespace meridian::shim
