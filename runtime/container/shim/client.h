// Client: the one connection that commands the shim, a SOCK_SEQPACKET Unix socket. What it does not read piles up to a bound,
// then it is dropped: it reconnects and asks for what it missed (`list`, `exits`).
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include <kj/array.h>
#include <kj/io.h>

#include "runtime/container/shim/event-loop.h"
#include "runtime/container/shim/packet.h"

namespace meridian::shim {

inline constexpr size_t CLIENT_QUEUE_MAX = 4 * 1024 * 1024;  // bytes not yet taken by the client

class Client {
 public:
  using Descriptors = std::vector<kj::AutoCloseFd>;

  struct Handlers {
    // A whole packet. `fits` is false if it was cut at PACKET_MAX or at DESCRIPTORS_MAX.
    std::function<void(kj::ArrayPtr<const kj::byte> bytes, Descriptors descriptors, bool fits)> received;
    // Disconnected, or too slow. The client may be destroyed after the present batch of events, not before.
    std::function<void(const char* why)> lost;
  };

  // `socket` is non-blocking.
  Client(EventLoop& loop, kj::AutoCloseFd socket, Handlers handlers);
  ~Client();
  KJ_DISALLOW_COPY(Client);

  void send(Packet packet);

  // Nothing is received or handled any more.
  void close();

 private:
  EventLoop& loop_;
  kj::AutoCloseFd socket_;
  Handlers handlers_;
  EventLoop::Token token_;
  kj::Array<kj::byte> buffer_;
  std::deque<Packet> queue_;
  size_t queuedBytes_ = 0;
  bool blocked_ = false;  // the kernel takes no more for now
  bool closed_ = false;

  void receive();
  void flush();
  void lose(const char* why);
};

}  // namespace meridian::shim
