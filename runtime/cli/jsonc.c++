#include "runtime/cli/jsonc.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/base/match.h"

namespace meridian::cli {

namespace {

constexpr size_t QUOTED_MAX_BYTES = 60;

bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Blanks out comments and the commas that stand after a last value. Everything else, every line end too, stays where it is.
class Cleaner {
 public:
  explicit Cleaner(std::string_view text): text_(text) {}

  std::string clean() {
    while (at_ < text_.size()) {
      if (text_[at_] == '"') {
        string();
      } else if (text_.substr(at_, 2) == "//") {
        blankUntil(std::min(text_.find('\n', at_), text_.size()));
      } else if (text_.substr(at_, 2) == "/*") {
        blockComment();
      } else {
        character();
      }
    }
    return std::move(text_);
  }

 private:
  void string() {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    at_ = std::min(end + 1, text_.size());
    significant('"');
  }

  void blockComment() {
    size_t end = text_.find("*/", at_ + 2);
    if (end == std::string::npos) {
      int line = 1 + std::count(text_.begin(), text_.begin() + at_, '\n');
      throw JsonError(line, "the comment /* does not end");
    }
    blankUntil(end + 2);
  }

  void character() {
    char c = text_[at_];
    if ((c == ']' || c == '}') && last_ == ',' && commaFollowsValue_) text_[comma_] = ' ';
    if (c == ',') {
      comma_ = at_;
      commaFollowsValue_ = last_ != ',' && last_ != '[' && last_ != '{' && last_ != ':';
    }
    if (!isBlank(c)) significant(c);
    ++at_;
  }

  void significant(char c) { last_ = c; }

  void blankUntil(size_t end) {
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }

  std::string text_;
  size_t at_ = 0;
  char last_ = '\0';  // the last character that is neither blank nor comment
  size_t comma_ = 0;
  bool commaFollowsValue_ = false;
};

// Reads characters and counts the lines before the last one read. nlohmann's lexer reads one character past a number, so
// that character must not count yet: it may be the line end.
class LineCountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCountingIterator(const char* at, int* line): at_(at), line_(line) {}

  reference operator*() const { return *at_; }
  LineCountingIterator& operator++() {
    *line_ += lineEnded_;
    lineEnded_ = *at_++ == '\n';
    return *this;
  }
  friend bool operator==(const LineCountingIterator& left, const LineCountingIterator& right) {
    return left.at_ == right.at_;
  }

 private:
  const char* at_;
  int* line_;
  bool lineEnded_ = false;
};

class TreeBuilder final: public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(const int& line): line_(line) {}

  JsonNode take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) return add(static_cast<double>(value));
    return add(static_cast<JsonInteger>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // no JSON text has one

  bool start_object(size_t) override { return open(JsonObject()); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(JsonArray()); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    auto& object = std::get<JsonObject>(open_.back()->value);
    for (const auto& member : object) {
      if (member.key == key) {
        throw JsonError(line_, "duplicate key \"" + key + "\", first on line " +
                                   std::to_string(member.line));
      }
    }
    object.push_back({std::move(key), line_, {}});
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    throw JsonError(line_, "not valid JSON: " + sentence(error.what()));
  }

 private:
  using Value = decltype(JsonNode::value);

  bool add(Value value) {
    place({std::move(value), line_});
    return true;
  }

  bool open(Value value) {
    if (open_.size() == JSON_DEPTH_MAX) {
      throw JsonError(line_, "nested more than " + std::to_string(JSON_DEPTH_MAX) + " deep");
    }
    open_.push_back(&place({std::move(value), line_}));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  // A pointer into the tree stays valid while it is in open_: only the innermost open container grows.
  JsonNode& place(JsonNode node) {
    if (open_.empty()) return root_ = std::move(node);
    auto& parent = open_.back()->value;
    if (auto* array = std::get_if<JsonArray>(&parent)) return array->emplace_back(std::move(node));
    return std::get<JsonObject>(parent).back().value.emplace_back(std::move(node));
  }

  // nlohmann's message without its own prefix: "[json...] parse error at line 3, column 5: the rest".
  static std::string sentence(std::string_view message) {
    auto at = message.find(", column ");
    auto colon = message.find(": ", at == std::string_view::npos ? 0 : at);
    return std::string(colon == std::string_view::npos ? message : message.substr(colon + 2));
  }

  const int& line_;
  JsonNode root_;
  std::vector<JsonNode*> open_;
};

nlohmann::ordered_json toJson(const JsonNode& node) {
  using nlohmann::ordered_json;
  return std::visit(Match{
    [](std::nullptr_t) { return ordered_json(); },
    [](bool value) { return ordered_json(value); },
    [](JsonInteger value) { return ordered_json(value); },
    [](double value) { return ordered_json(value); },
    [](const std::string& value) { return ordered_json(value); },
    [](const JsonArray& array) {
      auto json = ordered_json::array();
      for (const auto& element : array) json.push_back(toJson(element));
      return json;
    },
    [](const JsonObject& object) {
      auto json = ordered_json::object();
      for (const auto& member : object) json[member.key] = toJson(member.value.front());
      return json;
    },
  }, node.value);
}

}  // namespace

JsonNode parseJsonc(std::string_view text) {
  if (text.size() > JSON_TEXT_MAX_BYTES) {
    throw JsonError(1, "longer than " + std::to_string(JSON_TEXT_MAX_BYTES) + " bytes");
  }
  std::string clean = Cleaner(text).clean();
  int line = 1;
  TreeBuilder builder(line);
  LineCountingIterator begin(clean.data(), &line);
  LineCountingIterator end(clean.data() + clean.size(), &line);
  nlohmann::json::sax_parse(begin, end, &builder);
  return builder.take();
}

std::string quoted(const JsonNode& node) {
  std::string text = toJson(node).dump();
  if (text.size() <= QUOTED_MAX_BYTES) return text;
  size_t cut = QUOTED_MAX_BYTES;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

std::string_view kindOf(const JsonNode& node) {
  return std::visit(Match{
    [](std::nullptr_t) { return "null"; },
    [](bool) { return "a boolean"; },
    [](JsonInteger) { return "a number"; },
    [](double) { return "a number"; },
    [](const std::string&) { return "a string"; },
    [](const JsonArray&) { return "an array"; },
    [](const JsonObject&) { return "an object"; },
  }, node.value);
}

}  // namespace meridian::cli
