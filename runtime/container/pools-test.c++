// Disks and networks from their pools, as root on the real kernel.
#include <fcntl.h>
#include <kj/async-io.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "runtime/container/disk-pool.h"
#include "runtime/container/net-pool.h"
#include "runtime/container/root-test.h"
#include "runtime/container/worker-threads.h"

namespace meridian::container {
namespace {

constexpr DiskMb::Value SIZE_MB = 64;

struct Machine {
  TemporaryState state;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  WorkerThreads worker{io.unixEventPort, 2};

  template <typename T>
  T wait(kj::Promise<T>&& promise) {
    return promise.wait(io.waitScope);
  }
};

// Disks and networks know no cgroups: nothing has the mark.
Footprint footprintOf(Machine& machine, const std::string& interfaceMark = "none") {
  return measureFootprint(machine.state.path(), interfaceMark, "(none)");
}

double milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// The median time of the operation, in ms.
template <typename Operation>
double medianOf(int times, Operation&& operation) {
  std::vector<double> samples;
  for (int i = 0; i < times; i++) {
    auto start = std::chrono::steady_clock::now();
    operation(i);
    samples.push_back(milliseconds(std::chrono::steady_clock::now() - start));
  }
  std::nth_element(samples.begin(), samples.begin() + times / 2, samples.end());
  return samples[times / 2];
}

TEST_CASE("a job that throws rejects its promise; the threads go on") {
  auto io = kj::setupAsyncIo();
  WorkerThreads worker(io.unixEventPort, 1);
  auto failing = worker.run(env::Urgency::SOON, [] { KJ_FAIL_REQUIRE("planned"); });
  auto working = worker.call(env::Urgency::BACKGROUND, [] { return 7; });
  CHECK_THROWS_AS(failing.wait(io.waitScope), kj::Exception);
  CHECK(working.wait(io.waitScope) == 7);
}

TEST_CASE("a disk has its size, holds no more, and leaves nothing behind") {
  requireRoot();
  Machine machine;
  std::filesystem::create_directory(machine.state.path() + "/disks");
  DiskPool pool(machine.state.path() + "/disks", machine.worker, machine.io.unixEventPort.getTimer(), 2);
  auto before = footprintOf(machine);
  machine.wait(pool.open({}));
  auto disk = machine.wait(pool.take(DiskMb(SIZE_MB)));
  CHECK(std::filesystem::is_directory(disk.writable + "/upper"));
  CHECK(std::filesystem::is_directory(disk.writable + "/work"));

  kj::AutoCloseFd file(
      open((disk.writable + "/upper/big").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  std::string megabyte(1'000'000, 'x');
  size_t written = 0;
  while (write(file, megabyte.data(), megabyte.size()) == static_cast<ssize_t>(megabyte.size()))
    written++;
  bool full = write(file, megabyte.data(), megabyte.size()) < 0 && errno == ENOSPC;
  CHECK(full);
  CHECK(written > SIZE_MB * 8 / 10);
  CHECK(written < SIZE_MB);
  file = nullptr;

  machine.wait(pool.release(disk.number));
  machine.wait(pool.drain());
  CHECK(footprintOf(machine) == before);
}

TEST_CASE("after a crash the disks of live instances stay, the others go") {
  requireRoot();
  Machine machine;
  auto folder = machine.state.path() + "/disks";
  uint64_t kept;
  {
    DiskPool pool(folder, machine.worker, machine.io.unixEventPort.getTimer(), 2);
    machine.wait(pool.open({}));
    kept = machine.wait(pool.take(DiskMb(SIZE_MB))).number;
    machine.wait(pool.take(DiskMb(SIZE_MB)));
    machine.wait(pool.drain());  // the pool's own; the two that were taken stay, as after a crash
  }
  DiskPool pool(folder, machine.worker, machine.io.unixEventPort.getTimer(), 0);
  machine.wait(pool.open({kept}));
  CHECK(footprintOf(machine).loopDevices == 1);
  CHECK(machine.wait(pool.take(DiskMb(SIZE_MB))).number > kept);
}

TEST_CASE("networks have addresses of their own, and leave nothing behind") {
  requireRoot();
  Machine machine;
  NetPool pool(machine.state.path(), machine.worker, machine.io.unixEventPort.getTimer(), 2);
  auto mark = pool.bridge().substr(3);
  auto before = footprintOf(machine, mark);
  machine.wait(pool.open({}));
  {
    auto first = machine.wait(pool.take());
    auto second = machine.wait(pool.take());
    CHECK(first.address != second.address);
    machine.wait(pool.release(first.address));
    machine.wait(pool.release(second.address));
  }
  machine.wait(pool.drain());
  machine.wait(pool.remove());
  CHECK(footprintOf(machine, mark) == before);
}

TEST_CASE("a restarted platform keeps its subnet and the ports of live instances") {
  requireRoot();
  Machine machine;
  auto crashed = kj::heap<NetPool>(machine.state.path(), machine.worker, machine.io.unixEventPort.getTimer(), 0);
  machine.wait(crashed->open({}));
  auto kept = machine.wait(crashed->take());
  auto lost = machine.wait(crashed->take());
  crashed = nullptr;

  NetPool pool(machine.state.path(), machine.worker, machine.io.unixEventPort.getTimer(), 0);
  machine.wait(pool.open({kept.address}));
  CHECK(footprintOf(machine, pool.bridge().substr(3)).interfaces == 2);  // the bridge and one port
  auto next = machine.wait(pool.take());
  CHECK(next.address >> 16 == kept.address >> 16);
  CHECK(next.address != kept.address);
  machine.wait(pool.release(kept.address));
  machine.wait(pool.release(next.address));
  machine.wait(pool.remove());
}

TEST_CASE("how long pieces take", "[measure]") {
  requireRoot();
  Machine machine;
  DiskPool disks(machine.state.path() + "/disks", machine.worker, machine.io.unixEventPort.getTimer(), 0);
  NetPool networks(machine.state.path(), machine.worker, machine.io.unixEventPort.getTimer(), 0);
  machine.wait(disks.open({}));
  machine.wait(networks.open({}));
  constexpr int TIMES = 30;
  std::vector<uint64_t> numbers;
  std::vector<NetPool::Network> made;
  auto report = [](const char* what, double ms) {
    std::cout << "median " << what << " " << ms << " ms" << std::endl;
  };
  machine.wait(disks.release(machine.wait(disks.take(DiskMb(2000))).number));
  report("disk made", medianOf(TIMES, [&](int) {
           numbers.push_back(machine.wait(disks.take(DiskMb(2000))).number);
         }));
  report("disk removed", medianOf(TIMES, [&](int i) { machine.wait(disks.release(numbers[i])); }));
  report("network made",
         medianOf(TIMES, [&](int) { made.push_back(machine.wait(networks.take())); }));
  report("network removed", medianOf(TIMES, [&](int i) {
           made[i].fd = nullptr;
           machine.wait(networks.release(made[i].address));
         }));
  made.clear();
  for (int i = 0; i < TIMES; i++) made.push_back(machine.wait(networks.take()));
  report("network removed among 30 at once", medianOf(1, [&](int) {
                                               auto removals =
                                                   kj::heapArrayBuilder<kj::Promise<void>>(TIMES);
                                               for (auto& network: made)
                                                 removals.add(networks.release(network.address));
                                               machine.wait(kj::joinPromises(removals.finish()));
                                             }) / TIMES);
  machine.wait(disks.drain());
  machine.wait(networks.remove());
}

}  // namespace
}  // namespace meridian::container
