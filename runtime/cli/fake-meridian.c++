// The program that the tests of the command line run: the real command line, and a platform that prints its options.
#include <cstdio>
#include <cstdlib>

#include "runtime/cli/cli.h"
#include "runtime/cli/failure.h"

namespace {

using namespace meridian;
using namespace meridian::cli;

template <typename Unit>
unsigned long long orZero(const std::optional<Unit>& unit) {
  return unit ? unit->value() : 0;
}

class PrintingPlatform final: public Platform {
 public:
  int dev(const DevOptions& options) override {
    std::printf("dev %s application=%s classes=%zu", options.stateFolder.c_str(),
                options.application.name.c_str(), options.application.classes.size());
    return rest(options.http, options.capacity);
  }

  int up(const UpOptions& options) override {
    std::printf("up %s", options.stateFolder.c_str());
    return rest(options.http, options.capacity);
  }

  int down(const DownOptions& options) override {
    throw Failure("nothing runs in " + options.stateFolder.string());
  }

 private:
  static int rest(const HttpAddress& http, const Capacity& capacity) {
    std::printf(" http=%s:%d cpu=%llu memory=%llu disk=%llu\n", http.host.c_str(), http.port,
                orZero(capacity.cpu), orZero(capacity.memory), orZero(capacity.disk));
    return 0;
  }
};

}  // namespace

int main(int argc, char** argv) {
  PrintingPlatform platform;
  return runCli(argc, argv, platform);
}
