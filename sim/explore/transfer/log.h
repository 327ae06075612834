// Log: takes what the shipped code logs while a life goes on. Nobody reads it, but an error means that a person must act, which is a flaw.
// It lies on the stack, as KJ has it.
#pragma once

#include <kj/exception.h>

#include <memory>
#include <string>

namespace spdlog { class logger; }

namespace meridian::explore::transfer {

class Log final: public kj::ExceptionCallback {
 public:
  Log();
  ~Log() noexcept(false);

  void logMessage(kj::LogSeverity severity, const char* file, int line, int contextDepth, kj::String&& text) override;

  // The first error; empty: none.
  const std::string& error() const { return error_; }

 private:
  std::string error_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace meridian::explore::transfer
