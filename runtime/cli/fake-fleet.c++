#include "runtime/cli/fake-fleet.h"

#include <capnp/rpc-twoparty.h>
#include <csignal>
#include <fstream>
#include <kj/async-io.h>
#include <kj/debug.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/fleet.capnp.h"

namespace meridian::cli {

namespace {

constexpr int64_t T0 = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z
constexpr int64_t MS = 1'000'000;

class Calls {
 public:
  explicit Calls(const std::string& folder): file_(folder + "/calls", std::ios::app) {}

  template <typename... Parts>
  void note(Parts&&... parts) {
    file_ << kj::str(kj::fwd<Parts>(parts)...).cStr() << std::endl;
  }

 private:
  std::ofstream file_;
};

kj::ArrayPtr<const kj::byte> bytesOf(kj::StringPtr text) { return text.asBytes(); }

void send(schema::ByteSink::Client& sink, kj::StringPtr text) {
  auto request = sink.writeRequest();
  request.setBytes(bytesOf(text));
  request.send().detach([](kj::Exception&&) {});
}

// A command of `exec`: its first word says what it does.
class FakeProcess final: public schema::Process::Server {
 public:
  FakeProcess(Calls& calls, schema::ExecRequest::Reader request)
      : calls_(calls), stdout_(request.getStdout()), stderr_(request.getStderr()) {
    auto argv = request.getArgv();
    if (argv[0] == "both") {
      send(stdout_, "to stdout\n");
      send(stderr_, "to stderr\n");
      exit(3, -1);
    } else if (argv[0] == "killed") {
      exit(-1, 9);
    } else if (argv[0] == "wait" || argv[0] == "stubborn") {
      stubborn_ = argv[0] == "stubborn";
      send(stdout_, "waiting\n");
    } else if (argv[0] == "flood") {
      flood_ = flood().eagerlyEvaluate(nullptr);
    } else {
      KJ_REQUIRE(argv[0] == "cat", "the command does not exist");
    }
  }

  kj::Promise<void> stdin(StdinContext context) override {
    context.getResults().setSink(kj::heap<Input>(*this, thisCap()));
    return kj::READY_NOW;
  }

  kj::Promise<void> wait(WaitContext context) override {
    return exited_.promise.addBranch().then([this, context]() mutable {
      context.getResults().setCode(code_);
      context.getResults().setSignal(signal_);
    });
  }

  kj::Promise<void> signal(SignalContext context) override {
    calls_.note("process signal ", context.getParams().getNumber());
    if (stubborn_) {
      stubborn_ = false;
      afterAnswer_ = kj::evalLast([this]() { send(stdout_, "once more\n"); }).eagerlyEvaluate(nullptr);
    } else {
      exit(-1, context.getParams().getNumber());
    }
    return kj::READY_NOW;
  }

 private:
  class Input final: public schema::ByteSink::Server {
   public:
    Input(FakeProcess& process, schema::Process::Client alive): process_(process), alive_(alive) {}

    kj::Promise<void> write(WriteContext context) override {
      auto request = process_.stdout_.writeRequest();
      request.setBytes(context.getParams().getBytes());
      return request.send();
    }

    kj::Promise<void> end(EndContext context) override {
      process_.exit(0, -1);
      return kj::READY_NOW;
    }

   private:
    FakeProcess& process_;
    schema::Process::Client alive_;
  };

  void exit(int code, int signal) {
    code_ = code;
    signal_ = signal;
    stdout_.endRequest().send().detach([](kj::Exception&&) {});
    stderr_.endRequest().send().detach([](kj::Exception&&) {});
    exited_.fulfiller->fulfill();
  }

  kj::Promise<void> flood() {
    auto request = stdout_.writeRequest();
    request.setBytes(bytesOf("and on and on\n"));
    return request.send().then([this]() { return flood(); });
  }

  struct Exited {
    kj::ForkedPromise<void> promise;
    kj::Own<kj::PromiseFulfiller<void>> fulfiller;
  };
  static Exited newExited() {
    auto pair = kj::newPromiseAndFulfiller<void>();
    return {pair.promise.fork(), kj::mv(pair.fulfiller)};
  }

