#include "runtime/http/route-table.h"

#include <kj/exception.h>

#include <catch2/catch.hpp>

#include "runtime/http/gateway-limits.h"

namespace meridian::http {
namespace {

std::string answer(const RouteTable& table, std::string_view target) {
  auto found = table.find(target);
  if (auto* container = std::get_if<ContainerId>(&found)) return toText(*container);
  return std::holds_alternative<BadId>(found) ? "bad-id" : "no-route";
}

RouteTable tableOf(const std::vector<Route>& routes) {
  RouteTable table;
  table.replace("app", 1, routes);
  return table;
}

TEST_CASE("a trailing * matches any rest, the empty one too") {
  auto table = tableOf({{"/sandbox/:id/*", ClassName("Sandbox")}});
  for (auto target: {"/sandbox/alice", "/sandbox/alice/", "/sandbox/alice/a/b", "/sandbox/alice?q=/x",
                     "/sandbox/alice//", "/sandbox/%61lice/x"}) {
    INFO(target);
    CHECK(answer(table, target) == "Sandbox/alice");
  }
  for (auto target:
       {"/", "/sandbox", "/sandboxes/alice", "/Sandbox/alice", "//sandbox/alice", "/x/sandbox/alice", "*"}) {
    INFO(target);
    CHECK(answer(table, target) == "no-route");
  }
  CHECK(answer(table, "/sand%62ox/alice") == "Sandbox/alice");
}

TEST_CASE("an ID is 1 to 128 of [A-Za-z0-9._~-] after decoding once") {
  auto table = tableOf({{"/sandbox/:id/*", ClassName("Sandbox")}});
  CHECK(answer(table, "/sandbox/a.b_c~d-E9") == "Sandbox/a.b_c~d-E9");
  CHECK(answer(table, "/sandbox/...") == "Sandbox/...");
  CHECK(answer(table, "/sandbox/" + std::string(NAME_MAX_BYTES, 'a')) == "Sandbox/" + std::string(NAME_MAX_BYTES, 'a'));
  for (std::string id: {"",      ".",     "..",  "%2e", "%2E%2e", "a%2Fb", "a%00", "%",   "%4",   "%zz",
                        "a%20b", "%2561", "a:b", "a;b", "a,b",    "a@b",   "a=b",  "a+b", "a\\b", "%c3%a9"}) {
    INFO(id);
    CHECK(answer(table, "/sandbox/" + id) == "bad-id");
    CHECK(answer(table, "/sandbox/" + id + "/x") == "bad-id");
  }
  CHECK(answer(table, "/sandbox/" + std::string(NAME_MAX_BYTES + 1, 'a')) == "bad-id");
}

TEST_CASE("the most specific route wins, whatever the order of declaration") {
  std::vector<Route> routes{
      {"/:id/*", ClassName("Any")},          {"/a/:id/*", ClassName("Rest")},          {"/a/:id", ClassName("Exact")},
      {"/a/:id/b", ClassName("LiteralEnd")}, {"/a/:id/b/*", ClassName("LiteralRest")},
  };
  for (int turn = 0; turn < 2; ++turn) {
    auto table = tableOf(routes);
    CHECK(answer(table, "/a/x") == "Exact/x");
    CHECK(answer(table, "/a/x/") == "Rest/x");
    CHECK(answer(table, "/a/x/b") == "LiteralEnd/x");
    CHECK(answer(table, "/a/x/b/c") == "LiteralRest/x");
    CHECK(answer(table, "/a/x/c") == "Rest/x");
    CHECK(answer(table, "/b/x") == "Any/b");
    std::reverse(routes.begin(), routes.end());
  }
}

TEST_CASE("a higher version replaces an application's routes whole, and only its own") {
  RouteTable table;
  table.replace("one", 3, {{"/one/:id/*", ClassName("One")}, {"/both/:id", ClassName("FirstBoth")}});
  table.replace("two", 1, {{"/two/:id/*", ClassName("Two")}, {"/both/:id", ClassName("SecondBoth")}});
  CHECK(answer(table, "/one/x") == "One/x");
  CHECK(answer(table, "/both/x") == "FirstBoth/x");

  table.replace("one", 3, {{"/new/:id", ClassName("New")}});
  table.replace("one", 2, {});
  CHECK(answer(table, "/one/x") == "One/x");
  CHECK(answer(table, "/new/x") == "no-route");

  table.replace("one", 4, {{"/new/:id", ClassName("New")}});
  CHECK(answer(table, "/one/x") == "no-route");
  CHECK(answer(table, "/new/x") == "New/x");
  CHECK(answer(table, "/both/x") == "SecondBoth/x");
  CHECK(answer(table, "/two/x") == "Two/x");
}

TEST_CASE("a path that is no pattern is refused by name, and nothing changes") {
  RouteTable table;
  table.replace("app", 1, {{"/a/:id", ClassName("A")}});
  for (std::string path: {"", "a/:id", "/a", "/a/*", "/:id/:id", "/a/:name", "/*/:id", "/a//:id", "/a/:id/", "/a/:id?q",
                          "/%61/:id", "/a b/:id"}) {
    INFO(path);
    try {
      table.replace("app", 2, {{path, ClassName("B")}});
      FAIL("it was accepted");
    } catch (kj::Exception& exception) {
      CHECK(std::string(exception.getDescription().cStr()).find("\"" + path + "\"") != std::string::npos);
    }
  }
  CHECK(answer(table, "/a/x") == "A/x");
}

}  // namespace
}  // namespace meridian::http
