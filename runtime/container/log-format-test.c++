#include "runtime/container/log-format.h"

#include <catch2/catch.hpp>

#include "runtime/base/check.h"

namespace meridian::container {

TEST_CASE("an entry is one readable line") {
  std::string out;
  appendLogEntry(out, {instantFromNs(1764000000123456789), LogStream::OUT, Generation(7), "hello  world"});
  appendLogEntry(out, {instantFromNs(5), LogStream::ERR, Generation(8), ""});
  REQUIRE(out == "1764000000123456789 o 7 hello  world\n5 e 8 \n");
}

TEST_CASE("what is written is read back, whatever bytes the program wrote") {
  std::string everyByte;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') everyByte += static_cast<char>(byte);
  }
  for (auto text : {std::string(), std::string(" "), everyByte, std::string(LOG_TEXT_MAX, 'x')}) {
    LogEntry entry{instantFromNs(-1), LogStream::ERR, Generation(UINT64_MAX), text};
    std::string out;
    appendLogEntry(out, entry);
    REQUIRE(out.size() <= LOG_LINE_MAX);
    auto parsed = parseLogEntry(std::string_view(out).substr(0, out.size() - 1));
    REQUIRE(parsed);
    REQUIRE(*parsed == entry);
  }
}

TEST_CASE("a line that is not an entry does not parse") {
  for (auto line : {"", " ", "12", "12 ", "12 o", "12 o ", "12 o 7", "12 x 7 text", "12 oe 7 text", "x o 7 text", "12  o 7 text",
                    "12 o 7x text", "12 o -7 text", "99999999999999999999 o 7 text", "o 7 text"}) {
    INFO(line);
    REQUIRE_FALSE(parseLogEntry(line));
  }
  REQUIRE(parseLogEntry("12 o 7 ")->text.empty());
}

TEST_CASE("a text that would break the format is refused") {
  std::string out;
  REQUIRE_THROWS_AS(appendLogEntry(out, {instantFromNs(1), LogStream::OUT, Generation(1), "a\nb"}), CheckFailed);
  std::string tooLong(LOG_TEXT_MAX + 1, 'x');
  REQUIRE_THROWS_AS(appendLogEntry(out, {instantFromNs(1), LogStream::OUT, Generation(1), tooLong}), CheckFailed);
}

}  // namespace meridian::container
