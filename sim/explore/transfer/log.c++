#include "sim/explore/transfer/log.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace meridian::explore::transfer {

namespace {

class ErrorSink final: public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit ErrorSink(std::string& error): error_(error) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (message.level >= spdlog::level::err && error_.empty()) error_.assign(message.payload.data(), message.payload.size());
  }
  void flush_() override {}

 private:
  std::string& error_;
};

}  // namespace

Log::Log(): before_(spdlog::default_logger()) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("explore", std::make_shared<ErrorSink>(error_)));
}

Log::~Log() noexcept(false) { spdlog::set_default_logger(before_); }

void Log::logMessage(kj::LogSeverity severity, const char* file, int line, int contextDepth, kj::String&& text) {
  bool isError = severity == kj::LogSeverity::ERROR || severity == kj::LogSeverity::FATAL;
  if (isError && error_.empty()) error_ = text.cStr();
}

}  // namespace meridian::explore::transfer
