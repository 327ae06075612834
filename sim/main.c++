// meridian-sim: `meridian sim` alone. It is linked from the simulated worlds and what runs in them, so that a test can link it anew
// around an actor that has a planted bug.
#include "sim/command/command.h"

int main(int argc, char** argv) { return meridian::sim::runSim({argv[0]}, {argv + 1, argv + argc}); }
