// ResponseReceiver: the way of one response to the client: interim heads, the final head, then the body. A head is
// passed once it has been judged, together with what there is of the body; a chunked one not before its first chunk
// line was judged too, unless the container pauses there.
#pragma once

#include <string>

#include "runtime/env/clock.h"
#include "runtime/http/body.h"
#include "runtime/http/endpoint-leases.h"
#include "runtime/http/gateway-limits.h"
#include "runtime/http/proxied-request.h"
#include "runtime/http/request-sender.h"

namespace meridian::http {

class ResponseReceiver {
 public:
  ResponseReceiver(const ProxiedRequest& request, kj::AsyncOutputStream& client, Upstream& upstream,
                   RequestSender& sender, EndpointUse& use, env::Clock& clock, const Limits& limits);
  KJ_DISALLOW_COPY(ResponseReceiver);

  enum class End {
    COMPLETE,
    CLOSED,    // the container has closed before the first byte of a response
    BAD_HEAD,  // what came is no response; problem() says why. The client has seen nothing of it
    CUT,       // the container broke off, or broke the rules, after the head was passed
    CLIENT_GONE,
  };

  kj::Promise<End> run();

  const std::string& problem() const { return problem_; }

  // Something was written, or is being written, that no own answer may follow.
  bool clientTouched() const { return writing_ || headPassed_; }

  // After COMPLETE: whether each side may carry another exchange, as far as the response goes.
  bool keepsClient() const { return !closesClient_; }
  bool keepsUpstream() const { return keepsUpstream_; }

  // Whether the client takes the end of its connection for the end of the body.
  bool endsWithConnection() const { return endsWithConnection_; }

 private:
  kj::Promise<End> readHead();
  kj::Promise<End> awaitHead();
  kj::Promise<End> awaitRestOfHead();
  kj::Promise<End> onHead(std::string_view bytes);
  kj::Promise<End> passInterim(const ResponseHead& head);
  kj::Promise<End> sayContinue();
  void startResponse(const ResponseHead& head);
  kj::Promise<End> passBody();
  kj::Promise<End> awaitFirstChunk();
  kj::Promise<End> onEnded();
  kj::Promise<End> refuse(std::string problem);

  // Writes and then goes on with `next`; CLIENT_GONE when it cannot.
  template <typename Next>
  kj::Promise<End> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces, Next next);

  const ProxiedRequest& request_;
  kj::AsyncOutputStream& client_;
  Upstream& upstream_;
  RequestSender& sender_;
  EndpointUse& use_;
  env::Clock& clock_;
  const Limits& limits_;

  HeadScanner scanner_;
  kj::Maybe<Duration> headDeadline_;  // monotonic; from a head's first byte on
  std::string problem_;
  int interims_ = 0;
  bool continued_ = false;  // the client has got its 100 Continue
  std::string head_;        // as the client gets it, or an interim one
  std::optional<Body> body_;
  bool untilClose_ = false;  // the container's framing
  std::vector<kj::ArrayPtr<const kj::byte>> pieces_;
  bool firstChunkWaited_ = false;
  bool writing_ = false;
  bool headPassed_ = false;
  bool closesClient_ = false;
  bool keepsUpstream_ = false;
  bool endsWithConnection_ = false;
};

}  // namespace meridian::http