  Calls& calls_;
  schema::ByteSink::Client stdout_;
  schema::ByteSink::Client stderr_;
  int code_ = -1;
  int signal_ = -1;
  bool stubborn_ = false;
  Exited exited_ = newExited();
  kj::Promise<void> flood_ = nullptr;
  kj::Promise<void> afterAnswer_ = nullptr;
};

void fillRunning(schema::ContainerStatus::Builder status, kj::StringPtr id) {
  status.initContainer().setClassName("Box");
  status.getContainer().setId(id);
  status.setState(schema::ContainerState::RUNNING);
  status.setGeneration(7);
  status.setMachine("metal-1");
  status.setLocation("home");
  status.setRestarts(2);
  status.setStartedAtNs(T0 + 5 * MS);
  status.setReadyMs(12.25);
  status.setImage("rootfs:/srv/box");
  status.setVersion(3);
}

void fillStopped(schema::ContainerStatus::Builder status, kj::StringPtr id) {
  status.initContainer().setClassName("Box");
  status.getContainer().setId(id);
  status.setState(schema::ContainerState::STOPPED);
  status.setGeneration(4);
  status.setReadyMs(8);
  status.setImage("rootfs:/srv/box");
  auto exit = status.initLastExit();
  exit.setReason(schema::StopReason::EXITED);
  exit.setCode(3);
  exit.setDetail("by itself");
  exit.setAtNs(T0);
}

class FakeHandle final: public schema::Handle::Server {
 public:
  explicit FakeHandle(Calls& calls): calls_(calls) {}
  ~FakeHandle() { calls_.note("handle dropped"); }

 private:
  Calls& calls_;
};

// The ID of the container says how it behaves.
class FakeContainer final: public schema::Container::Server {
 public:
  FakeContainer(Calls& calls, schema::ContainerKey::Reader key)
      : calls_(calls), id_(kj::str(key.getId())) {}

