#include <nlohmann/json.hpp>
#include <unistd.h>

#include "runtime/cli/follow.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

std::string_view toWord(schema::LogStream stream) {
  return stream == schema::LogStream::STDERR ? "stderr" : "stdout";
}

std::string_view textOf(schema::LogLine::Reader line) {
  return {line.getText().asChars().begin(), line.getText().size()};
}

std::string jsonLine(schema::LogLine::Reader line) {
  return toLine({{"at", isoTime(line.getAtNs())},
                 {"stream", toWord(line.getStream())},
                 {"generation", line.getGeneration()},
                 {"text", textOf(line)}});
}

std::string textLine(schema::LogLine::Reader line, LogsOptions::Timestamps timestamps) {
  std::string text;
  if (timestamps == LogsOptions::Timestamps::YES) {
    text.append(isoTime(line.getAtNs())).append(" ").append(toWord(line.getStream())).append(" ");
  }
  return text.append(textOf(line)).append("\n");
}

class LogPrinter final: public schema::LogSink::Server {
 public:
  LogPrinter(OutputStream& output, const LogsOptions& options)
      : output_(output), options_(options) {}

  kj::Promise<void> write(WriteContext context) override {
    std::string text;
    for (auto line : context.getParams().getLines()) {
      text += options_.format == Format::JSON ? jsonLine(line)
                                              : textLine(line, options_.timestamps);
    }
    output_.write(text);
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext context) override {
    output_.end();
    return kj::READY_NOW;
  }

 private:
  OutputStream& output_;
  const LogsOptions& options_;
};

}  // namespace

void logs(FleetClient& client, const LogsOptions& options) {
  OutputStream output(STDOUT_FILENO);
  auto call = client.container(options.id).logsRequest();
  auto request = call.initRequest();
  request.setFollow(options.follow == Follow::YES);
  request.setSink(kj::heap<LogPrinter>(output, options));
  waitForEnd(client, call.send(), output);
}

}  // namespace meridian::cli
