#include "runtime/container/shim/child-report.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::shim {

void Reporter::send(ChildReport::Kind kind, int32_t value, const char* step) {
  failed_ = failed_ || kind == ChildReport::SETUP_FAILED || kind == ChildReport::EXEC_FAILED;
  ChildReport report{kind, value, {}};
  strncpy(report.step, step, sizeof report.step - 1);
  ::send(socket_, &report, sizeof report, MSG_NOSIGNAL);
}

void Reporter::awaitGo() {
  char go;
  if (recv(socket_, &go, 1, 0) != 1) _exit(1);
}

void Reporter::fail(const char* step) {
  send(ChildReport::SETUP_FAILED, errno, step);
  _exit(1);
}

}  // namespace meridian::shim
