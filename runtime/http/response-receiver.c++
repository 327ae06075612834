#include "runtime/http/response-receiver.h"

#include <kj/debug.h>

#include <algorithm>

#include "runtime/http/forward-head.h"

namespace meridian::http {

ResponseReceiver::ResponseReceiver(const ProxiedRequest& request, kj::AsyncOutputStream& client, Upstream& upstream,
                                   RequestSender& sender, EndpointUse& use, env::Clock& clock, const Limits& limits)
    : request_(request),
      client_(client),
      upstream_(upstream),
      sender_(sender),
      use_(use),
      clock_(clock),
      limits_(limits) {}

kj::Promise<ResponseReceiver::End> ResponseReceiver::run() { return readHead(); }

template <typename Next>
kj::Promise<ResponseReceiver::End> ResponseReceiver::write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces,
                                                           Next next) {
  writing_ = true;
  return kj::evalNow([&]() { return client_.write(pieces); })
      .then(
          [this, next = kj::mv(next)]() mutable -> kj::Promise<End> {
            writing_ = false;
            use_.touch();
            return next();
          },
          [](kj::Exception&&) -> kj::Promise<End> { return End::CLIENT_GONE; });
}

// =======================================================================================
// Heads

kj::Promise<ResponseReceiver::End> ResponseReceiver::readHead() {
  auto bytes = upstream_.input.bytes();
  switch (scanner_.scan(bytes)) {
    case HeadScanner::Found::END: return onHead(bytes.substr(0, scanner_.end()));
    case HeadScanner::Found::REFUSED: return refuse(std::string("its head has ") + scanner_.problem());
    case HeadScanner::Found::MORE: break;
  }
  if (!mayBeResponse(bytes)) return refuse("it does not begin with HTTP/1");
  if (upstream_.input.full()) return refuse("its head is larger than " + std::to_string(HEAD_MAX) + " bytes");
  if (upstream_.input.ended()) {
    if (bytes.empty() && interims_ == 0) return End::CLOSED;
    return refuse("it ended within its head");
  }
  return awaitHead();
}

kj::Promise<ResponseReceiver::End> ResponseReceiver::awaitHead() {
  if (!upstream_.input.bytes().empty()) return awaitRestOfHead();
  // A container that ignores `Expect` would leave the client waiting: after a while the gateway asks for the body
  // itself.
  bool clientWaits = request_.expectsContinue && !continued_ && !sender_.bodyStarted();
  if (!clientWaits) return upstream_.input.more().then([this]() { return readHead(); });
  auto patience = clock_.after(limits_.continueWait).then([]() { return false; });
  return upstream_.input.more().then([]() { return true; }).exclusiveJoin(kj::mv(patience)).then([this](bool came) {
    return came ? readHead() : sayContinue();
  });
}

// A container may think as long as it likes, but not in the middle of a head.
kj::Promise<ResponseReceiver::End> ResponseReceiver::awaitRestOfHead() {
  auto now = clock_.monotonic();
  if (headDeadline_ == nullptr) headDeadline_ = now + limits_.headTimeout;
  auto timeout =
      clock_.after(std::max(Duration(0), KJ_ASSERT_NONNULL(headDeadline_) - now)).then([]() { return false; });
  return upstream_.input.more().then([]() { return true; }).exclusiveJoin(kj::mv(timeout)).then([this](bool came) {
    return came ? readHead() : refuse("its head did not come in time");
  });
}

kj::Promise<ResponseReceiver::End> ResponseReceiver::sayContinue() {
  continued_ = true;
  pieces_ = {asBytes("HTTP/1.1 100 Continue\r\n\r\n")};
  return write({pieces_.data(), pieces_.size()}, [this]() { return readHead(); });
}

