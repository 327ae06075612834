#include "runtime/container/shim/line-assembler.h"

#include <catch2/catch.hpp>

namespace meridian::shim {

using container::LOG_TEXT_MAX;

namespace {

class Feeder {
 public:
  Feeder& feed(std::string_view bytes, int64_t at) {
    assembler_.feed(bytes, instantFromNs(at), out_);
    return *this;
  }
  std::string finish() {
    assembler_.finish(out_);
    return out_;
  }

 private:
  LineAssembler assembler_{container::LogStream::OUT, Generation(7)};
  std::string out_;
};

std::string entry(int64_t at, const std::string& text) { return std::to_string(at) + " o 7 " + text + "\n"; }

}  // namespace

TEST_CASE("lines become entries, however they are cut when read") {
  CHECK(Feeder().feed("one\ntwo\n\nthree", 5).finish() == entry(5, "one") + entry(5, "two") + entry(5, "") + entry(5, "three"));
  CHECK(Feeder().feed("o", 1).feed("n", 2).feed("e\ntw", 3).feed("o\n", 4).finish() == entry(1, "one") + entry(3, "two"));
  CHECK(Feeder().feed("one\n", 1).finish() == entry(1, "one"));
  CHECK(Feeder().finish().empty());
}

TEST_CASE("a line is split where it is too long, and only there") {
  std::string longest(LOG_TEXT_MAX, 'x');
  CHECK(Feeder().feed(longest + "\n", 1).finish() == entry(1, longest));
  CHECK(Feeder().feed(longest, 1).feed("\n", 2).finish() == entry(1, longest));
  CHECK(Feeder().feed(longest, 1).feed("y\n", 2).finish() == entry(1, longest) + entry(2, "y"));
  CHECK(Feeder().feed(longest + longest + "y", 1).finish() == entry(1, longest) + entry(1, longest) + entry(1, "y"));
}

TEST_CASE("any cut of any text gives the same entries as none") {
  std::string text = "a\n\n" + std::string(LOG_TEXT_MAX + 3, 'b') + "\nccc\n" + std::string(LOG_TEXT_MAX, 'd') + "\ne";
  auto whole = Feeder().feed(text, 1).finish();
  for (size_t step : {1, 2, 3, 7, 1000, 16383, 16384, 16385}) {
    Feeder feeder;
    for (size_t at = 0; at < text.size(); at += step) feeder.feed(std::string_view(text).substr(at, step), 1);
    CHECK(feeder.finish() == whole);
  }
}

}  // namespace meridian::shim
