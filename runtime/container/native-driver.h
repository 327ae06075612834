// NativeDriver: runs instances as processes of this machine. An instance is a disk and a network
// from the pools, a plan made from class and image, and the shim that starts it; the driver notices
// when it is ready, and tells the Machine actor what happens to it.
//
//                    shim: running            ports accept
//     launch ---> launching ------> running ------------> running, ready
//                    |                 |                        |
//                    | refused         | shim: exited           |
//                    +-----------------+------------------------+----> exited
//
// and forgotten once the exit is acknowledged.
//
// The state folder: shim/ (the shim's own), logs/CLASS/ID/, run/disks/. A driver on the folder of
// one that died takes over what the shim still runs, by the tags, and removes everything else that
// was set up for instances. One loop; the state folder is locked by the composition.
#pragma once

#include <kj/async-io.h>

#include <map>
#include <optional>
#include <set>

#include "runtime/container/disk-pool.h"
#include "runtime/container/exec-process.h"
#include "runtime/container/fact-teller.h"
#include "runtime/container/instance-names.h"
#include "runtime/container/net-pool.h"
#include "runtime/container/readiness.h"
#include "runtime/container/shim-link.h"
#include "runtime/container/worker-threads.h"
#include "runtime/env/images.h"
#include "schema/driver.capnp.h"

namespace meridian::container {

struct DriverOptions {
  std::string stateFolder;  // absolute; exists
  std::string shimBinary;
  size_t poolLevel = 8;      // disks of each size, and networks, kept ready
  size_t workerThreads = 4;  // making disks and networks is mostly waiting for the kernel
};

class NativeDriver final: private ShimLink::Owner, private kj::TaskSet::ErrorHandler {
 public:
  // `io`, `port` (of the same loop) and `images` outlive the driver.
  NativeDriver(kj::LowLevelAsyncIoProvider& io, kj::UnixEventPort& port, env::Images& images,
               DriverOptions options);
  ~NativeDriver() noexcept(false);

  // Connects to the shim, starting it if none runs, takes over what lives and clears away what is
  // left of the dead. The driver may be used once this has resolved. To be called once.
  kj::Promise<void> open();

  // Resolves or fails as open() does.
  kj::Promise<void> whenOpen() { return opened_.promise.addBranch(); }

  // Facts are kept until there is somebody to tell.
  void setMachine(schema::Machine::Client machine) { facts_.setMachine(kj::mv(machine)); }

  // Disks of this size will be needed.
  void prime(DiskMb size) { disks_.prime(size); }

  // The interface's methods; see schema/driver.capnp.
  schema::Driver::Client client();
  kj::Promise<void> launch(schema::LaunchSpec::Reader spec);
  kj::Promise<void> signal(const InstanceKey& key, int number);
  kj::Promise<void> kill(const InstanceKey& key);
  void list(schema::Driver::ListResults::Builder results);
  kj::Promise<void> acknowledge(const InstanceKey& key);
  kj::Promise<schema::Process::Client> exec(const InstanceKey& key,
                                            schema::ExecRequest::Reader request);
  schema::Handle::Client logs(const ContainerId& container, schema::LogRequest::Reader request);
  kj::Promise<void> removeLogs(const ContainerId& container);

  // Empties the pools and waits until everything given back is gone. Instances run on; no more is
  // made ahead.
  kj::Promise<void> drain();

  // What the names of this platform's network interfaces have in common.
  std::string networkMark() const { return networks_.bridge().substr(3); }

  // Ends all instances and the shim, and removes what the driver made on this machine, except logs.
  // Exits are still told.
  kj::Promise<void> shutdown();

 private:
  struct Instance {
    InstanceTag tag;
    bool sent = false;  // the shim was asked to start it: its end comes from there
    std::optional<Instant> startedAt;
    bool ready = false;
    bool startTimedOut = false;
    std::optional<Exit> exit;
    uint64_t exitNumber = 0;  // of the shim's record; 0: it has none
    kj::Maybe<kj::TimePoint> readyBy;
    kj::Maybe<kj::ForkedPromise<void>> launching;
    kj::Promise<void> probing = kj::READY_NOW;
  };
  struct Launching;
  struct Opened {
    kj::Own<kj::PromiseFulfiller<void>> fulfiller;
    kj::ForkedPromise<void> promise;
    static Opened make();
  };

  void onFact(schema::FromShim::Reader fact) override;
  void takeStock(kj::ArrayPtr<const ShimClient::Answer> instances,
                 kj::ArrayPtr<const ShimClient::Answer> exits) override;
  void taskFailed(kj::Exception&& error) override;

  kj::Promise<void> start(kj::Own<Launching> launching);
  void findImage(Launching& launching);
  kj::Promise<void> gather(Launching& launching);
  kj::Promise<void> sendLaunch(Launching& launching);
  void fail(Launching& launching, StopReason reason, kj::StringPtr detail);

  void running(const InstanceKey& key, Instance& instance, Instant startedAt);
  void watchReadiness(const InstanceKey& key, Instance& instance);
  void exited(schema::ExitRecord::Reader record);
  void lost(const InstanceKey& key, Instance& instance);
  void end(const InstanceKey& key, Instance& instance, Exit exit);
  void giveBack(const InstanceTag& tag);

  Instance* findAlive(const InstanceKey& key);
  kj::Promise<void> whenSettled(const InstanceKey& key);
  kj::Promise<void> acknowledgeExits();
  kj::Promise<ExecExit> whenExecExited(uint64_t exec);
  void reportExec(uint64_t exec, ExecExit exit);

  kj::LowLevelAsyncIoProvider& io_;
  kj::UnixEventPort& port_;
  env::Images& images_;
  DriverOptions options_;
  WorkerThreads worker_;
  DiskPool disks_;
  NetPool networks_;
  ReadinessProber prober_;
  FactTeller facts_;
  std::map<InstanceKey, kj::Own<Instance>> instances_;
  std::set<uint64_t> openExits_;    // numbers that are not acknowledged
  uint64_t lastExit_ = 0;           // the highest number seen
  uint64_t acknowledgedExits_ = 0;  // told to the shim: up to this one
  std::map<uint64_t, kj::Own<kj::PromiseFulfiller<ExecExit>>> execs_;
  std::map<uint64_t, ExecExit> earlyExecExits_;  // came before whoever waits for them
  Opened opened_;
  kj::TaskSet tasks_;                            // giving back, acknowledging
  ShimLink shim_;
};

}  // namespace meridian::container
