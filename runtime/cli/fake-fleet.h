// A platform for the tests of the verbs: a Fleet with canned answers on a real Unix socket, in a process of its own. What
// it is asked goes, a line a call, into the file `calls` of its folder.
#pragma once

#include <string>
#include <sys/types.h>

namespace meridian::cli {

class FakeFleet {
 public:
  // Serves FOLDER/rpc.sock when the constructor returns; the folder exists.
  explicit FakeFleet(const std::string& folder);
  ~FakeFleet();
  FakeFleet(const FakeFleet&) = delete;

  // The lines since the last time it was asked.
  std::string calls();

 private:
  std::string folder_;
  pid_t pid_;
  size_t read_ = 0;
};

}  // namespace meridian::cli
