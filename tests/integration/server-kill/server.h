// The server that is killed: counters and banks over an LMDB store, served on a Unix socket. And its process, as the test holds it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

namespace meridian::killed {

// Serves for ever; writes a line to standard output once it does. Ends with its parent.
void serve(const std::string& folder, const std::string& socket);

// This very program as a server, in a process of its own.
class ServerProcess {
 public:
  ServerProcess(const std::string& folder, const std::string& socket);
  ~ServerProcess();                   // killed, if it is still there
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Whether it serves; false when it does not within this time, or has ended.
  bool servesWithin(std::chrono::microseconds limit);

  // Whether it ends by itself within this time.
  bool endsWithin(std::chrono::microseconds limit);

  // SIGKILL. Throws when it had ended by itself.
  void kill();

 private:
  bool saysWithin(short events, std::chrono::microseconds limit);

  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace meridian::killed
