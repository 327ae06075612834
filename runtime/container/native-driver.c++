#include "runtime/container/native-driver.h"

#include <kj/debug.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include "runtime/actor/vocabulary.h"
#include "runtime/container/driver-server.h"
#include "runtime/container/launch-plan.h"
#include "runtime/container/log-follower.h"
#include "runtime/container/subnet.h"

namespace meridian::container {

namespace {

Instant wallClock() { return Instant(std::chrono::system_clock::now().time_since_epoch()); }

Exit exitOf(schema::ExitRecord::Reader record, bool startTimedOut) {
  Exit exit{StopReason::SIGNALLED, std::nullopt, std::nullopt, "", instantFromNs(record.getAtNs())};
  if (record.getCode() >= 0) exit.code = record.getCode();
  if (record.getSignal() >= 0) exit.signal = record.getSignal();
  if (record.getOomKilled()) {
    exit.reason = StopReason::OOM;
    exit.detail = "it used more memory than its class has";
  } else if (startTimedOut) {
    exit.reason = StopReason::START_TIMEOUT;
    exit.detail = "its ports did not accept connections in time";
  } else if (exit.code) {
    exit.reason = StopReason::EXITED;
  }
  return exit;
}

// The sentence becomes the detail of an exit, as it is.
kj::Exception failure(kj::String sentence) {
  return kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__, kj::mv(sentence));
}

bool isDisconnect(const kj::Exception& error) {
  return error.getType() == kj::Exception::Type::DISCONNECTED;
}

}  // namespace

// One start, from the call to the shim's answer.
struct NativeDriver::Launching {
  Launching(const InstanceKey& key, schema::LaunchSpec::Reader from): key(key) {
    message.setRoot(from);
  }

  schema::LaunchSpec::Reader spec() { return message.getRoot<schema::LaunchSpec>().asReader(); }

  InstanceKey key;
  capnp::MallocMessageBuilder message;
  env::Image image;
  std::optional<DiskPool::Disk> disk;
  std::optional<NetPool::Network> network;
};

NativeDriver::NativeDriver(kj::LowLevelAsyncIoProvider& io, kj::UnixEventPort& port,
                           env::Images& images, DriverOptions options)
    : io_(io),
      port_(port),
      images_(images),
      options_(kj::mv(options)),
      worker_(port, options_.workerThreads),
      disks_(options_.stateFolder + "/run/disks", worker_, port.getTimer(), options_.poolLevel),
      networks_(options_.stateFolder, worker_, port.getTimer(), options_.poolLevel),
      prober_(port),
      facts_(port.getTimer()),
      opened_(Opened::make()),
      tasks_(*this),
      shim_(port, worker_, options_.shimBinary, options_.stateFolder + "/shim", *this) {}

NativeDriver::~NativeDriver() noexcept(false) {}

kj::Promise<void> NativeDriver::open() {
  return shim_.connect()
      .then([this] {
        std::set<uint64_t> disks;
        std::set<uint32_t> addresses;
        for (auto& [key, instance]: instances_) {
          if (instance->exit) continue;
          disks.insert(instance->tag.disk);
          addresses.insert(instance->tag.address);
        }
        auto opening = kj::heapArrayBuilder<kj::Promise<void>>(2);
        opening.add(disks_.open(std::move(disks)));
        opening.add(networks_.open(std::move(addresses)));
        return kj::joinPromises(opening.finish());
      })
      .then(
          [this] {
            networks_.fill();
            opened_.fulfiller->fulfill();
          },
          [this](kj::Exception&& error) {
            opened_.fulfiller->reject(kj::cp(error));
            kj::throwFatalException(kj::mv(error));
          });
}

NativeDriver::Opened NativeDriver::Opened::make() {
  auto paf = kj::newPromiseAndFulfiller<void>();
  return {kj::mv(paf.fulfiller), paf.promise.fork()};
}

// ---------------------------------------------------------------------------------------
// Starting

