// RequestSender: the way of one request to the container: its head, then its body as the client sends it. What the
// client sent already goes with the head in one write. Back-pressure is the absence of a read: the next batch is read
// when the last was written.
#pragma once

#include "runtime/env/clock.h"
#include "runtime/http/body.h"
#include "runtime/http/endpoint-leases.h"
#include "runtime/http/gateway-limits.h"
#include "runtime/http/proxied-request.h"

namespace meridian::http {

class RequestSender {
 public:
  RequestSender(const ProxiedRequest& request, BufferedInput& client, Upstream& upstream, EndpointUse& use,
                env::Clock& clock, const Limits& limits);
  KJ_DISALLOW_COPY(RequestSender);

  enum class End {
    SENT,
    UPSTREAM_BROKEN,  // the container takes no more; it may still have answered
    CLIENT_GONE,
    CLIENT_SLOW,  // no byte of the body within the time-out
    BAD_BODY,     // a chunked body that is none
  };

  kj::Promise<End> run();

  // Of the body; the head goes by itself.
  bool bodyStarted() const { return bodyStarted_; }
  bool done() const { return done_; }
  bool broken() const { return broken_; }

  // The response has started: from then on the client may take its time.
  void setAnswered() { answered_ = true; }

 private:
  kj::Promise<End> sendNext();
  kj::Promise<End> goOn(Body::Taken taken);

  const ProxiedRequest& request_;
  BufferedInput& client_;
  Upstream& upstream_;
  EndpointUse& use_;
  env::Clock& clock_;
  const Limits& limits_;
  Body body_;
  std::vector<kj::ArrayPtr<const kj::byte>> pieces_;
  bool headSent_ = false;
  bool bodyStarted_ = false;
  bool done_ = false;
  bool broken_ = false;
  bool answered_ = false;
};

}  // namespace meridian::http
