// RouteSocket: rtnetlink for what a container's network takes: links, addresses, neighbours.
// Requests are collected in a RouteBatch and sent together, so that a whole network costs a few
// system calls. It speaks to the network namespace that its thread was in when it was made. libmnl
// builds the messages; libnl-route would parse and cache far more than is asked for here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/container/subnet.h"

struct mnl_socket;
struct nlmsghdr;

namespace meridian::container {

// Each address has a hardware address of its own that follows from it, so that neighbours need not
// be asked for.
struct HardwareAddress {
  uint8_t bytes[6];
};
HardwareAddress hardwareAddressOf(uint32_t address);

class RouteBatch {
 public:
  RouteBatch();

  // A pair: `name` with this index and hardware address in the socket's namespace, `peer` in the
  // namespace of the descriptor.
  void addVeth(const char* name, int index, HardwareAddress hardware, const char* peer,
               int peerNamespace);
  void addBridge(const char* name, HardwareAddress hardware);
  void deleteLink(const char* name);

  // Deleting many links at once takes the kernel no longer than deleting one: it waits for its
  // readers only once.
  void setGroup(int index, uint32_t group);
  void deleteGroup(uint32_t group);

  // Before it is set up: it gives itself no IPv6 address, whose announcements would cost each start
  // something for nothing.
  void setNoIpv6Address(int index);
  void setUp(int index);
  void setMasterAndUp(int index, int bridge);

  // As a port of a bridge: it cannot reach other isolated ports, and learns no address that its
  // container might make up.
  void isolate(int index);

  void addAddress(int index, uint32_t address, int prefix);
  void addNeighbour(int index, uint32_t address, HardwareAddress hardware);
  void addForwarding(int index,
                     HardwareAddress hardware);  // of a bridge: this address is behind this port

 private:
  friend class RouteSocket;
  nlmsghdr* begin(const char* what, uint16_t type, uint16_t flags);
  nlmsghdr* beginLink(const char* what, uint16_t type, uint16_t flags, int index, bool up);
  void end(nlmsghdr* message);

  static constexpr size_t BYTES_MAX = 16 << 10;
  std::vector<char> bytes_;
  size_t used_ = 0;
  std::vector<const char*> what_;  // of each message, for errors
};

class RouteSocket {
 public:
  RouteSocket();
  ~RouteSocket();
  RouteSocket(const RouteSocket&) = delete;
  RouteSocket& operator=(const RouteSocket&) = delete;

  // All requests are tried; throws kj::Exception with the first that failed.
  void run(RouteBatch& batch);

  // All IPv4 routes of the namespace.
  std::vector<Ipv4Range> routes();

 private:
  mnl_socket* socket_;
  uint32_t sequence_ = 0;
};

}  // namespace meridian::container
