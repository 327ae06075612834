// NetPool: the networks of instances. One bridge for a platform, its name derived from the state
// folder; for each instance a network namespace with `lo` and `eth0`, the other end of eth0 an
// isolated port of the bridge. Neighbours are entered by hand on both sides, so the first packet to
// an instance waits for nothing and no instance can claim another's address.
//
// A namespace in the pool is held by a descriptor alone: it and its veth pair vanish with the
// platform. Once launched, the instance's processes hold it. The address is in the instance's tag,
// so that a restarted platform finds it again. Used on one loop; the work is done by the worker.
#pragma once

#include <kj/io.h>

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "runtime/container/pool.h"
#include "runtime/container/subnet.h"

namespace meridian::container {

class NetPool {
 public:
  // A Linux bridge has 1,023 ports.
  static constexpr size_t NETWORKS_MAX = 1000;

  NetPool(const std::string& stateFolder, env::Worker& worker, kj::Timer& timer, size_t level);

  struct Network {
    uint32_t address;
    kj::AutoCloseFd fd;  // of the namespace
  };

  // First of all: makes bridge and packet filter, or takes over those that are there; removes the
  // ports of all instances but those whose addresses are in use.
  kj::Promise<void> open(std::set<uint32_t> inUse);

  void fill() { pool_.fill(); }
  kj::Promise<Network> take() { return pool_.take(); }

  // Removes the port, together with others that are released meanwhile; the namespace goes when its
  // last process and descriptor have gone.
  kj::Promise<void> release(uint32_t address);

  // Empties the pool; nothing is made ahead afterwards.
  kj::Promise<void> drain();

  // After drain(), with no instance left: removes bridge and packet filter.
  kj::Promise<void> remove();

  const std::string& bridge() const { return bridge_; }

 private:
  struct Release {
    uint32_t index;
    kj::Own<kj::PromiseFulfiller<void>> done;
  };

  kj::Promise<Network> make(env::Urgency urgency);
  kj::Promise<void> deleteReleased();
  std::string portOf(uint32_t index) const;

  std::string bridge_;
  uint64_t seed_;
  env::Worker& worker_;
  Subnet subnet_{0};
  AddressAllocator addresses_{NETWORKS_MAX};
  Pool<Network> pool_;
  std::deque<Release> released_;   // and not yet deleted
  std::vector<Release> deleting_;  // at present; not empty while deletion_ runs
  kj::Promise<void> deletion_ = kj::READY_NOW;
};

}  // namespace meridian::container
