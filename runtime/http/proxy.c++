#include "runtime/http/proxy.h"

#include <kj/debug.h>

#include "runtime/http/request-sender.h"
#include "runtime/http/response-receiver.h"

namespace meridian::http {

namespace {

class Exchange {
 public:
  Exchange(ProxyContext& context, ClientSide client, ProxiedRequest request)
      : context_(context), client_(client), request_(kj::mv(request)) {}
  KJ_DISALLOW_COPY(Exchange);

  kj::Promise<ClientFate> attempt();

 private:
  kj::Promise<ClientFate> withUse(kj::Own<EndpointUse> use);
  kj::Promise<ClientFate> converse(kj::Own<Upstream> upstream);
  kj::Promise<void> watchSender(RequestSender::End end);
  void abort(kj::Maybe<Problem> problem);
  kj::Promise<ClientFate> onReceived(ResponseReceiver::End end);
  kj::Promise<ClientFate> onComplete();
  ClientFate settle();
  kj::Promise<ClientFate> onAborted();
  kj::Promise<ClientFate> retryOr(Problem problem);
  kj::Promise<ClientFate> respond(Problem problem);
  kj::Promise<void> clientGone();
  Problem problem(int status, const char* code, const std::string& message);
  void dropConversation();

  ProxyContext& context_;
  ClientSide client_;
  const ProxiedRequest request_;
  int attempts_ = 0;

