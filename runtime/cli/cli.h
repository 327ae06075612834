// The command line of `meridian`: reads the arguments, runs the verb, and answers the status of the process. Errors are one
// line on stderr, `meridian: TEXT`.
#pragma once

#include "runtime/cli/platform.h"

namespace meridian::cli {

int runCli(int argc, const char* const* argv, Platform& platform);

}  // namespace meridian::cli
