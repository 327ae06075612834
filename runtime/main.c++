// The composition root of `meridian`: the command line, and the platform behind the verbs that are one.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "runtime/cli/cli.h"
#include "runtime/platform/commands.h"

int main(int argc, char** argv) {
  // Standard output belongs to what was asked for.
  spdlog::set_default_logger(spdlog::stderr_color_mt("meridian"));
  spdlog::set_pattern("%H:%M:%S.%e %l %v");
  meridian::platform::Commands commands;
  return meridian::cli::runCli(argc, argv, commands);
}
