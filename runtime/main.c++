// The composition root of `meridian`: the command line, and the platform behind the verbs that are one.
#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "runtime/cli/cli.h"
#include "runtime/platform/commands.h"

int main(int argc, char** argv) {
  // One heap for all threads: the loop does nearly all the allocating, and an arena for each helper thread costs a sleeping
  // platform memory (9.6 MiB against 8.7 after 100 starts) and wins nothing.
  mallopt(M_ARENA_MAX, 1);
  // Standard output belongs to what was asked for.
  spdlog::set_default_logger(spdlog::stderr_color_mt("meridian"));
  spdlog::set_pattern("%H:%M:%S.%e %l %v");
  meridian::platform::Commands commands;
  return meridian::cli::runCli(argc, argv, commands);
}
