#include "runtime/container/shim/exits-file.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace meridian::shim {

namespace fs = std::filesystem;

namespace {

struct Folder {
  std::string path;

  Folder() {
    char name[] = "/tmp/meridian-exits-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;

  std::string file() const { return path + "/exits"; }

  std::string read() const {
    std::stringstream bytes;
    bytes << std::ifstream(file()).rdbuf();
    return bytes.str();
  }

  void write(const std::string& bytes) const { std::ofstream(file()) << bytes; }
};

ExitRecord record(const std::string& id, uint64_t generation) {
  return {.key = {{ClassName("Sandbox"), id}, Generation(generation)},
          .ending = {.code = 3},
          .killed = true,
          .at = instantFromNs(1234567890123456789),
          .tag = "disk 7"};
}

void append(ExitsFile& exits, std::vector<ExitRecord> records) { exits.append(records); }

std::vector<uint64_t> numbers(const ExitsFile& exits) {
  std::vector<uint64_t> all;
  for (auto& record : exits.unacknowledged()) all.push_back(record.number);
  return all;
}

}  // namespace

TEST_CASE("exits are numbered, kept over a restart, and numbers go on") {
  Folder folder;
  {
    ExitsFile exits(folder.path);
    CHECK(exits.lastNumber() == 0);
    append(exits, {record("alice", 1), record("bob", 9)});
    append(exits, {record("alice", 2)});
  }
  ExitsFile exits(folder.path);
  CHECK(exits.tornBytes() == 0);
  REQUIRE(numbers(exits) == std::vector<uint64_t>{1, 2, 3});
  auto expected = record("bob", 9);
  expected.number = 2;
  CHECK(exits.unacknowledged()[1] == expected);
  append(exits, {record("carol", 1)});
  CHECK(exits.lastNumber() == 4);
}

TEST_CASE("an end that was cut anywhere loses that record alone, and is repaired") {
  Folder folder;
  size_t whole;
  {
    ExitsFile exits(folder.path);
    append(exits, {record("alice", 1)});
    whole = folder.read().size();
    append(exits, {record("bob", 1)});
  }
  auto bytes = folder.read();
  for (size_t size = whole; size < bytes.size(); ++size) {
    folder.write(bytes.substr(0, size));
    {
      ExitsFile exits(folder.path);
      REQUIRE(numbers(exits) == std::vector<uint64_t>{1});
      REQUIRE(exits.tornBytes() == size - whole);
      append(exits, {record("carol", 1)});
    }
    ExitsFile again(folder.path);
    REQUIRE(numbers(again) == std::vector<uint64_t>{1, 2});
    REQUIRE(again.tornBytes() == 0);
  }
}

TEST_CASE("a flipped bit in the last record is noticed, wherever it is") {
  Folder folder;
  size_t whole;
  {
    ExitsFile exits(folder.path);
    append(exits, {record("alice", 1)});
    whole = folder.read().size();
    append(exits, {record("bob", 1)});
  }
  auto bytes = folder.read();
  for (size_t at = whole; at < bytes.size(); ++at) {
    auto flipped = bytes;
    flipped[at] ^= 1;
    folder.write(flipped);
    ExitsFile exits(folder.path);
    REQUIRE(numbers(exits) == std::vector<uint64_t>{1});
  }
}

TEST_CASE("acknowledged exits are forgotten, and the file shrinks when it has grown") {
  Folder folder;
  size_t largest = 0;
  {
    ExitsFile exits(folder.path);
    std::vector<ExitRecord> batch(200, record("alice", 1));
    for (uint64_t round = 1; round <= 40; ++round) {
      exits.append(batch);
      exits.acknowledge(exits.lastNumber() - 1);
      largest = std::max<size_t>(largest, fs::file_size(folder.file()));
    }
    CHECK(numbers(exits) == std::vector<uint64_t>{8000});
  }
  CHECK(largest < 512 * 1024);
  ExitsFile exits(folder.path);
  CHECK(exits.lastNumber() == 8000);
  exits.acknowledge(8000);
  append(exits, {record("bob", 1)});
  CHECK(numbers(exits) == std::vector<uint64_t>{8001});
}

TEST_CASE("a file that is not ours is refused, not overwritten") {
  Folder folder;
  folder.write("something else that somebody needs");
  CHECK_THROWS_AS(ExitsFile(folder.path), std::runtime_error);
  CHECK(folder.read() == "something else that somebody needs");
}

TEST_CASE("an append that fails adds nothing, and the next one makes it good") {
  Folder folder;
  ExitsFile exits(folder.path);
  append(exits, {record("alice", 1)});
  std::vector<ExitRecord> records{record("bob", 1)};
  // What is longer than the file may be fails as a full disk does.
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  auto ignored = signal(SIGXFSZ, SIG_IGN);
  struct rlimit small{fs::file_size(folder.file()) + 10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_AS(exits.append(records), std::system_error);
  CHECK_THROWS_AS(exits.append(records), std::system_error);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, ignored);
  CHECK(numbers(exits) == std::vector<uint64_t>{1});
  exits.append(records);
  CHECK(numbers(exits) == std::vector<uint64_t>{1, 2});
  ExitsFile again(folder.path);
  CHECK(numbers(again) == std::vector<uint64_t>{1, 2});
}

}  // namespace meridian::shim
