#include "runtime/store/fatal.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace meridian::store {

void endProcess(std::string_view why) {
  // A logger of its own: the process's may be busy, or write elsewhere.
  spdlog::logger logger("store", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger.critical("event=store-failed why=\"{}\"", why);
  logger.flush();
  std::_Exit(EXIT_DISK_FAILED);
}

}  // namespace meridian::store