  // One attempt's, from the lease on; torn down in the reverse order.
  kj::Own<EndpointUse> use_;
  kj::Own<Upstream> upstream_;
  kj::Maybe<RequestSender> sender_;
  kj::Maybe<ResponseReceiver> receiver_;
  kj::Own<kj::PromiseFulfiller<bool>> abort_;
  kj::Maybe<Problem> abortProblem_;  // what the client is told, if it is told
  ResponseReceiver::End received_{};
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> bodyEnded_;
  kj::Promise<void> sending_ = nullptr;
};

kj::Promise<ClientFate> Exchange::attempt() {
  if (++attempts_ > 1) ++context_.counters.repeated;
  KJ_IF_MAYBE(use, context_.leases.tryUse(request_.container)) return withUse(kj::mv(*use));

  auto left = clientGone().then([]() { return EndpointLeases::Outcome(); });
  return context_.leases.use(request_.container)
      .exclusiveJoin(kj::mv(left))
      .then([this](EndpointLeases::Outcome outcome) -> kj::Promise<ClientFate> {
        KJ_IF_MAYBE(problem, outcome.problem) return respond(kj::mv(**problem));
        KJ_IF_MAYBE(use, outcome.use) return withUse(kj::mv(*use));
        return ClientFate::CLOSE;
      });
}

kj::Promise<ClientFate> Exchange::withUse(kj::Own<EndpointUse> use) {
  use_ = kj::mv(use);
  // A second attempt is not made on a kept connection: it may be as dead as the first.
  if (attempts_ == 1) {
    const auto& limits = context_.limits;
    KJ_IF_MAYBE(upstream, use_->takeIdle(request_.repeatable ? limits.upstreamIdleTimeout : limits.upstreamFreshFor)) {
      return converse(kj::mv(*upstream));
    }
  }
  auto connected =
      use_->connect().then([](kj::Own<Upstream> upstream) -> kj::Maybe<kj::Own<Upstream>> { return kj::mv(upstream); },
                           [](kj::Exception&&) -> kj::Maybe<kj::Own<Upstream>> { return nullptr; });
  return connected.then([this](kj::Maybe<kj::Own<Upstream>> upstream) -> kj::Promise<ClientFate> {
    KJ_IF_MAYBE(connection, upstream) return converse(kj::mv(*connection));
    use_->unreachable();
    return retryOr(problem(502, "upstream-unreachable", "the container does not accept connections"));
  });
}

kj::Promise<ClientFate> Exchange::converse(kj::Own<Upstream> upstream) {
  upstream_ = kj::mv(upstream);
  auto& sender = sender_.emplace(request_, client_.input, *upstream_, *use_, context_.clock, context_.limits);
  auto& receiver =
      receiver_.emplace(request_, client_.output, *upstream_, sender, *use_, context_.clock, context_.limits);
  auto aborted = kj::newPromiseAndFulfiller<bool>();
  abort_ = kj::mv(aborted.fulfiller);
  sending_ = sender.run().then([this](RequestSender::End end) { return watchSender(end); }).eagerlyEvaluate(nullptr);
  auto received = receiver.run().then([this](ResponseReceiver::End end) {
    received_ = end;
    return true;
  });
  return received.exclusiveJoin(kj::mv(aborted.promise)).then([this](bool received) {
    return received ? onReceived(received_) : onAborted();
  });
}

void Exchange::abort(kj::Maybe<Problem> problem) {
  abortProblem_ = kj::mv(problem);
  abort_->fulfill(false);
}

// The request's side decides alone only when the client fails; else the response does.
kj::Promise<void> Exchange::watchSender(RequestSender::End end) {
  switch (end) {
    case RequestSender::End::SENT:
      KJ_IF_MAYBE(bodyEnded, bodyEnded_) (*bodyEnded)->fulfill();
      return clientGone().then([this]() { abort(nullptr); });
    case RequestSender::End::UPSTREAM_BROKEN: return clientGone().then([this]() { abort(nullptr); });
    case RequestSender::End::CLIENT_GONE: abort(nullptr); break;
    case RequestSender::End::CLIENT_SLOW:
      abort(Problem{.status = 408, .code = "body-timeout", .message = "the request's body stopped coming"});
      break;
    case RequestSender::End::BAD_BODY:
      abort(Problem{.status = 400, .code = "bad-body", .message = "the request's body is not chunked as it should be"});
      break;
  }
  return kj::READY_NOW;
}

// Resolves when the client has ended its side, which counts as leaving. A client that has sent further requests up to
// the buffer's size is watched no more.
kj::Promise<void> Exchange::clientGone() {
  if (client_.input.ended()) return kj::READY_NOW;
  if (client_.input.full()) return kj::NEVER_DONE;
  return client_.input.more().then([this]() { return clientGone(); });
}

kj::Promise<ClientFate> Exchange::onReceived(ResponseReceiver::End end) {
  auto& receiver = KJ_ASSERT_NONNULL(receiver_);
  switch (end) {
    case ResponseReceiver::End::COMPLETE: return onComplete();
    case ResponseReceiver::End::CLOSED: {
      bool again = upstream_->reused && request_.repeatable;
      auto closed = problem(502, "upstream-closed", "the container closed the connection without an answer");
      return again ? retryOr(kj::mv(closed)) : respond(kj::mv(closed));
    }
    case ResponseReceiver::End::BAD_HEAD:
      return respond(problem(502, "bad-response", "the container's response is malformed: " + receiver.problem()));
    case ResponseReceiver::End::CUT:
    case ResponseReceiver::End::CLIENT_GONE: return onAborted();
  }
  KJ_UNREACHABLE;
}

// A container may answer before it has read the whole request; what is left of the body is still passed, for a while.
kj::Promise<ClientFate> Exchange::onComplete() {
  auto& sender = KJ_ASSERT_NONNULL(sender_);
  auto& receiver = KJ_ASSERT_NONNULL(receiver_);
  bool waitsForBody = !sender.done() && !sender.broken() && receiver.keepsClient() && receiver.keepsUpstream();
  if (!waitsForBody) return settle();

  auto paf = kj::newPromiseAndFulfiller<void>();
  bodyEnded_ = kj::mv(paf.fulfiller);
  auto upstreamEnded = upstream_->input.full() ? kj::Promise<void>(kj::READY_NOW) : upstream_->input.more();
  return paf.promise.exclusiveJoin(context_.clock.after(context_.limits.lateBodyTimeout))
      .exclusiveJoin(kj::mv(upstreamEnded))
      .then([this]() { return settle(); });
}

ClientFate Exchange::settle() {
  auto& sender = KJ_ASSERT_NONNULL(sender_);
  auto& receiver = KJ_ASSERT_NONNULL(receiver_);
  bool upstreamClean =
      sender.done() && receiver.keepsUpstream() && upstream_->input.bytes().empty() && !upstream_->input.ended();
  bool clientClean = sender.done() && receiver.keepsClient();
  sending_ = nullptr;
  if (upstreamClean) use_->giveBack(kj::mv(upstream_));
  return clientClean ? ClientFate::KEEP : ClientFate::LINGER;
}

kj::Promise<ClientFate> Exchange::onAborted() {
  auto& receiver = KJ_ASSERT_NONNULL(receiver_);
  KJ_IF_MAYBE(problem, abortProblem_) {
    if (!receiver.clientTouched()) return respond(kj::mv(*problem));
  }
  ++context_.counters.aborted;
  return receiver.endsWithConnection() ? ClientFate::RESET : ClientFate::CLOSE;
}

kj::Promise<ClientFate> Exchange::retryOr(Problem problem) {
  if (attempts_ >= context_.limits.attemptsMax) return respond(kj::mv(problem));
  // The use ends before the supervisor is asked: it may be waiting for just that.
  dropConversation();
  if (attempts_ == 1) return attempt();
  auto left = clientGone().then([]() { return false; });
  auto waited = context_.clock.after(context_.limits.attemptBackoff).then([]() { return true; });
  return waited.exclusiveJoin(kj::mv(left)).then([this](bool stays) {
    return stays ? attempt() : kj::Promise<ClientFate>(ClientFate::CLOSE);
  });
}

kj::Promise<ClientFate> Exchange::respond(Problem problem) {
  dropConversation();
  // With a body still to come, where the next request would start is unknown.
  auto persistence =
      request_.keepAlive && request_.framing.kind == Framing::Kind::NONE ? Persistence::KEEP_ALIVE : Persistence::CLOSE;
  return answer(context_, client_.output, problem, persistence,
                request_.isHead ? AnswerBody::OMITTED : AnswerBody::SENT);
}

Problem Exchange::problem(int status, const char* code, const std::string& message) {
  return {.status = status, .code = code, .message = message, .container = request_.container};
}

void Exchange::dropConversation() {
  sending_ = nullptr;
  receiver_ = nullptr;
  sender_ = nullptr;
  upstream_ = nullptr;
  use_ = nullptr;
}

}  // namespace

kj::Promise<ClientFate> forward(ProxyContext& context, ClientSide client, ProxiedRequest request) {
  auto exchange = kj::heap<Exchange>(context, client, kj::mv(request));
  auto fate = exchange->attempt();
  return fate.attach(kj::mv(exchange));
}

kj::Promise<ClientFate> answer(ProxyContext& context, kj::AsyncOutputStream& output, const Problem& problem,
                               Persistence persistence, AnswerBody body) {
  ++context.counters.problems[problem.code];
  auto text = kj::heap<std::string>(answerOf(problem, persistence, body));
  auto written = kj::evalNow([&]() { return output.write(text->data(), text->size()); });
  return written
      .then([persistence]() { return persistence == Persistence::KEEP_ALIVE ? ClientFate::KEEP : ClientFate::LINGER; },
            [](kj::Exception&&) { return ClientFate::CLOSE; })
      .attach(kj::mv(text));
}

}  // namespace meridian::http
