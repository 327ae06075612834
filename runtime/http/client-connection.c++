#include "runtime/http/client-connection.h"

#include <kj/debug.h>
#include <sys/socket.h>

#include "runtime/http/chunked-body.h"
#include "runtime/http/forward-head.h"

namespace meridian::http {

namespace {

Problem tooLarge() {
  return {.status = 431,
          .code = "head-too-large",
          .message = "the head is larger than " + std::to_string(HEAD_MAX) + " bytes"};
}

Problem tooSlow() { return {.status = 408, .code = "head-timeout", .message = "the head did not come in time"}; }

Problem noRoute(std::string_view target) {
  return {.status = 404,
          .code = "no-route",
          .message = "no route matches " + std::string(target.substr(0, target.find('?')))};
}

Problem badId(std::string_view segment) {
  return {.status = 400,
          .code = "bad-id",
          .message = "\"" + std::string(segment) + "\" is not an ID: it must be 1 to " +
                     std::to_string(NAME_MAX_BYTES) +
                     " of [A-Za-z0-9._~-] after percent-decoding, and neither \".\" nor \"..\""};
}

}  // namespace

ClientConnection::ClientConnection(kj::Own<kj::AsyncIoStream> stream, std::string peer, const RouteTable& routes,
                                   ProxyContext& context)
    : stream_(kj::mv(stream)), input_(*stream_), peer_(std::move(peer)), routes_(routes), context_(context) {}

kj::Promise<void> ClientConnection::serve() { return readHead(); }

kj::Promise<void> ClientConnection::turnAway(const Problem& problem) {
  return answer(context_, *stream_, problem, Persistence::CLOSE, AnswerBody::SENT).ignoreResult();
}

kj::Promise<void> ClientConnection::refuse(const Problem& problem) {
  return answer(context_, *stream_, problem, Persistence::CLOSE, AnswerBody::SENT).then([this](ClientFate fate) {
    return onFate(fate);
  });
}

// =======================================================================================
// Heads

kj::Promise<void> ClientConnection::readHead() {
  skipEmptyLine();
  auto bytes = input_.bytes();
  switch (scanner_.scan(bytes)) {
    case HeadScanner::Found::END: return onHead(bytes.substr(0, scanner_.end()));
    case HeadScanner::Found::REFUSED:
      return refuse({.status = 400, .code = "bad-head", .message = std::string("the head has ") + scanner_.problem()});
    case HeadScanner::Found::MORE: break;
  }
  if (input_.full()) return refuse(tooLarge());
  if (input_.ended()) return kj::READY_NOW;
  return awaitHead();
}

// Some clients send an empty line after a body; one is skipped (RFC 9112, 2.2).
void ClientConnection::skipEmptyLine() {
  if (!firstRequest_ && headDeadline_ == nullptr && input_.bytes().starts_with("\r\n")) input_.consume(2);
}

kj::Promise<void> ClientConnection::awaitHead() {
  auto now = context_.clock.monotonic();
  bool begun = !input_.bytes().empty();
  if (begun && headDeadline_ == nullptr) headDeadline_ = now + context_.limits.headTimeout;
  auto wait = context_.limits.keepAliveTimeout;
  KJ_IF_MAYBE(deadline, headDeadline_) wait = std::max(Duration(0), *deadline - now);

  auto timeout = context_.clock.after(wait).then([]() { return false; });
  return input_.more()
      .then([]() { return true; })
      .exclusiveJoin(kj::mv(timeout))
      .then([this, begun](bool came) -> kj::Promise<void> {
        if (came) return readHead();
        return begun ? refuse(tooSlow()) : kj::READY_NOW;
      });
}

kj::Promise<void> ClientConnection::onHead(std::string_view bytes) {
  scanner_ = HeadScanner();
  headDeadline_ = nullptr;
  firstRequest_ = false;
  ++context_.counters.requests;
  auto parsed = parseRequestHead(bytes);
  if (auto* refusal = std::get_if<HeadRefusal>(&parsed)) return refuse(problemOf(*refusal));
  return onRequest(std::get<RequestHead>(parsed), bytes.size());
}

// =======================================================================================
// Requests

kj::Promise<void> ClientConnection::onRequest(const RequestHead& head, size_t headBytes) {
  auto decline = [&](const Problem& problem) {
    bool keep = head.keepAlive && head.framing.kind == Framing::Kind::NONE;
    input_.consume(headBytes);
    return answer(context_, *stream_, problem, keep ? Persistence::KEEP_ALIVE : Persistence::CLOSE,
                  head.method == "HEAD" ? AnswerBody::OMITTED : AnswerBody::SENT)
        .then([this](ClientFate fate) { return onFate(fate); });
  };
  if (head.wantsWebSocket)
    return decline({.status = 501, .code = "not-implemented", .message = "WebSocket is not supported yet"});

  auto found = routes_.find(head.target);
  if (std::holds_alternative<NoRoute>(found)) return decline(noRoute(head.target));
  if (auto* bad = std::get_if<BadId>(&found)) return decline(badId(bad->segment));

  ProxiedRequest request{
      .container = std::get<ContainerId>(std::move(found)),
      .head = forwardedRequest(head, peer_),
      .framing = head.framing,
      .version = head.version,
      .keepAlive = head.keepAlive,
      .isHead = head.method == "HEAD",
      .expectsContinue = head.expectsContinue,
      .repeatable = isIdempotent(head.method) && !head.framing.hasBody(),
  };
  input_.consume(headBytes);
  if (request.framing.kind != Framing::Kind::CHUNKED) return pass(kj::mv(request));
  return checkBodyStart(kj::mv(request));
}

// A chunked request whose body is none shall reach no container. Its first size line nearly always comes with the head;
// a client that pauses there (for 100 Continue, or to hear first) is not kept waiting.
kj::Promise<void> ClientConnection::checkBodyStart(ProxiedRequest request) {
  ChunkedBody body;
  std::vector<std::string_view> payload;
  size_t consumed = 0;
  auto taken = body.take(input_.bytes(), payload, consumed);
  if (taken == ChunkedBody::Taken::REFUSED) {
    return refuse({.status = 400, .code = "bad-body", .message = "the request's body is not chunked as it should be"});
  }
  bool known = taken == ChunkedBody::Taken::DONE || body.begun() || input_.ended() || input_.full();
  if (known || (request.expectsContinue && input_.bytes().empty())) return pass(kj::mv(request));
  auto patience = context_.clock.after(context_.limits.firstChunkWait).then([]() { return false; });
  return input_.more()
      .then([]() { return true; })
      .exclusiveJoin(kj::mv(patience))
      .then([this, request = kj::mv(request)](bool came) mutable {
        return came ? checkBodyStart(kj::mv(request)) : pass(kj::mv(request));
      });
}

kj::Promise<void> ClientConnection::pass(ProxiedRequest request) {
  return forward(context_, {*stream_, input_}, kj::mv(request))
      .then([this](ClientFate fate) { return onFate(fate); },
            [](kj::Exception&& exception) {
              KJ_LOG(ERROR, "request-failed", exception);
              return kj::Promise<void>(kj::READY_NOW);
            });
}

// =======================================================================================
// After an answer

kj::Promise<void> ClientConnection::onFate(ClientFate fate) {
  switch (fate) {
    case ClientFate::KEEP: return readHead();
    case ClientFate::LINGER: return linger();
    case ClientFate::RESET: resetOnClose(); break;
    case ClientFate::CLOSE: break;
  }
  return kj::READY_NOW;
}

// Closing while the client still sends would reset the connection and could take the answer with it before the client
// has read it.
kj::Promise<void> ClientConnection::linger() {
  kj::runCatchingExceptions([this]() { stream_->shutdownWrite(); });
  return discard(context_.limits.lingerBytesMax).exclusiveJoin(context_.clock.after(context_.limits.lingerTimeout));
}

kj::Promise<void> ClientConnection::discard(size_t bytesLeft) {
  auto count = input_.bytes().size();
  input_.consume(count);
  if (input_.ended() || count >= bytesLeft) return kj::READY_NOW;
  return input_.more().then([this, bytesLeft, count]() { return discard(bytesLeft - count); });
}

void ClientConnection::resetOnClose() {
  struct linger discardUnsent {
    .l_onoff = 1, .l_linger = 0
  };
  kj::runCatchingExceptions(
      [&]() { stream_->setsockopt(SOL_SOCKET, SO_LINGER, &discardUnsent, sizeof(discardUnsent)); });
}

bool isIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" || method == "PUT" ||
         method == "DELETE";
}

}  // namespace meridian::http
