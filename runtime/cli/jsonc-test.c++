#include "runtime/cli/jsonc.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "runtime/base/random.h"

namespace meridian::cli {

namespace {

std::string errorOf(const std::string& text) {
  try {
    parseJsonc(text);
  } catch (const JsonError& error) {
    return std::to_string(error.line) + ": " + error.what();
  }
  return "accepted";
}

int lineOf(const JsonNode& node, const std::string& key) {
  for (const auto& member : std::get<JsonObject>(node.value)) {
    if (member.key == key) return member.value.front().line;
  }
  return 0;
}

}  // namespace

TEST_CASE("every value knows its line") {
  auto node = parseJsonc(
      "\xEF\xBB\xBF{ // one\r\n"
      "  \"number\": 5\r\n"
      "  , \"text\": \"a\",\n"
      "  /* four\n"
      "     five */ \"list\":\n"
      "    [1,\n"
      "     true\n"
      "    ], \"last\": null }");
  CHECK(lineOf(node, "number") == 2);
  CHECK(lineOf(node, "text") == 3);
  CHECK(lineOf(node, "list") == 6);
  CHECK(lineOf(node, "last") == 8);
}

TEST_CASE("comments and commas within strings are text") {
  auto node = parseJsonc(R"(["// no, /* comment */,]", "\",]", "\\",])");
  const auto& array = std::get<JsonArray>(node.value);
  REQUIRE(array.size() == 3);
  CHECK(std::get<std::string>(array[0].value) == "// no, /* comment */,]");
  CHECK(std::get<std::string>(array[1].value) == "\",]");
  CHECK(std::get<std::string>(array[2].value) == "\\");
}

TEST_CASE("only one comma after a last value is let through") {
  CHECK(errorOf("[1, /* last */ ]") == "accepted");
  CHECK(errorOf("{\"a\": 1, // last\n}") == "accepted");
  CHECK(errorOf("[{\"a\": [],},]//") == "accepted");
  for (std::string text : {"[,]", "{,}", "[1,,]", "{\"a\":,}", "[1],", "[1 2]"}) {
    CHECK(errorOf(text).starts_with("1: not valid JSON: "));
  }
}

TEST_CASE("what is not JSON is refused with its line") {
  CHECK(errorOf("{\n\"a\": 1\n\"b\": 2}").starts_with("3: not valid JSON: "));
  CHECK(errorOf("[\n1,\n/* two\n").starts_with("3: the comment /* does not end"));
  CHECK(errorOf("[\"\n\"]").starts_with("1: not valid JSON: "));
  CHECK(errorOf("[\"\xff\"]").starts_with("1: not valid JSON: "));
  CHECK(errorOf("[1e999]").starts_with("1: not valid JSON: "));
  CHECK(errorOf("{\"a\": {\"b\": 1},\n\"c\": {\"b\": 1, \"b\": 2}}") ==
        "2: duplicate key \"b\", first on line 2");
  CHECK(errorOf(std::string(100'000, '[')) == "1: nested more than 16 deep");
  CHECK(errorOf(std::string(JSON_TEXT_MAX_BYTES + 1, ' ')) == "1: longer than 1048576 bytes");
}

TEST_CASE("any text is either refused with a line of its own or read, and all JSON is read") {
  constexpr std::string_view PIECES[] = {"{", "}", "[", "]", ",", ":", "\"a\"", "\"b\\\"\"", "1", "-2.5",
                                         "true", "null", "//", "/*", "*/", "\n", " ", "/", "\""};
  Random random(1);
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto count = random.below(12); count > 0; --count) {
      text += PIECES[random.below(std::size(PIECES))];
    }
    auto error = errorOf(text);
    bool accepted = error == "accepted";
    read += accepted;
    bool duplicate = error.find("duplicate key") != std::string::npos;
    INFO(text);
    REQUIRE((accepted || duplicate || !nlohmann::json::accept(text)));
    if (!accepted) {
      auto lines = 1 + std::count(text.begin(), text.end(), '\n');
      int line = std::stoi(error);
      REQUIRE((line >= 1 && line <= lines));
    }
  }
  CHECK(read > 100);
}

}  // namespace meridian::cli