kj::Promise<void> NativeDriver::launch(schema::LaunchSpec::Reader spec) {
  auto key = actor::read(spec.getKey());
  if (instances_.contains(key)) return whenSettled(key);
  auto& instance = *instances_.emplace(key, kj::heap<Instance>()).first->second;
  instance.tag.ports = readinessPorts(spec.getSpec());
  instance.readyBy = port_.getTimer().now() + spec.getTimeoutMs() * kj::MILLISECONDS;
  auto launching = start(kj::heap<Launching>(key, spec)).fork();
  auto launched = launching.addBranch();
  instance.launching = kj::mv(launching);
  return launched;
}

kj::Promise<void> NativeDriver::start(kj::Own<Launching> owned) {
  auto& launching = *owned;
  KJ_IF_MAYBE(error, kj::runCatchingExceptions([this, &launching] { findImage(launching); })) {
    fail(launching, StopReason::IMAGE_FAILED, error->getDescription());
    return kj::READY_NOW;
  }
  return kj::evalNow([this, &launching] { return gather(launching); })
      .then([this, &launching] { return sendLaunch(launching); })
      .catch_([this, &launching](kj::Exception&& error) -> kj::Promise<void> {
        // The shim may have started it: the stock that is taken after connecting again says so.
        if (isDisconnect(error)) return kj::mv(error);
        fail(launching, StopReason::EXEC_FAILED, error.getDescription());
        return kj::READY_NOW;
      })
      .attach(kj::mv(owned));
}

void NativeDriver::findImage(Launching& launching) {
  auto spec = launching.spec().getSpec();
  auto image = images_.find(actor::text(spec.getImageId()));
  if (!image)
    kj::throwFatalException(
        failure(kj::str("the image ", spec.getImage(), " is not on this machine")));
  launching.image = kj::mv(*image);
}

// Takes a disk and a network. When one fails the other is still waited for, so that it can be given
// back.
kj::Promise<void> NativeDriver::gather(Launching& launching) {
  auto spec = launching.spec().getSpec();
  auto pieces = kj::heapArrayBuilder<kj::Promise<void>>(2);
  pieces.add(kj::evalNow([&] {
               return disks_.take(DiskMb(spec.getResources().getDiskMb()));
             }).then([&launching](DiskPool::Disk&& disk) { launching.disk = kj::mv(disk); }));
  pieces.add(networks_.take().then(
      [&launching](NetPool::Network&& network) { launching.network = kj::mv(network); }));
  return kj::joinPromises(pieces.finish());
}

kj::Promise<void> NativeDriver::sendLaunch(Launching& launching) {
  auto& instance = *instances_.at(launching.key);
  instance.tag.disk = launching.disk->number;
  instance.tag.address = launching.network->address;
  LaunchPieces pieces{instance.tag, launching.disk->writable,
                      logFolderOf(options_.stateFolder + "/logs", launching.key.container)};
  std::filesystem::create_directories(pieces.logFolder);
  auto fill = [&launching, &instance, pieces = kj::mv(pieces)](schema::ToShim::Builder to) {
    planLaunch(to.initLaunch(), launching.spec(), launching.image, pieces);
    instance.sent = true;
  };
  return shim_.call(kj::mv(fill), kj::arr(kj::mv(launching.network->fd)))
      .then([this, &launching](ShimClient::Answer&& answer) {
        auto packet = **answer;
        if (packet.isRefused())
          return fail(launching, StopReason::EXEC_FAILED, packet.getRefused().getMessage());
        auto& instance = *instances_.at(launching.key);
        if (!instance.exit)
          running(launching.key, instance, instantFromNs(packet.getLaunched().getStartedAtNs()));
      });
}

