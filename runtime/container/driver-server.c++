#include "runtime/container/driver-server.h"

#include "runtime/actor/vocabulary.h"
#include "runtime/container/native-driver.h"

namespace meridian::container {

namespace {

// Until it is open the driver knows neither what lives nor which disks and addresses are taken.
class DriverServer final: public schema::Driver::Server {
 public:
  explicit DriverServer(NativeDriver& driver): driver_(driver) {}

  kj::Promise<void> launch(LaunchContext context) override {
    return driver_.whenOpen().then(
        [this, context]() mutable { return driver_.launch(context.getParams().getSpec()); });
  }

  kj::Promise<void> signal(SignalContext context) override {
    return driver_.whenOpen().then([this, context]() mutable {
      auto params = context.getParams();
      return driver_.signal(actor::read(params.getKey()), params.getNumber());
    });
  }

  kj::Promise<void> kill(KillContext context) override {
    return driver_.whenOpen().then([this, context]() mutable {
      return driver_.kill(actor::read(context.getParams().getKey()));
    });
  }

  kj::Promise<void> list(ListContext context) override {
    return driver_.whenOpen().then(
        [this, context]() mutable { driver_.list(context.getResults()); });
  }

  kj::Promise<void> acknowledge(AcknowledgeContext context) override {
    return driver_.whenOpen().then([this, context]() mutable {
      return driver_.acknowledge(actor::read(context.getParams().getKey()));
    });
  }

  kj::Promise<void> exec(ExecContext context) override {
    return driver_.whenOpen()
        .then([this, context]() mutable {
          auto params = context.getParams();
          return driver_.exec(actor::read(params.getKey()), params.getRequest());
        })
        .then([context](schema::Process::Client&& process) mutable {
          context.getResults().setProcess(kj::mv(process));
        });
  }

  kj::Promise<void> logs(LogsContext context) override {
    return driver_.whenOpen().then([this, context]() mutable {
      auto params = context.getParams();
      context.getResults().setFollow(
          driver_.logs(actor::read(params.getContainer()), params.getRequest()));
    });
  }

  kj::Promise<void> removeLogs(RemoveLogsContext context) override {
    return driver_.whenOpen().then([this, context]() mutable {
      return driver_.removeLogs(actor::read(context.getParams().getContainer()));
    });
  }

 private:
  NativeDriver& driver_;
};

}  // namespace

schema::Driver::Client serveDriver(NativeDriver& driver) { return kj::heap<DriverServer>(driver); }

}  // namespace meridian::container
