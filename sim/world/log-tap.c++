#include "sim/world/log-tap.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace meridian::sim {

namespace {

class StageSink final: public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  StageSink(Stage& stage, std::string expected): stage_(stage), expected_(std::move(expected)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string text(message.payload.data(), message.payload.size());
    stage_.say("log", text);
    bool isExpected = !expected_.empty() && text.find(expected_) != std::string::npos;
    if (message.level >= spdlog::level::err && !isExpected) stage_.verdict.wrong("no-error", text);
  }
  void flush_() override {}

 private:
  Stage& stage_;
  std::string expected_;
};

}  // namespace

LogTap::LogTap(Stage& stage, std::string expected): stage_(stage), before_(spdlog::default_logger()) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("sim", std::make_shared<StageSink>(stage, std::move(expected))));
}

LogTap::~LogTap() noexcept(false) { spdlog::set_default_logger(before_); }

void LogTap::logMessage(kj::LogSeverity severity, const char* file, int line, int contextDepth, kj::String&& text) {
  if (severity == kj::LogSeverity::INFO || severity == kj::LogSeverity::DBG) return;
  // The text may hold addresses of code, so the transcript has only where it came from.
  stage_.say("log", std::string(file) + ":" + std::to_string(line));
  if (severity != kj::LogSeverity::WARNING) stage_.verdict.wrong("no-error", text.cStr());
}

}  // namespace meridian::sim
