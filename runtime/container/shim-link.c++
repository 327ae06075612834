#include "runtime/container/shim-link.h"

#include <kj/debug.h>

namespace meridian::container {

ShimLink::ShimLink(kj::UnixEventPort& port, env::Worker& worker, std::string binary,
                   std::string dir, Owner& owner)
    : port_(port),
      worker_(worker),
      binary_(std::move(binary)),
      dir_(std::move(dir)),
      owner_(owner),
      connected_(nullptr) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  connectedFulfiller_ = kj::mv(paf.fulfiller);
  connected_ = paf.promise.fork();
}

kj::Promise<void> ShimLink::connect() {
  return open().then([this] {
    keeping_ = keep().eagerlyEvaluate([](kj::Exception&& error) { KJ_LOG(ERROR, error); });
  });
}

kj::Promise<ShimClient::Answer> ShimLink::call(kj::Function<void(schema::ToShim::Builder)> fill,
                                               kj::Array<kj::AutoCloseFd> descriptors) {
  return whenConnected().then(
      [this, fill = kj::mv(fill), descriptors = kj::mv(descriptors)]() mutable {
        int numbers[3];
        for (size_t i = 0; i < descriptors.size(); i++) numbers[i] = descriptors[i];
        return KJ_ASSERT_NONNULL(client_)->call(fill, kj::arrayPtr(numbers, descriptors.size()));
      });
}

kj::Promise<void> ShimLink::shutdown() {
  ending_ = true;
  return whenConnected()
      .then([this] {
        auto ended = KJ_ASSERT_NONNULL(client_)->whenProcessEnded();
        return call([](schema::ToShim::Builder to) { to.setShutdown(); })
            .ignoreResult()
            .catch_([](kj::Exception&& error) {
              // A shim that ends with a packet of ours unread resets the connection, and its answer is
              // lost. That it ends is what was asked for.
              if (error.getType() != kj::Exception::Type::DISCONNECTED)
                kj::throwFatalException(kj::mv(error));
            })
            .then([ended = kj::mv(ended)]() mutable { return kj::mv(ended); });
      })
      .then([this] {
        keeping_ = kj::READY_NOW;
        client_ = nullptr;
      });
}

// A shim that runs is used as it is; else one is started.
kj::Promise<void> ShimLink::open() {
  return kj::evalNow([this] { return greet(); })
      .catch_([this](kj::Exception&& error) -> kj::Promise<void> {
        if (error.getType() != kj::Exception::Type::DISCONNECTED) return kj::mv(error);
        return worker_
            .run(env::Urgency::SOON, [binary = binary_, dir = dir_] { startShim(binary, dir); })
            .then([this] { return greet(); });
      });
}

kj::Promise<void> ShimLink::greet() {
  auto& client = *client_.emplace(kj::heap<ShimClient>(
      port_, dir_, [this](schema::FromShim::Reader fact) { owner_.onFact(fact); }));
  return client.hello()
      .then([&client](auto&&) {
        auto requests = kj::heapArrayBuilder<kj::Promise<kj::Vector<ShimClient::Answer>>>(2);
        requests.add(client.callForMany([](schema::ToShim::Builder to) { to.setList(); }));
        requests.add(client.callForMany([](schema::ToShim::Builder to) { to.setExits(0); }));
        return kj::joinPromises(requests.finish());
      })
      .then([this](auto&& answers) {
        owner_.takeStock(answers[0], answers[1]);
        connectedFulfiller_->fulfill();
      });
}

kj::Promise<void> ShimLink::keep() {
  return KJ_ASSERT_NONNULL(client_)->whenLost().then(
      [this](kj::Exception&& why) -> kj::Promise<void> {
        if (ending_) return kj::READY_NOW;
        KJ_LOG(WARNING, "connecting to the shim again", why.getDescription());
        auto paf = kj::newPromiseAndFulfiller<void>();
        connectedFulfiller_ = kj::mv(paf.fulfiller);
        connected_ = paf.promise.fork();
        return reconnect().then([this] { return keep(); });
      });
}

kj::Promise<void> ShimLink::reconnect() {
  return open().catch_([this](kj::Exception&& error) {
    KJ_LOG(ERROR, "no shim", error);
    return port_.getTimer().afterDelay(RECONNECT_AFTER).then([this] { return reconnect(); });
  });
}

}  // namespace meridian::container
