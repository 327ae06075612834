// DevPrinter: what `dev` shows as it happens: events of containers, and what they write.
//
//   12:01:02 Sandbox/alice  running  generation=1 ready_ms=3.2
//   12:01:02 Sandbox/alice  | listening on 8080
#pragma once

#include <kj/async.h>

#include <cstdint>
#include <map>
#include <string>

#include "runtime/cli/config.h"
#include "schema/fleet.capnp.h"

namespace meridian::platform {

class DevPrinter {
 public:
  // Prints to stdout. The fleet's capability outlasts restarts of actors.
  explicit DevPrinter(schema::Fleet::Client fleet): fleet_(kj::mv(fleet)) {}

  // Begins with the events numbered above `after`; goes on until this object dies.
  kj::Promise<void> start(uint64_t after);

  void printRoutes(const cli::ApplicationConfig& application, const std::string& address);

 private:
  class Events;
  class Lines;

  void show(schema::Event::Reader event);
  void follow(const std::string& name, schema::ContainerKey::Reader key, uint64_t generation);

  schema::Fleet::Client fleet_;
  kj::Maybe<schema::Handle::Client> events_;
  std::map<std::string, schema::Handle::Client> followed_;
};

}  // namespace meridian::platform