  kj::Promise<void> start(StartContext context) override {
    auto params = context.getParams();
    auto env = KJ_MAP(variable, params.getEnv()) {
      return kj::str(variable.getName(), "=", variable.getValue());
    };
    calls_.note("start ", id_, " [", kj::strArray(env, " "), "]");
    KJ_REQUIRE(id_ != "gone", "nobody knows it");
    auto outcome = context.getResults().initOutcome();
    if (id_ == "broken") {
      auto failed = outcome.initFailed();
      failed.setCode("start-failed");
      failed.setMessage("the program does not exist");
      failed.initExit().setReason(schema::StopReason::EXEC_FAILED);
    } else {
      fillRunning(outcome.initReady(), id_);
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> state(StateContext context) override {
    auto status = context.getResults().initStatus();
    id_ == "old" ? fillStopped(status, id_) : fillRunning(status, id_);
    return kj::READY_NOW;
  }

  kj::Promise<void> stop(StopContext context) override {
    calls_.note("stop ", id_, " ", context.getParams().getSignal());
    fillStopped(context.getResults().initStatus(), id_);
    return kj::READY_NOW;
  }

  kj::Promise<void> destroy(DestroyContext context) override {
    calls_.note("destroy ", id_);
    return kj::READY_NOW;
  }

  kj::Promise<void> exec(ExecContext context) override {
    auto request = context.getParams().getRequest();
    KJ_REQUIRE(id_ != "old", "it does not run");
    context.getResults().setProcess(kj::heap<FakeProcess>(calls_, request));
    return kj::READY_NOW;
  }

  kj::Promise<void> logs(LogsContext context) override {
    auto request = context.getParams().getRequest();
    auto sink = request.getSink();
    auto write = sink.writeRequest();
    auto lines = write.initLines(2);
    for (uint i = 0; i < 2; ++i) {
      lines[i].setAtNs(T0 + i * MS);
      lines[i].setGeneration(7);
    }
    lines[0].setText(bytesOf("listening"));
    lines[1].setText(bytesOf("a warning"));
    lines[1].setStream(schema::LogStream::STDERR);
    bool follow = request.getFollow();
    context.getResults().setFollow(kj::heap<FakeHandle>(calls_));
    return write.send().then([sink, follow]() mutable -> kj::Promise<void> {
      if (follow) return kj::READY_NOW;
      return sink.endRequest().send().ignoreResult();
    });
  }

 private:
  Calls& calls_;
  kj::String id_;
};

class FakeFleetServer final: public schema::Fleet::Server {
 public:
  explicit FakeFleetServer(Calls& calls): calls_(calls) {}

  kj::Promise<void> deploy(DeployContext context) override {
    auto params = context.getParams();
    auto config = params.getConfig();
    calls_.note("deploy ", config.getName(), " replace=", params.getReplace(),
                " force=", params.getForce());
    for (auto spec : config.getClasses()) {
      calls_.note("class ", spec.getClassName(), " ", spec.getImage(), " grace=",
                  spec.getStopGraceMs());
    }
    auto outcome = context.getResults().initOutcome();
    if (config.getName() == "refused") {
      outcome.setRefused("class Box: alice is running");
    } else {
      outcome.setVersion(3);
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> applications(ApplicationsContext context) override {
    auto status = context.getResults().initApplications(1)[0];
    status.setName("shop");
    status.setVersion(3);
    status.setDeployedAtNs(T0);
    status.initConfig().initClasses(1)[0].setClassName("Box");
    auto route = status.getConfig().initRoutes(1)[0];
    route.setPath("/box/:id/*");
    route.setClassName("Box");
    return kj::READY_NOW;
  }

  kj::Promise<void> list(ListContext context) override {
    bool all = context.getParams().getFilter() == schema::Filter::ALL;
    auto containers = context.getResults().initContainers(all ? 2 : 1);
    fillRunning(containers[0], "alice");
    if (all) fillStopped(containers[1], "old");
    return kj::READY_NOW;
  }

  kj::Promise<void> events(EventsContext context) override {
    auto params = context.getParams();
    calls_.note("events after=", params.getAfter(), " follow=", params.getFollow());
    auto sink = params.getSink();
    auto write = sink.writeRequest();
    auto event = write.initEvents(1)[0];
    event.setNumber(params.getAfter() + 1);
    event.setAtNs(T0);
    event.initContainer().setClassName("Box");
    event.getContainer().setId("alice");
    event.setGeneration(7);
    event.setKind("running");
    event.setDetail("machine=metal-1");
    bool follow = params.getFollow() == schema::Follow::YES;
    context.getResults().setFollow(kj::heap<FakeHandle>(calls_));
    return write.send().then([sink, follow]() mutable -> kj::Promise<void> {
      if (follow) return kj::READY_NOW;
      return sink.endRequest().send().ignoreResult();
    });
  }

  kj::Promise<void> container(ContainerContext context) override {
    context.getResults().setContainer(
        kj::heap<FakeContainer>(calls_, context.getParams().getKey()));
    return kj::READY_NOW;
  }

  kj::Promise<void> why(WhyContext context) override {
    if (context.getParams().getKey().getId() == "new") return kj::READY_NOW;
    auto decision = context.getResults().initDecisions(1)[0];
    decision.setTier("home");
    decision.setAtNs(T0);
    decision.setChosen("metal-1");
    decision.setReason("the best score");
    auto candidates = decision.initCandidates(2);
    candidates[0].setName("metal-1");
    candidates[0].setFeasible(true);
    candidates[0].setScore(0.5);
    candidates[0].setReason("half full");
    candidates[1].setName("metal-2");
    candidates[1].setReason("not enough memory");
    return kj::READY_NOW;
  }

  kj::Promise<void> info(InfoContext context) override {
    auto info = context.getResults().initInfo();
    info.setHttpAddress("127.0.0.1:8787");
    info.setMode("dev");
    info.setVersion("0.1.0");
    info.setPid(42);
    info.setServerCommits(7);
    info.setAgentCommits(3);
    return kj::READY_NOW;
  }

 private:
  Calls& calls_;
};

[[noreturn]] void serve(const std::string& folder, int readyFd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto io = kj::setupAsyncIo();
  Calls calls(folder);
  capnp::TwoPartyServer server(kj::heap<FakeFleetServer>(calls));
  auto address = io.provider->getNetwork()
                     .parseAddress(kj::str("unix:", folder.c_str(), "/rpc.sock"))
                     .wait(io.waitScope);
  auto listener = address->listen();
  KJ_SYSCALL(::write(readyFd, "", 1));
  server.listen(*listener).wait(io.waitScope);
  KJ_UNREACHABLE;
}

}  // namespace

FakeFleet::FakeFleet(const std::string& folder): folder_(folder) {
  int ready[2];
  KJ_SYSCALL(::pipe(ready));
  KJ_SYSCALL(pid_ = ::fork());
  if (pid_ == 0) serve(folder, ready[1]);
  ::close(ready[1]);
  char byte;
  ssize_t got = ::read(ready[0], &byte, 1);
  ::close(ready[0]);
  KJ_REQUIRE(got == 1, "the fake platform did not start");
}

FakeFleet::~FakeFleet() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string FakeFleet::calls() {
  std::ifstream file(folder_ + "/calls");
  std::ostringstream text;
  text << file.rdbuf();
  std::string fresh = text.str().substr(read_);
  read_ += fresh.size();
  return fresh;
}

}  // namespace meridian::cli