// It never ran: what was taken for it goes back.
void NativeDriver::fail(Launching& launching, StopReason reason, kj::StringPtr detail) {
  if (launching.disk) tasks_.add(disks_.release(launching.disk->number));
  if (launching.network) tasks_.add(networks_.release(launching.network->address));
  auto& instance = *instances_.at(launching.key);
  instance.tag = {};
  end(launching.key, instance,
      Exit{reason, std::nullopt, std::nullopt, detail.cStr(), wallClock()});
}

void NativeDriver::running(const InstanceKey& key, Instance& instance, Instant startedAt) {
  instance.startedAt = startedAt;
  facts_.tell(key, StartedFact{startedAt});
  watchReadiness(key, instance);
}

void NativeDriver::watchReadiness(const InstanceKey& key, Instance& instance) {
  auto accepted =
      prober_.whenReady(instance.tag.address, instance.tag.ports).then([] { return true; });
  KJ_IF_MAYBE(readyBy, instance.readyBy) {
    accepted = accepted.exclusiveJoin(port_.getTimer().atTime(*readyBy).then([] { return false; }));
  }
  instance.probing =
      accepted
          .then([this, key, &instance](bool accepted) {
            if (accepted) {
              instance.ready = true;
              facts_.tell(key, ReadyFact{addressText(instance.tag.address)});
            } else {
              instance.startTimedOut = true;
              tasks_.add(kill(key));
            }
          })
          .eagerlyEvaluate([this](kj::Exception&& error) { taskFailed(kj::mv(error)); });
}

// ---------------------------------------------------------------------------------------
// What the shim tells

void NativeDriver::onFact(schema::FromShim::Reader fact) {
  if (fact.isExited()) {
    exited(fact.getExited());
  } else if (fact.isExecExited()) {
    auto exec = fact.getExecExited();
    reportExec(exec.getExec(), {exec.getCode(), exec.getSignal()});
  }
}

void NativeDriver::takeStock(kj::ArrayPtr<const ShimClient::Answer> instances,
                             kj::ArrayPtr<const ShimClient::Answer> exits) {
  std::set<InstanceKey> alive;
  for (auto& answer: instances) {
    for (auto listed: (**answer).getInstances()) {
      auto key = actor::read(listed.getKey());
      alive.insert(key);
      auto& instance = instances_[key];
      if (instance.get() == nullptr) instance = kj::heap<Instance>();
      if (instance->startedAt || instance->exit) continue;
      auto tag = parseTag(std::string_view(listed.getTag().cStr(), listed.getTag().size()));
      KJ_REQUIRE(tag.has_value(),
                 "the shim runs an instance with a tag that this platform does not know",
                 listed.getTag());
      instance->tag = *tag;
      instance->sent = true;
      running(key, *instance, instantFromNs(listed.getStartedAtNs()));
    }
  }
  for (auto& answer: exits) {
    for (auto record: (**answer).getExits()) exited(record);
  }
  for (auto& [key, instance]: instances_) {
    if (instance->sent && !instance->exit && !alive.contains(key)) lost(key, *instance);
  }
}

void NativeDriver::exited(schema::ExitRecord::Reader record) {
  auto number = record.getNumber();
  if (number <= acknowledgedExits_ || !openExits_.insert(number).second) return;  // told before
  lastExit_ = kj::max(lastExit_, number);
  auto key = actor::read(record.getKey());
  auto& instance = instances_[key];
  if (instance.get() == nullptr) instance = kj::heap<Instance>();
  instance->exitNumber = number;
  if (!instance->exit) end(key, *instance, exitOf(record, instance->startTimedOut));
}

// Neither alive nor recorded: the shim itself has died, and the kernel ended its instances with it.
void NativeDriver::lost(const InstanceKey& key, Instance& instance) {
  end(key, instance,
      Exit{StopReason::SIGNALLED, std::nullopt, SIGKILL,
           "the shim ended, and its instances with it", wallClock()});
}

void NativeDriver::end(const InstanceKey& key, Instance& instance, Exit exit) {
  instance.exit = exit;
  instance.ready = false;
  instance.probing = kj::READY_NOW;
  giveBack(instance.tag);
  facts_.tell(key, ExitedFact{kj::mv(exit)});
}

