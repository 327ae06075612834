#include "tests/integration/server-kill/client.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/debug.h>

#include "schema/node.capnp.h"
#include "tests/integration/server-kill/served-actors.h"

namespace meridian::killed {

namespace {

constexpr unsigned CALLS_TOGETHER = 6;
constexpr int64_t AMOUNT_MAX = 500;

class Connection {
 public:
  explicit Connection(const std::string& socket)
      : io_(kj::setupAsyncIo()),
        stream_(io_.provider->getNetwork()
                    .parseAddress(kj::str("unix:", socket.c_str()))
                    .then([](kj::Own<kj::NetworkAddress>&& address) { return address->connect().attach(kj::mv(address)); })
                    .wait(io_.waitScope)),
        client_(*stream_),
        node_(client_.bootstrap().castAs<schema::Node>()) {}

  Counter::Client counter(unsigned which) { return actor("Counter", which).castAs<Counter>(); }
  Bank::Client bank(unsigned which) { return actor("Bank", which).castAs<Bank>(); }
  kj::WaitScope& waitScope() { return io_.waitScope; }

 private:
  capnp::Capability::Client actor(kj::StringPtr kind, unsigned which) {
    auto request = node_.actorRequest();
    request.setKind(kind);
    request.setName(kj::str(which));
    return request.send().getActor();
  }

  kj::AsyncIoContext io_;
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyClient client_;
  schema::Node::Client node_;
};

class Caller {
 public:
  Caller(Connection& connection, Random random, Goal& goal)
      : connection_(connection), random_(random), goal_(goal) {}

  Books run() {
    kj::Vector<kj::Promise<void>> chains;
    for (unsigned i = 0; i < CALLS_TOGETHER; ++i) chains.add(callOn());
    kj::joinPromises(chains.releaseAsArray()).wait(connection_.waitScope());
    return kj::mv(books_);
  }

 private:
  kj::Promise<void> callOn() {
    return call().then([this](bool isServed) -> kj::Promise<void> {
      if (!isServed) return kj::READY_NOW;
      return callOn();
    });
  }

  // False when the server is gone.
  kj::Promise<bool> call() {
    switch (random_.below(4)) {
      case 0: return transfer();
      case 1: return look();
      default: return add();
    }
  }

  kj::Promise<bool> add() {
    unsigned which = random_.below(COUNTERS);
    return account(books_.counters[which], connection_.counter(which).addRequest().send().then([](auto&& answer) {
      return answer.getValue();
    }));
  }

  kj::Promise<bool> transfer() {
    unsigned which = random_.below(BANKS);
    auto request = connection_.bank(which).transferRequest();
    request.setFrom(random_.below(ACCOUNTS));
    request.setTo(random_.below(ACCOUNTS));
    request.setAmount(1 + random_.below(AMOUNT_MAX));
    return account(books_.banks[which], request.send().then([](auto&& answer) { return answer.getTransfers(); }));
  }

  // Changes nothing; but what it shows must stay.
  kj::Promise<bool> look() {
    unsigned which = random_.below(COUNTERS);
    auto& tally = books_.counters[which];
    return connection_.counter(which).getRequest().send().then(
        [&tally](auto&& answer) {
          tally.seen = kj::max(tally.seen, answer.getValue());
          return true;
        },
        [](kj::Exception&& error) { return expectGone(error); });
  }

  kj::Promise<bool> account(Tally& tally, kj::Promise<uint64_t>&& value) {
    tally.inDoubt += 1;
    return value.then(
        [this, &tally](uint64_t value) {
          tally.inDoubt -= 1;
          tally.acknowledged += 1;
          tally.seen = kj::max(tally.seen, value);
          goal_.acknowledged();
          return true;
        },
        [](kj::Exception&& error) { return expectGone(error); });
  }

  static bool expectGone(const kj::Exception& error) {
    KJ_REQUIRE(error.getType() == kj::Exception::Type::DISCONNECTED, "a call has failed, and the server was not killed", error);
    return false;
  }

  Connection& connection_;
  Random random_;
  Goal& goal_;
  Books books_;
};

uint64_t judge(const Tally& tally, uint64_t value, kj::StringPtr what) {
  if (auto wrong = tally.judge(value)) KJ_FAIL_REQUIRE("a value is wrong", what, wrong->c_str());
  return value;
}

}  // namespace

Books callUntilGone(const std::string& socket, Random random, Goal& goal) {
  kj::Maybe<kj::Own<Connection>> connection;
  KJ_IF_MAYBE(error, kj::runCatchingExceptions([&]() { connection = kj::heap<Connection>(socket); })) {
    KJ_REQUIRE(error->getType() == kj::Exception::Type::DISCONNECTED, *error);
    return {};   // it was killed before we came
  }
  return Caller(*KJ_ASSERT_NONNULL(connection), random, goal).run();
}

void audit(const std::string& socket, Books& books) {
  Connection connection(socket);
  std::vector<uint64_t> counters, banks;
  for (unsigned which = 0; which < COUNTERS; ++which) {
    auto value = connection.counter(which).getRequest().send().wait(connection.waitScope()).getValue();
    counters.push_back(judge(books.counters[which], value, kj::str("counter ", which)));
  }
  for (unsigned which = 0; which < BANKS; ++which) {
    auto found = connection.bank(which).balanceRequest().send().wait(connection.waitScope());
    int64_t sum = 0;
    for (int64_t balance : found.getAccounts()) sum += balance;
    KJ_REQUIRE(sum == ACCOUNTS * OPENING_BALANCE, "a bank has lost or made money", which, sum);
    banks.push_back(judge(books.banks[which], found.getTransfers(), kj::str("bank ", which)));
  }
  books.closeAt(counters, banks);
}

}  // namespace meridian::killed
