#include "runtime/container/route-socket.h"

#include <arpa/inet.h>
#include <kj/debug.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::container {

namespace {

constexpr size_t MESSAGE_BYTES_MAX = 512;
constexpr size_t ANSWER_BYTES_MAX = 32 << 10;  // the kernel fills no larger ones

void putHardware(nlmsghdr* message, uint16_t type, const HardwareAddress& hardware) {
  mnl_attr_put(message, type, sizeof(hardware.bytes), hardware.bytes);
}

}  // namespace

HardwareAddress hardwareAddressOf(uint32_t address) {
  // 02: locally administered, unicast.
  return {{0x02, 0x4d, static_cast<uint8_t>(address >> 24), static_cast<uint8_t>(address >> 16),
           static_cast<uint8_t>(address >> 8), static_cast<uint8_t>(address)}};
}

RouteBatch::RouteBatch(): bytes_(BYTES_MAX) {}

nlmsghdr* RouteBatch::begin(const char* what, uint16_t type, uint16_t flags) {
  KJ_REQUIRE(used_ + MESSAGE_BYTES_MAX <= BYTES_MAX, "too many requests for one batch",
             what_.size());
  auto message = mnl_nlmsg_put_header(bytes_.data() + used_);
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
  what_.push_back(what);
  return message;
}

nlmsghdr* RouteBatch::beginLink(const char* what, uint16_t type, uint16_t flags, int index,
                                bool up) {
  auto message = begin(what, type, flags);
  auto link = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  link->ifi_family = AF_UNSPEC;
  link->ifi_index = index;
  if (up) link->ifi_flags = link->ifi_change = IFF_UP;
  return message;
}

void RouteBatch::end(nlmsghdr* message) { used_ += MNL_ALIGN(message->nlmsg_len); }

void RouteBatch::addVeth(const char* name, int index, HardwareAddress hardware, const char* peer,
                         int peerNamespace) {
  auto message = beginLink("add a veth pair", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, index, false);
  mnl_attr_put_strz(message, IFLA_IFNAME, name);
  putHardware(message, IFLA_ADDRESS, hardware);
  auto info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_str(message, IFLA_INFO_KIND, "veth");
  auto data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  auto other = mnl_attr_nest_start(message, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  mnl_attr_put_strz(message, IFLA_IFNAME, peer);
  mnl_attr_put_u32(message, IFLA_NET_NS_FD, peerNamespace);
  mnl_attr_nest_end(message, other);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
  end(message);
}

void RouteBatch::addBridge(const char* name, HardwareAddress hardware) {
  auto message = beginLink("add the bridge", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, false);
  mnl_attr_put_strz(message, IFLA_IFNAME, name);
  putHardware(message, IFLA_ADDRESS, hardware);
  auto info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_str(message, IFLA_INFO_KIND, "bridge");
  mnl_attr_nest_end(message, info);
  end(message);
}

void RouteBatch::deleteLink(const char* name) {
  auto message = beginLink("delete a link", RTM_DELLINK, 0, 0, false);
  mnl_attr_put_strz(message, IFLA_IFNAME, name);
  end(message);
}

void RouteBatch::setGroup(int index, uint32_t group) {
  auto message = beginLink("put a link into a group", RTM_NEWLINK, 0, index, false);
  mnl_attr_put_u32(message, IFLA_GROUP, group);
  end(message);
}

void RouteBatch::deleteGroup(uint32_t group) {
  auto message = beginLink("delete a group of links", RTM_DELLINK, 0, 0, false);
  mnl_attr_put_u32(message, IFLA_GROUP, group);
  end(message);
}

void RouteBatch::setNoIpv6Address(int index) {
  static const bool kernelHasIpv6 = access("/proc/net/if_inet6", F_OK) == 0;
  if (!kernelHasIpv6) return;
  auto message = beginLink("turn off IPv6 addresses", RTM_NEWLINK, 0, index, false);
  auto families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
  auto ipv6 = mnl_attr_nest_start(message, AF_INET6);
  mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(message, ipv6);
  mnl_attr_nest_end(message, families);
  end(message);
}

void RouteBatch::setUp(int index) { end(beginLink("set a link up", RTM_NEWLINK, 0, index, true)); }

void RouteBatch::setMasterAndUp(int index, int bridge) {
  auto message = beginLink("add a port to the bridge", RTM_NEWLINK, 0, index, true);
  mnl_attr_put_u32(message, IFLA_MASTER, bridge);
  end(message);
}

void RouteBatch::isolate(int index) {
  auto message = begin("isolate a port of the bridge", RTM_SETLINK, 0);
  auto link = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  link->ifi_family = AF_BRIDGE;
  link->ifi_index = index;
  auto port = mnl_attr_nest_start(message, IFLA_PROTINFO);
  mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, 1);
  mnl_attr_put_u8(message, IFLA_BRPORT_LEARNING, 0);
  mnl_attr_put_u8(message, IFLA_BRPORT_UNICAST_FLOOD, 0);
  mnl_attr_nest_end(message, port);
  end(message);
}