void NativeDriver::giveBack(const InstanceTag& tag) {
  if (tag.disk != 0) tasks_.add(disks_.release(tag.disk));
  if (tag.address != 0) tasks_.add(networks_.release(tag.address));
}

// ---------------------------------------------------------------------------------------
// Obeying

NativeDriver::Instance* NativeDriver::findAlive(const InstanceKey& key) {
  auto found = instances_.find(key);
  return found == instances_.end() || found->second->exit ? nullptr : found->second.get();
}

// When its start has come to an end, one way or the other.
kj::Promise<void> NativeDriver::whenSettled(const InstanceKey& key) {
  auto instance = findAlive(key);
  if (instance == nullptr || instance->startedAt) return kj::READY_NOW;
  KJ_IF_MAYBE(launching, instance->launching) {
    return launching->addBranch().catch_([this](kj::Exception&&) { return shim_.whenConnected(); });
  }
  return kj::READY_NOW;
}

kj::Promise<void> NativeDriver::signal(const InstanceKey& key, int number) {
  return whenSettled(key).then([this, key, number]() -> kj::Promise<void> {
    if (findAlive(key) == nullptr) return kj::READY_NOW;
    return shim_
        .call([key, number](schema::ToShim::Builder to) {
          auto signal = to.initSignal();
          actor::write(signal.getTarget().initInstance(), key);
          signal.setNumber(number);
        })
        .ignoreResult();
  });
}

kj::Promise<void> NativeDriver::kill(const InstanceKey& key) {
  return whenSettled(key).then([this, key]() -> kj::Promise<void> {
    if (findAlive(key) == nullptr) return kj::READY_NOW;
    return shim_.call([key](schema::ToShim::Builder to) { actor::write(to.initKill(), key); })
        .ignoreResult();
  });
}

void NativeDriver::list(schema::Driver::ListResults::Builder results) {
  auto reports = results.initInstances(instances_.size());
  size_t i = 0;
  for (auto& [key, instance]: instances_) {
    auto report = reports[i++];
    actor::write(report.initKey(), key);
    if (instance->startedAt) report.setStartedAtNs(toNs(*instance->startedAt));
    report.setReady(instance->ready);
    if (instance->tag.address != 0) report.setHost(addressText(instance->tag.address).c_str());
    if (instance->exit) actor::write(report.initExit(), *instance->exit);
  }
}

kj::Promise<void> NativeDriver::acknowledge(const InstanceKey& key) {
  auto found = instances_.find(key);
  if (found == instances_.end() || !found->second->exit) return kj::READY_NOW;
  auto number = found->second->exitNumber;
  instances_.erase(found);
  if (number == 0) return kj::READY_NOW;
  openExits_.erase(number);
  return acknowledgeExits();
}

// The shim forgets records up to a number, so that it can only be told of those below the oldest
// open one.
kj::Promise<void> NativeDriver::acknowledgeExits() {
  auto upTo = openExits_.empty() ? lastExit_ : *openExits_.begin() - 1;
  if (upTo <= acknowledgedExits_) return kj::READY_NOW;
  acknowledgedExits_ = upTo;
  return shim_.call([upTo](schema::ToShim::Builder to) { to.setAcknowledge(upTo); }).ignoreResult();
}

// ---------------------------------------------------------------------------------------
// Exec and logs

