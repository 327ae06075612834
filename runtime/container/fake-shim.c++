#include "runtime/container/fake-shim.h"

#include <capnp/serialize.h>
#include <kj/debug.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "runtime/container/shim-client.h"

namespace meridian::container {

FakeShim::FakeShim(const std::string& dir, uint32_t protocol): protocol_(protocol) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto path = dir + "/shim.sock";
  KJ_REQUIRE(path.size() < sizeof(address.sun_path));
  memcpy(address.sun_path, path.c_str(), path.size());
  int fd;
  KJ_SYSCALL(fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  listener_ = kj::AutoCloseFd(fd);
  KJ_SYSCALL(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), path);
  KJ_SYSCALL(listen(fd, 4));
  thread_ = std::thread([this] { serve(); });
}

FakeShim::~FakeShim() {
  shutdown(listener_, SHUT_RDWR);
  disconnect();
  thread_.join();
}

void FakeShim::disconnect() { shutdown(connection_, SHUT_RDWR); }

void FakeShim::serve() {
  for (int socket; (socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    kj::AutoCloseFd owned(socket);
    connection_ = socket;
    alignas(8) kj::byte packet[SHIM_PACKET_MAX];
    for (ssize_t bytes; (bytes = recv(socket, packet, sizeof(packet), 0)) > 0;)
      answer(socket, kj::arrayPtr(packet, bytes));
    connection_ = -1;
  }
}

void FakeShim::answer(int socket, kj::ArrayPtr<kj::byte> packet) {
  auto words = kj::arrayPtr(reinterpret_cast<const capnp::word*>(packet.begin()),
                            packet.size() / sizeof(capnp::word));
  capnp::FlatArrayMessageReader message(words);
  auto request = message.getRoot<schema::ToShim>();
  capnp::MallocMessageBuilder answer;
  auto root = answer.initRoot<schema::FromShim>();
  root.setId(request.getId());
  switch (request.which()) {
    case schema::ToShim::HELLO:
      root.initHello().setProtocol(protocol_);
      break;
    case schema::ToShim::LIST:
      root.initInstances(0);
      break;
    case schema::ToShim::EXITS:
      root.initExits(0);
      break;
    case schema::ToShim::LAUNCH:
      root.initLaunched().setKey(request.getLaunch().getKey());
      root.getLaunched().setStartedAtNs(1);
      break;
    default:
      root.setDone();
  }
  auto bytes = capnp::messageToFlatArray(answer);
  KJ_SYSCALL(send(socket, bytes.begin(), bytes.asBytes().size(), MSG_NOSIGNAL));
}

}  // namespace meridian::container
