#include "runtime/container/shim/rotating-file.h"

#include <catch2/catch.hpp>

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
    char name[] = "/tmp/meridian-rotating-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;

  std::string read(const char* name) const {
    std::stringstream bytes;
    bytes << std::ifstream(path + "/" + name).rdbuf();
    return bytes.str();
  }
};

}  // namespace

TEST_CASE("what does not fit starts a new file, and two are kept") {
  Folder folder;
  RotatingFile file(folder.path, "log", "log.1", 10);
  file.append("first\n");
  file.append("x\n");
  CHECK(folder.read("log") == "first\nx\n");
  file.append("second\n");
  CHECK(folder.read("log.1") == "first\nx\n");
  CHECK(folder.read("log") == "second\n");
  file.append("third\n");
  CHECK(folder.read("log.1") == "second\n");
  CHECK(folder.read("log") == "third\n");
}

TEST_CASE("a file is gone on with, its torn end closed first") {
  Folder folder;
  std::ofstream(folder.path + "/log") << "whole\ntor";
  RotatingFile file(folder.path, "log", "log.1", 100);
  file.append("next\n");
  CHECK(folder.read("log") == "whole\ntor\nnext\n");
}

TEST_CASE("a file that is there and full is rotated before it grows") {
  Folder folder;
  std::ofstream(folder.path + "/log") << "0123456789\n";
  RotatingFile file(folder.path, "log", "log.1", 12);
  file.append("next\n");
  CHECK(folder.read("log.1") == "0123456789\n");
  CHECK(folder.read("log") == "next\n");
}

TEST_CASE("what cannot be written is counted") {
  RotatingFile file("/dev", "full", "no-rotation", 100);
  file.append("lost\n");
  file.append("also\n");
  CHECK(file.droppedBytes() == 10);
}

TEST_CASE("what has no file is counted, and the file is made as soon as it can be") {
  Folder folder;
  RotatingFile file(folder.path + "/later", "log", "log.1", 100);
  file.append("lost\n");
  CHECK(file.droppedBytes() == 5);
  fs::create_directory(folder.path + "/later");
  file.append("kept\n");
  CHECK(file.droppedBytes() == 5);
  CHECK(folder.read("later/log") == "kept\n");
}

}  // namespace meridian::shim
