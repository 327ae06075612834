// LogTap: what the shipped code logs while a world runs becomes part of its transcript. An error means that a person must act, so it
// fails the world; except where the world itself asked for it.
#pragma once

#include <kj/exception.h>

#include <memory>
#include <string>

#include "sim/world/stage.h"

namespace spdlog { class logger; }

namespace meridian::sim {

class LogTap final: public kj::ExceptionCallback {
 public:
  // Errors whose text has `expected` in it are asked for; empty: none are.
  explicit LogTap(Stage& stage, std::string expected = {});
  ~LogTap() noexcept(false);

  void logMessage(kj::LogSeverity severity, const char* file, int line, int contextDepth, kj::String&& text) override;

 private:
  Stage& stage_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace meridian::sim
