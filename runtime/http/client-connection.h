// ClientConnection: one client's connection, from accept to close: reads a head, judges it, finds the container, has
// the request forwarded, and goes on with the next. Pipelined requests wait in the buffer and are answered in order.
#pragma once

#include <kj/async-io.h>

#include <string>

#include "runtime/http/proxy.h"
#include "runtime/http/route-table.h"

namespace meridian::http {

class ClientConnection {
 public:
  // `peer` is the client's address without its port.
  ClientConnection(kj::Own<kj::AsyncIoStream> stream, std::string peer, const RouteTable& routes,
                   ProxyContext& context);
  KJ_DISALLOW_COPY(ClientConnection);

  // Resolves when the connection is to be closed, by destroying this. Called once.
  kj::Promise<void> serve();

  // Instead of serve(): answers with this problem and closes at once.
  kj::Promise<void> turnAway(const Problem& problem);

 private:
  kj::Promise<void> refuse(const Problem& problem);
  kj::Promise<void> readHead();
  kj::Promise<void> awaitHead();
  void skipEmptyLine();
  kj::Promise<void> onHead(std::string_view bytes);
  kj::Promise<void> onRequest(const RequestHead& head, size_t headBytes);
  kj::Promise<void> checkBodyStart(ProxiedRequest request);
  kj::Promise<void> pass(ProxiedRequest request);
  kj::Promise<void> onFate(ClientFate fate);
  kj::Promise<void> linger();
  kj::Promise<void> discard(size_t bytesLeft);
  void resetOnClose();

  kj::Own<kj::AsyncIoStream> stream_;
  BufferedInput input_;
  std::string peer_;
  const RouteTable& routes_;
  ProxyContext& context_;

  HeadScanner scanner_;
  kj::Maybe<Duration> headDeadline_;  // monotonic; from the head's first byte on
  bool firstRequest_ = true;
};

}  // namespace meridian::http
