// Zygote: the process that runs worlds, a forked child for each. It is this program, executed once more without address
// randomisation and with the same arguments, environment and stack limit always: tables in libraries order by address, so the
// transcript of a seed is the same only if its addresses are. A child starts from the very memory of the zygote, whatever ran before
// it, and takes nobody with it when it crashes or hangs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace meridian::sim {

// How this program was called: its path, and the words before the first argument of the command, "build/meridian" "sim".
using Program = std::vector<std::string>;

// More worlds than this never run at once.
inline constexpr uint32_t JOBS_MAX = 256;

struct ZygoteProcess {
  pid_t pid;
  int socket;      // takes an Order, gives an Answer
};

// Throws std::system_error.
ZygoteProcess startZygote(const Program& program);

// Whether these arguments of the command are those of a zygote.
bool isZygote(const std::vector<std::string>& arguments);

// What a zygote does, until its asker closes the socket or dies. Answers the status of the process.
int serveWorlds();

}  // namespace meridian::sim
