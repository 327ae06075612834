// The composition root of `meridian`: the command line, the platform behind the verbs that are one, and the simulated worlds.
#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <string_view>

#include "runtime/cli/cli.h"
#include "runtime/platform/commands.h"
#include "sim/command/command.h"

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string_view("sim")) return meridian::sim::runSim({argv[0], argv[1]}, {argv + 2, argv + argc});
  // One heap for all threads: the loop does nearly all the allocating, and an arena for each helper thread costs a sleeping
  // platform memory (9.6 MiB against 8.7 after 100 starts) and wins nothing.
  mallopt(M_ARENA_MAX, 1);
  // Standard output belongs to what was asked for.
  spdlog::set_default_logger(spdlog::stderr_color_mt("meridian"));
  spdlog::set_pattern("%H:%M:%S.%e %l %v");
  meridian::platform::Commands commands;
  return meridian::cli::runCli(argc, argv, commands);
}
