#include "runtime/container/log-reader.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "runtime/container/log-format.h"
#include "runtime/container/root-test.h"

namespace meridian::container {
namespace {

namespace fs = std::filesystem;

struct Logs {
  TemporaryState folder;

  fs::path newer() const { return folder.path() + "/" + LOG_FILE; }
  fs::path older() const { return folder.path() + "/" + LOG_FILE_OLDER; }
  void append(const std::string& bytes) { std::ofstream(newer(), std::ios::app) << bytes; }
  void rotate() { fs::rename(newer(), older()); }
};

std::vector<std::string> readAll(LogReader& reader) {
  std::vector<std::string> all;
  for (;;) {
    auto lines = reader.read();
    if (lines.empty()) return all;
    all.insert(all.end(), lines.begin(), lines.end());
  }
}

using Lines = std::vector<std::string>;

TEST_CASE("nothing is there yet, then it is") {
  Logs logs;
  LogReader reader(logs.folder.path());
  CHECK(readAll(reader).empty());
  logs.append("a\nb\n");
  CHECK(readAll(reader) == Lines{"a", "b"});
  CHECK(readAll(reader).empty());
}

TEST_CASE("the older file comes first") {
  Logs logs;
  logs.append("a\n");
  logs.rotate();
  logs.append("b\n");
  LogReader reader(logs.folder.path());
  CHECK(readAll(reader) == Lines{"a", "b"});
}

TEST_CASE("a line that is not whole waits for its rest") {
  Logs logs;
  LogReader reader(logs.folder.path());
  logs.append("half");
  CHECK(readAll(reader).empty());
  logs.append(" whole\nnext");
  CHECK(readAll(reader) == Lines{"half whole"});
}

TEST_CASE("no line is lost or read twice over rotations") {
  Logs logs;
  LogReader reader(logs.folder.path());
  Lines expected, seen;
  for (int i = 0; i < 300; i++) {
    auto line = "line " + std::to_string(i);
    logs.append(line + "\n");
    expected.push_back(line);
    if (i % 7 == 0) logs.rotate();
    if (i % 5 == 0) {
      for (auto& each: readAll(reader)) seen.push_back(each);
    }
  }
  for (auto& each: readAll(reader)) seen.push_back(each);
  CHECK(seen == expected);
}

TEST_CASE("what was written just before a rotation is read after it") {
  Logs logs;
  LogReader reader(logs.folder.path());
  logs.append("a\n");
  CHECK(readAll(reader) == Lines{"a"});
  logs.append("b\n");
  logs.rotate();
  logs.append("c\n");
  CHECK(readAll(reader) == Lines{"b", "c"});
}

TEST_CASE("two rotations at once lose nothing that is still there") {
  Logs logs;
  LogReader reader(logs.folder.path());
  logs.append("a\n");
  CHECK(readAll(reader) == Lines{"a"});
  logs.rotate();
  logs.append("b\n");
  logs.rotate();
  logs.append("c\n");
  CHECK(readAll(reader) == Lines{"b", "c"});
}

TEST_CASE("many lines come in bounded parts") {
  Logs logs;
  std::string line(1000, 'x');
  for (int i = 0; i < 1000; i++) logs.append(line + "\n");
  LogReader reader(logs.folder.path());
  CHECK(reader.read().size() <= LogReader::READ_BYTES / line.size() + 1);
  CHECK(readAll(reader).size() > 900);
}

TEST_CASE("what is longer than any line is skipped") {
  Logs logs;
  logs.append(std::string(500'000, 'x') + "\nafter\n");
  LogReader reader(logs.folder.path());
  CHECK(readAll(reader).back() == "after");
}

}  // namespace
}  // namespace meridian::container