kj::Promise<schema::Process::Client> NativeDriver::exec(const InstanceKey& key,
                                                        schema::ExecRequest::Reader request) {
  auto instance = findAlive(key);
  KJ_REQUIRE(instance != nullptr && instance->startedAt.has_value(), "the instance does not run",
             toText(key).c_str());
  KJ_REQUIRE(request.getArgv().size() > 0, "argv is empty; it must name a program");
  auto pipes = kj::heap<ExecPipes>(io_);
  std::vector<std::string> argv;
  for (auto argument: request.getArgv()) argv.push_back(actor::text(argument));
  auto fill = [key, argv = kj::mv(argv)](schema::ToShim::Builder to) {
    auto exec = to.initExec();
    actor::write(exec.initKey(), key);
    auto list = exec.initArgv(argv.size());
    for (size_t i = 0; i < argv.size(); i++) list.set(i, argv[i].c_str());
  };
  auto descriptors = kj::heapArrayBuilder<kj::AutoCloseFd>(3);
  for (auto& descriptor: pipes->theirs) descriptors.add(kj::mv(descriptor));
  return shim_.call(kj::mv(fill), descriptors.finish())
      .then([this, pipes = kj::mv(pipes), output = request.getStdout(),
             errors = request.getStderr()](ShimClient::Answer&& answer) mutable {
        auto packet = **answer;
        if (packet.isRefused()) {
          // People read this, so it is the shim's own sentence, without what KJ_REQUIRE puts around it.
          kj::throwFatalException(kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__,
                                                kj::str(packet.getRefused().getMessage())));
        }
        auto exec = packet.getExecStarted().getExec();
        auto signal = [this, exec](int number) {
          return shim_
              .call([exec, number](schema::ToShim::Builder to) {
                auto signal = to.initSignal();
                signal.getTarget().setExec(exec);
                signal.setNumber(number);
              })
              .ignoreResult();
        };
        return serveExec(kj::mv(*pipes), kj::mv(output), kj::mv(errors), whenExecExited(exec),
                         kj::mv(signal), port_.getTimer());
      });
}

kj::Promise<ExecExit> NativeDriver::whenExecExited(uint64_t exec) {
  auto early = earlyExecExits_.find(exec);
  if (early != earlyExecExits_.end()) {
    auto exit = early->second;
    earlyExecExits_.erase(early);
    return exit;
  }
  auto paf = kj::newPromiseAndFulfiller<ExecExit>();
  execs_.emplace(exec, kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

void NativeDriver::reportExec(uint64_t exec, ExecExit exit) {
  auto found = execs_.find(exec);
  if (found == execs_.end()) {
    earlyExecExits_.emplace(exec, exit);
    return;
  }
  found->second->fulfill(kj::mv(exit));
  execs_.erase(found);
}

schema::Handle::Client NativeDriver::logs(const ContainerId& container,
                                          schema::LogRequest::Reader request) {
  return serveLogs(port_, logFolderOf(options_.stateFolder + "/logs", container), request);
}

kj::Promise<void> NativeDriver::removeLogs(const ContainerId& container) {
  return worker_.run(env::Urgency::SOON,
                     [folder = logFolderOf(options_.stateFolder + "/logs", container)] {
                       std::filesystem::remove_all(folder);
                     });
}

// ---------------------------------------------------------------------------------------
// The end

kj::Promise<void> NativeDriver::drain() {
  auto draining = kj::heapArrayBuilder<kj::Promise<void>>(3);
  draining.add(tasks_.onEmpty());
  draining.add(disks_.drain());
  draining.add(networks_.drain());
  return kj::joinPromises(draining.finish());
}

kj::Promise<void> NativeDriver::shutdown() {
  return shim_.shutdown()
      .then([this] {
        // The shim tells each exit before it answers; an instance it said nothing of is gone with
        // it all the same.
        for (auto& [key, instance]: instances_) {
          if (instance->sent && !instance->exit) lost(key, *instance);
        }
        return drain();
      })
      .then([this] { return networks_.remove(); })
      .then([this] {
        return worker_.run(env::Urgency::SOON, [run = options_.stateFolder + "/run"] {
          std::filesystem::remove_all(run);
        });
      });
}

void NativeDriver::taskFailed(kj::Exception&& error) {
  KJ_LOG(ERROR, "an instance's things could not be cleared away", error);
}

schema::Driver::Client NativeDriver::client() { return serveDriver(*this); }

}  // namespace meridian::container