void RouteBatch::addAddress(int index, uint32_t address, int prefix) {
  auto message = begin("add an address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  auto header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
  header->ifa_family = AF_INET;
  header->ifa_prefixlen = prefix;
  header->ifa_index = index;
  mnl_attr_put_u32(message, IFA_LOCAL, htonl(address));
  mnl_attr_put_u32(message, IFA_ADDRESS, htonl(address));
  end(message);
}

void RouteBatch::addNeighbour(int index, uint32_t address, HardwareAddress hardware) {
  auto message = begin("add a neighbour", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  auto neighbour = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
  neighbour->ndm_family = AF_INET;
  neighbour->ndm_ifindex = index;
  neighbour->ndm_state = NUD_PERMANENT;
  mnl_attr_put_u32(message, NDA_DST, htonl(address));
  putHardware(message, NDA_LLADDR, hardware);
  end(message);
}

void RouteBatch::addForwarding(int index, HardwareAddress hardware) {
  auto message = begin("add a forwarding entry", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  auto neighbour = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
  neighbour->ndm_family = AF_BRIDGE;
  neighbour->ndm_ifindex = index;
  neighbour->ndm_state = NUD_NOARP;
  neighbour->ndm_flags = NTF_MASTER;
  putHardware(message, NDA_LLADDR, hardware);
  end(message);
}

RouteSocket::RouteSocket(): socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)) {
  KJ_REQUIRE(socket_ != nullptr, "cannot open a netlink socket", strerror(errno));
  KJ_ON_SCOPE_FAILURE(mnl_socket_close(socket_));
  KJ_REQUIRE(mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) == 0, "cannot bind a netlink socket",
             strerror(errno));
}

RouteSocket::~RouteSocket() { mnl_socket_close(socket_); }

void RouteSocket::run(RouteBatch& batch) {
  uint32_t first = sequence_ + 1;
  for (char* at = batch.bytes_.data(); at < batch.bytes_.data() + batch.used_;) {
    auto message = reinterpret_cast<nlmsghdr*>(at);
    message->nlmsg_seq = ++sequence_;
    at += MNL_ALIGN(message->nlmsg_len);
  }
  KJ_REQUIRE(mnl_socket_sendto(socket_, batch.bytes_.data(), batch.used_) >= 0,
             "netlink send failed", strerror(errno));

  // One acknowledgement for each request, whether it succeeded or not.
  std::string failure;
  int error = 0;
  for (size_t answered = 0; answered < batch.what_.size();) {
    char answer[ANSWER_BYTES_MAX];
    ssize_t bytes = mnl_socket_recvfrom(socket_, answer, sizeof(answer));
    KJ_REQUIRE(bytes > 0, "netlink receive failed", strerror(errno));
    int left = bytes;
    for (auto message = reinterpret_cast<nlmsghdr*>(answer); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_seq < first) continue;
      answered++;
      auto result = static_cast<nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
      if (result != 0 && failure.empty()) {
        failure = batch.what_[message->nlmsg_seq - first];
        error = -result;
      }
    }
  }
  KJ_REQUIRE(failure.empty(), "network set-up failed", failure.c_str(), strerror(error));
}

std::vector<Ipv4Range> RouteSocket::routes() {
  char buffer[ANSWER_BYTES_MAX];
  auto request = mnl_nlmsg_put_header(buffer);
  request->nlmsg_type = RTM_GETROUTE;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = ++sequence_;
  static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)))->rtm_family = AF_INET;
  KJ_REQUIRE(mnl_socket_sendto(socket_, request, request->nlmsg_len) >= 0, "netlink send failed",
             strerror(errno));

  std::vector<Ipv4Range> routes;
  auto addRoute = [](const nlmsghdr* message, void* context) {
    auto route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
    Ipv4Range range{0, route->rtm_dst_len};
    auto addAttribute = [](const nlattr* attribute, void* context) {
      if (mnl_attr_get_type(attribute) == RTA_DST)
        *static_cast<uint32_t*>(context) = ntohl(mnl_attr_get_u32(attribute));
      return MNL_CB_OK;
    };
    mnl_attr_parse(message, sizeof(rtmsg), addAttribute, &range.base);
    static_cast<std::vector<Ipv4Range>*>(context)->push_back(range);
    return MNL_CB_OK;
  };
  int more = MNL_CB_OK;
  while (more > MNL_CB_STOP) {
    ssize_t bytes = mnl_socket_recvfrom(socket_, buffer, sizeof(buffer));
    KJ_REQUIRE(bytes > 0, "netlink receive failed", strerror(errno));
    more = mnl_cb_run(buffer, bytes, sequence_, mnl_socket_get_portid(socket_), addRoute, &routes);
    KJ_REQUIRE(more >= 0, "netlink dump of routes failed", strerror(errno));
  }
  return routes;
}

}  // namespace meridian::container