kj::Promise<ResponseReceiver::End> ResponseReceiver::onHead(std::string_view bytes) {
  auto parsed = parseResponseHead(bytes, request_.isHead ? AnswerTo::HEAD : AnswerTo::OTHER);
  if (auto* refusal = std::get_if<HeadRefusal>(&parsed)) return refuse(refusal->message);
  const auto& head = std::get<ResponseHead>(parsed);
  if (head.status < 200) return passInterim(head);
  startResponse(head);
  upstream_.input.consume(bytes.size());
  return passBody();
}

kj::Promise<ResponseReceiver::End> ResponseReceiver::passInterim(const ResponseHead& head) {
  if (++interims_ > limits_.interimResponsesMax) return refuse("it has too many interim responses");
  bool again = head.status == 100 && continued_;
  continued_ |= head.status == 100;
  head_ = forwardedInterim(head);
  upstream_.input.consume(scanner_.end());
  scanner_ = HeadScanner();
  headDeadline_ = nullptr;
  if (again || request_.version == Version::HTTP_1_0) return readHead();
  pieces_ = {asBytes(head_)};
  return write({pieces_.data(), pieces_.size()}, [this]() { return readHead(); });
}

void ResponseReceiver::startResponse(const ResponseHead& head) {
  bool unknownLength = head.framing.kind == Framing::Kind::CHUNKED || head.framing.kind == Framing::Kind::UNTIL_CLOSE;
  bool chunked = unknownLength && request_.version == Version::HTTP_1_1;
  endsWithConnection_ = unknownLength && !chunked;
  untilClose_ = head.framing.kind == Framing::Kind::UNTIL_CLOSE;
  // A client that was refused before it sent its body may send it or not: its next bytes could be either.
  bool bodyInDoubt = request_.expectsContinue && !continued_ && !sender_.bodyStarted();
  closesClient_ = !request_.keepAlive || endsWithConnection_ || bodyInDoubt;
  keepsUpstream_ = head.keepAlive;
  head_ = forwardedResponse(head, {.chunked = chunked, .close = closesClient_});
  body_.emplace(head.framing, chunked ? Body::Output::CHUNKED : Body::Output::RAW);
}

kj::Promise<ResponseReceiver::End> ResponseReceiver::refuse(std::string problem) {
  problem_ = std::move(problem);
  return End::BAD_HEAD;
}

// =======================================================================================
// Body

kj::Promise<ResponseReceiver::End> ResponseReceiver::passBody() {
  auto& input = upstream_.input;
  auto taken =
      input.ended() && untilClose_ && !input.failed() ? body_->takeEnd(input.bytes()) : body_->take(input.bytes());
  if (taken == Body::Taken::REFUSED) return headPassed_ ? End::CUT : refuse("its body is not chunked as it should be");
  if (!headPassed_ && !body_->begun() && !firstChunkWaited_) return awaitFirstChunk();

  pieces_.clear();
  if (!headPassed_) pieces_.push_back(asBytes(head_));
  pieces_.insert(pieces_.end(), body_->pieces().begin(), body_->pieces().end());
  auto goOn = [this, taken]() -> kj::Promise<End> {
    upstream_.input.consume(body_->consumed());
    if (taken == Body::Taken::DONE) return End::COMPLETE;
    if (upstream_.input.ended()) return onEnded();
    return upstream_.input.more().then([this]() { return passBody(); });
  };
  if (pieces_.empty()) return goOn();
  headPassed_ = true;
  sender_.setAnswered();
  return write({pieces_.data(), pieces_.size()}, goOn);
}

kj::Promise<ResponseReceiver::End> ResponseReceiver::awaitFirstChunk() {
  if (upstream_.input.ended()) return refuse("it ended before its body");
  auto patience = clock_.after(limits_.firstChunkWait).then([this]() { firstChunkWaited_ = true; });
  return upstream_.input.more().exclusiveJoin(kj::mv(patience)).then([this]() { return passBody(); });
}

// The container has ended, and the body has not.
kj::Promise<ResponseReceiver::End> ResponseReceiver::onEnded() {
  if (untilClose_ && !upstream_.input.failed()) return passBody();
  return End::CUT;
}

}  // namespace meridian::http
