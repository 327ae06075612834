#include "runtime/http/request-sender.h"

namespace meridian::http {

namespace {

Body::Output outputOf(Framing framing) {
  return framing.kind == Framing::Kind::CHUNKED ? Body::Output::CHUNKED : Body::Output::RAW;
}

}  // namespace

RequestSender::RequestSender(const ProxiedRequest& request, BufferedInput& client, Upstream& upstream, EndpointUse& use,
                             env::Clock& clock, const Limits& limits)
    : request_(request),
      client_(client),
      upstream_(upstream),
      use_(use),
      clock_(clock),
      limits_(limits),
      body_(request.framing, outputOf(request.framing)) {}

kj::Promise<RequestSender::End> RequestSender::run() { return sendNext(); }

kj::Promise<RequestSender::End> RequestSender::sendNext() {
  auto taken = body_.take(client_.bytes());
  if (taken == Body::Taken::REFUSED) return End::BAD_BODY;
  bodyStarted_ |= body_.consumed() > 0;
  pieces_.clear();
  if (!headSent_) pieces_.push_back(asBytes(request_.head));
  pieces_.insert(pieces_.end(), body_.pieces().begin(), body_.pieces().end());
  if (pieces_.empty()) return goOn(taken);
  return kj::evalNow([this]() {
           return upstream_.stream->write({pieces_.data(), pieces_.size()});
         })
      .then(
          [this, taken]() -> kj::Promise<End> {
            headSent_ = true;
            use_.touch();
            return goOn(taken);
          },
          [this](kj::Exception&&) -> kj::Promise<End> {
            broken_ = true;
            return End::UPSTREAM_BROKEN;
          });
}

kj::Promise<RequestSender::End> RequestSender::goOn(Body::Taken taken) {
  client_.consume(body_.consumed());
  if (taken == Body::Taken::DONE) {
    done_ = true;
    return End::SENT;
  }
  if (client_.ended()) return End::CLIENT_GONE;
  auto timeout = clock_.after(limits_.bodyIdleTimeout).then([this]() -> kj::Promise<bool> {
    // An answered client is not hurried.
    return answered_ ? kj::Promise<bool>(kj::NEVER_DONE) : kj::Promise<bool>(false);
  });
  return client_.more()
      .then([]() { return true; })
      .exclusiveJoin(kj::mv(timeout))
      .then([this](bool came) -> kj::Promise<End> { return came ? sendNext() : kj::Promise<End>(End::CLIENT_SLOW); });
}

}  // namespace meridian::http
