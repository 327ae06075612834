#include "runtime/container/net-pool.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <kj/debug.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "runtime/container/packet-filter.h"
#include "runtime/container/route-socket.h"

namespace meridian::container {

namespace {

constexpr int LO_INDEX = 1;
constexpr int ETH0_INDEX = 100;  // above what kernels with tunnel modules put into each namespace

constexpr size_t DELETE_AT_ONCE_MAX = 256;  // that fit one batch

// FNV-1a: stable over builds, unlike std::hash.
uint64_t hashOf(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte: text) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

// The group of links that are being deleted; two platforms have different ones.
uint32_t groupOf(uint64_t seed) { return static_cast<uint32_t>(seed >> 32) | 0x80000000; }

std::string hex(uint64_t number, int digits) {
  char text[17];
  snprintf(text, sizeof(text), "%0*lx", digits, static_cast<unsigned long>(number));
  return text;
}

kj::AutoCloseFd openNamespace() {
  int fd;
  KJ_SYSCALL(fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  return kj::AutoCloseFd(fd);
}

// The thread is in a new network namespace as long as this lives.
class InNewNamespace {
 public:
  InNewNamespace(): host_(openNamespace()) { KJ_SYSCALL(unshare(CLONE_NEWNET)); }
  ~InNewNamespace() noexcept(false) {
    KJ_SYSCALL(setns(host_, CLONE_NEWNET), "a worker cannot return to the host's network");
  }
  int host() const { return host_; }

 private:
  kj::AutoCloseFd host_;
};

void deleteLink(const std::string& name) {
  if (if_nametoindex(name.c_str()) == 0) return;
  RouteBatch batch;
  batch.deleteLink(name.c_str());
  try {
    RouteSocket().run(batch);
  } catch (const kj::Exception&) {
    // A veth pair goes by itself when its namespace ends, perhaps just now.
    if (if_nametoindex(name.c_str()) != 0) throw;
  }
}

NetPool::Network makeNetwork(const Subnet& subnet, uint32_t address, const std::string& bridge,
                             const std::string& port) {
  auto hardware = hardwareAddressOf(address);
  KJ_ON_SCOPE_FAILURE(deleteLink(port));
  kj::AutoCloseFd fd;
  {
    InNewNamespace inside;
    fd = openNamespace();
    RouteBatch batch;
    batch.setUp(LO_INDEX);
    batch.addVeth("eth0", ETH0_INDEX, hardware, port.c_str(), inside.host());
    batch.addAddress(ETH0_INDEX, address, Subnet::PREFIX);
    batch.setNoIpv6Address(ETH0_INDEX);
    batch.setUp(ETH0_INDEX);
    batch.addNeighbour(ETH0_INDEX, subnet.gateway(), hardwareAddressOf(subnet.gateway()));
    RouteSocket().run(batch);
  }
  int portIndex, bridgeIndex;
  KJ_SYSCALL(portIndex = if_nametoindex(port.c_str()) ?: -1, port);
  KJ_SYSCALL(bridgeIndex = if_nametoindex(bridge.c_str()) ?: -1, bridge);
  RouteBatch batch;
  batch.setNoIpv6Address(portIndex);
  batch.setMasterAndUp(portIndex, bridgeIndex);
  batch.isolate(portIndex);
  batch.addForwarding(portIndex, hardware);
  batch.addNeighbour(bridgeIndex, address, hardware);
  RouteSocket().run(batch);
  return {address, kj::mv(fd)};
}

// The address of the bridge, when it is there and has one.
std::optional<uint32_t> addressOf(const std::string& interface) {
  ifaddrs* all;
  KJ_SYSCALL(getifaddrs(&all));
  KJ_DEFER(freeifaddrs(all));
  for (auto each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET &&
        interface == each->ifa_name) {
      return ntohl(reinterpret_cast<sockaddr_in*>(each->ifa_addr)->sin_addr.s_addr);
    }
  }
  return std::nullopt;
}

// One that was deleted is no error: a veth pair goes by itself when its namespace ends, perhaps
// just now.
void deleteLinks(const std::vector<std::string>& names, uint32_t group) {
  RouteBatch batch;
  for (auto& name: names) {
    if (int index = if_nametoindex(name.c_str())) batch.setGroup(index, group);
  }
  batch.deleteGroup(group);
  kj::runCatchingExceptions([&batch] { RouteSocket().run(batch); });
  for (auto& name: names) deleteLink(name);  // what is left, with its error
}

Subnet openBridge(const std::string& bridge, uint64_t seed) {
  installPacketFilter(bridge);
  if (auto address = addressOf(bridge)) return Subnet(*address);
  deleteLink(bridge);  // one without an address was left half made
  RouteSocket socket;
  auto subnet = Subnet::choose(seed, socket.routes());
  KJ_REQUIRE(subnet.has_value(),
             "each subnet 10.x.0.0/16 overlaps a route of this machine; one must be free for the "
             "containers");
  RouteBatch add;
  add.addBridge(bridge.c_str(), hardwareAddressOf(subnet->gateway()));
  socket.run(add);
  int index = if_nametoindex(bridge.c_str());
  RouteBatch configure;
  configure.setNoIpv6Address(index);
  configure.setUp(index);
  configure.addAddress(index, subnet->gateway(), Subnet::PREFIX);
  socket.run(configure);
  return *subnet;
}

void removePorts(const std::string& prefix, const std::set<std::string>& keep, uint32_t group) {
  auto interfaces = if_nameindex();
  KJ_REQUIRE(interfaces != nullptr, "the network interfaces cannot be listed", strerror(errno));
  KJ_DEFER(if_freenameindex(interfaces));
  std::vector<std::string> leftovers;
  for (auto each = interfaces; each->if_index != 0; each++) {
    std::string name = each->if_name;
    if (name.starts_with(prefix) && !keep.contains(name)) leftovers.push_back(name);
  }
  for (size_t i = 0; i < leftovers.size(); i += DELETE_AT_ONCE_MAX) {
    auto end = std::min(i + DELETE_AT_ONCE_MAX, leftovers.size());
    deleteLinks({leftovers.begin() + i, leftovers.begin() + end}, group);
  }
}

}  // namespace

NetPool::NetPool(const std::string& stateFolder, env::Worker& worker, kj::Timer& timer,
                 size_t level)
    : bridge_("mrd" + hex(hashOf(stateFolder) & 0xffffffff, 8)),
      seed_(hashOf(stateFolder)),
      worker_(worker),
      pool_(timer, level, [this](env::Urgency urgency) { return make(urgency); }) {}

kj::Promise<void> NetPool::open(std::set<uint32_t> inUse) {
  return worker_
      .call(env::Urgency::SOON,
            [bridge = bridge_, seed = seed_] { return openBridge(bridge, seed); })
      .then([this, inUse = std::move(inUse)](Subnet&& subnet) {
        subnet_ = subnet;
        std::set<std::string> keep;
        for (auto address: inUse) {
          if (auto index = subnet_.indexOf(address)) {
            addresses_.reserve(*index);
            keep.insert(portOf(*index));
          }
        }
        auto prefix = portOf(0);
        prefix.resize(prefix.size() - 4);
        return worker_.run(env::Urgency::SOON,
                           [prefix, keep = std::move(keep), group = groupOf(seed_)] {
                             removePorts(prefix, keep, group);
                           });
      });
}

kj::Promise<void> NetPool::release(uint32_t address) {
  auto index = subnet_.indexOf(address);
  if (!index) return kj::READY_NOW;
  auto paf = kj::newPromiseAndFulfiller<void>();
  released_.push_back({*index, kj::mv(paf.fulfiller)});
  if (deleting_.empty()) {
    deletion_ = deleteReleased().eagerlyEvaluate(
        [](kj::Exception&& error) { KJ_LOG(FATAL, "ports are no longer removed", error); });
  }
  return kj::mv(paf.promise);
}

// Whatever was released while the batch before was being deleted is the next batch.
kj::Promise<void> NetPool::deleteReleased() {
  std::vector<std::string> ports;
  deleting_.clear();
  for (; !released_.empty() && ports.size() < DELETE_AT_ONCE_MAX; released_.pop_front()) {
    ports.push_back(portOf(released_.front().index));
    deleting_.push_back(kj::mv(released_.front()));
  }
  if (ports.empty()) return kj::READY_NOW;
  return worker_
      .run(env::Urgency::SOON,
           [ports = std::move(ports), group = groupOf(seed_)] { deleteLinks(ports, group); })
      .then(
          [this] {
            for (auto& release: deleting_) {
              addresses_.free(release.index);
              release.done->fulfill();
            }
          },
          [this](kj::Exception&& error) {
            for (auto& release: deleting_) release.done->reject(kj::cp(error));
          })
      .then([this] { return deleteReleased(); });
}

kj::Promise<void> NetPool::drain() {
  return pool_.drain().then([this](std::deque<Network>&& networks) {
    auto releases = kj::heapArrayBuilder<kj::Promise<void>>(networks.size());
    for (auto& network: networks) releases.add(release(network.address));
    return kj::joinPromises(releases.finish());
  });
}

kj::Promise<void> NetPool::remove() {
  return worker_.run(env::Urgency::SOON, [bridge = bridge_] {
    deleteLink(bridge);
    removePacketFilter(bridge);
  });
}

kj::Promise<NetPool::Network> NetPool::make(env::Urgency urgency) {
  auto index = addresses_.allocate();
  KJ_REQUIRE(index.has_value(), "this machine's platform has no network for another instance",
             NETWORKS_MAX);
  return worker_
      .call(urgency, [subnet = subnet_, address = subnet_.address(*index), bridge = bridge_,
                      port = portOf(*index)] { return makeNetwork(subnet, address, bridge, port); })
      .catch_([this, index = *index](kj::Exception&& error) -> Network {
        addresses_.free(index);
        kj::throwFatalException(kj::mv(error));
      });
}

// At most 15 characters, the kernel's limit.
std::string NetPool::portOf(uint32_t index) const {
  return "mrv" + bridge_.substr(3) + hex(index, 4);
}

}  // namespace meridian::container
