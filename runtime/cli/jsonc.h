// JSON with // and /* */ comments and trailing commas, read into a tree whose every value knows its line, so that an error
// in a configuration can point at it. nlohmann-json does the parsing (its syntax and UTF-8 checks are well tried); it
// refuses trailing commas and keeps no positions, so a pass before it blanks out what JSON does not know, line ends kept,
// and a SAX handler over a counting iterator builds the tree.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace meridian::cli {

struct JsonNode;

struct JsonMember {
  std::string key;
  int line = 0;
  // One element: the value. A vector, because JsonNode is not yet complete here.
  std::vector<JsonNode> value;
};

using JsonArray = std::vector<JsonNode>;
using JsonObject = std::vector<JsonMember>;  // in the order of the text

// A number that is written as an integer and fits 64 bits; any other number is a double.
using JsonInteger = int64_t;

struct JsonNode {
  std::variant<std::nullptr_t, bool, JsonInteger, double, std::string, JsonArray, JsonObject> value;
  int line = 0;
};

inline constexpr size_t JSON_TEXT_MAX_BYTES = 1 << 20;
inline constexpr size_t JSON_DEPTH_MAX = 16;

// The text is not JSON, or has a duplicate key, or is over a bound. what() is one sentence without the position.
class JsonError final: public std::runtime_error {
 public:
  JsonError(int line, const std::string& sentence): std::runtime_error(sentence), line(line) {}
  const int line;
};

JsonNode parseJsonc(std::string_view text);

// The value as it would stand in the text, cut to a length fit for an error line.
std::string quoted(const JsonNode& node);

// "a string", "an object", ...: for errors about types.
std::string_view kindOf(const JsonNode& node);

}  // namespace meridian::cli
