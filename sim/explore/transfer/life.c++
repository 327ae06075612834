#include "sim/explore/transfer/life.h"

#include "sim/world/stored-actor.h"

namespace meridian::explore::transfer {

namespace {

constexpr Duration RETRY = std::chrono::milliseconds(100);

// A disk with these rows, and a term that is above that of every life before.
void restore(sim::SimDisk& disk, const Left& left) {
  for (uint8_t life = 0; life < left.lives; ++life) sim::SimStore opened(disk);
  if (left.rows.empty()) return;
  sim::SimStore store(disk);
  env::WriteSet all;
  all.epoch = store.epoch();
  for (auto& [key, value]: left.rows) all.writes.push_back({key, value});
  store.submit(std::move(all));
  store.flush();
  store.commitPending();
}

struct OnDisk {
  int64_t balance;
  bool hasTaken;
  bool hasArrived;
  std::optional<Leaving> leaving;
};

OnDisk lookAt(const sim::SimDisk& disk, const std::string& account) {
  sim::StoredActor stored(disk, {"Account", account});
  OnDisk found{stored.get<int64_t>(BALANCE_KEY).orDefault(openingBalance(account.c_str())),
               stored.getBytes(takenKey(TRANSFER)).has_value(), stored.getBytes(arrivedKey(TRANSFER)).has_value(), {}};
  KJ_IF_MAYBE(leaving, stored.get<Leaving>(LEAVING_KEY)) found.leaving = *leaving;
  return found;
}

}  // namespace

Life::Life(actor::ActorSystem& system, const Left& left, const Log& log)
    : log_(log), loop_(port_), waitScope_(loop_), clock_(time_), lives_(left.lives), wasTold_(left.wasTold) {
  restore(disk_, left);
  clientShard_ = kj::heap<actor::Shard>(system.caf(), nullptr);
  client_ = kj::heap<rpc::Vat>(*clientShard_);
  store_ = kj::heap<sim::SimStore>(disk_);
  shard_ = kj::heap<actor::Shard>(system.caf(), nullptr);
  directory_ = kj::heap<rpc::RoleDirectory>();
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<AccountActor>(); }));
  host_ = kj::heap<actor::Host>(*shard_, 0, *store_, clock_, Random(1), *directory_, kj::mv(kinds));
  vat_ = kj::heap<rpc::Vat>(*host_);
  fromClient_ = kj::heap<rpc::Peer>(*client_, clock_, [this]() { return client_->dial(*vat_, rpc::Stores::APART); });
  if (!wasTold_) moving_ = moveMoney().eagerlyEvaluate(nullptr);
}

Life::~Life() noexcept(false) {
  moving_ = nullptr;
  reading_ = nullptr;
  fromClient_ = nullptr;
  waitScope_.poll();
  vat_ = nullptr;
  host_ = nullptr;
  directory_ = nullptr;
  shard_ = nullptr;
  client_ = nullptr;
  clientShard_ = nullptr;
}

// Asks again, under the same number, until it is told.
kj::Promise<void> Life::moveMoney() {
  auto request = fromClient_->actor("Account", "a").castAs<Account>().transferRequest();
  request.setId(TRANSFER);
  request.setTo("b");
  request.setAmount(AMOUNT);
  return request.send().then([this](auto&&) -> kj::Promise<void> {
    wasTold_ = true;
    return kj::READY_NOW;
  }, [this](kj::Exception&&) -> kj::Promise<void> { return clock_.after(RETRY).then([this]() { return moveMoney(); }); });
}

kj::Promise<void> Life::readBalance() {
  return fromClient_->actor("Account", "b").castAs<Account>().balanceRequest().send().then([this](auto&& response) {
    balanceTold_ = response.getValue();
    isReading_ = false;
  }, [this](kj::Exception&&) { isReading_ = false; });
}

bool Life::isQuiet() { return !loop_.isRunnable() && !store_->isPending(); }

std::vector<Step> Life::steps() {
  std::vector<Step> steps;
  if (loop_.isRunnable()) steps.push_back(Step::RUN);
  if (store_->isPending()) steps.push_back(Step::COMMIT);
  bool isAtRest = isQuiet() && wasTold_ && !isReading_;
  if (isAtRest) return steps;
  if (steps.empty() && time_.next()) steps.push_back(Step::WAIT);
  steps.push_back(Step::CRASH);
  if (!fullIsNext_) steps.push_back(Step::NO_SPACE);
  if (store_->submitted() > store_->durable() && !store_->isPending()) steps.push_back(Step::FLUSH);
  if (!isReading_) steps.push_back(Step::READ);
  return steps;
}

std::string Life::take(Step step) {
  switch (step) {
    case Step::RUN: loop_.run(1); break;
    case Step::COMMIT:
      store_->commitPending();
      fullIsNext_ = false;
      break;
    case Step::WAIT: time_.advanceTo(*time_.next()); break;
    case Step::CRASH: KJ_FAIL_ASSERT("a crash ends a life");
    case Step::NO_SPACE:
      store_->failNextBatch();
      fullIsNext_ = true;
      break;
    case Step::FLUSH: store_->flush(); break;
    case Step::READ:
      isReading_ = true;
      reading_ = readBalance().eagerlyEvaluate(nullptr);
      break;
  }
  return flaw();
}

Left Life::leaves() const {
  Left left{{}, static_cast<uint8_t>(lives_ + 1), wasTold_};
  for (auto& [key, value]: disk_.contents().rows) left.rows.emplace(key, value);
  return left;
}

std::string Life::flaw() const {
  auto a = lookAt(disk_, "a");
  auto b = lookAt(disk_, "b");
  auto underWay = a.leaving && !b.hasTaken ? a.leaving->amount : 0;
  auto sum = a.balance + b.balance + underWay;
  if (sum != OPENING_BALANCE) return "on disk there are " + std::to_string(sum) + " instead of " + std::to_string(OPENING_BALANCE);
  if (a.hasArrived && !b.hasTaken) return "on disk the money has arrived for who gave it, not for who took it";
  if (wasTold_ && !(a.hasArrived && b.hasTaken)) return "the client was told of a transfer that is not on disk";
  if (balanceTold_ && *balanceTold_ > b.balance) return "a client was told a balance that is not on disk";
  return log_.error();
}

std::string Life::flawAtRest() const {
  auto a = lookAt(disk_, "a");
  auto b = lookAt(disk_, "b");
  if (!wasTold_) return "the client is never told";
  if (isReading_) return "a reader is never told";
  if (a.balance != OPENING_BALANCE - AMOUNT || b.balance != AMOUNT || a.leaving) return "the money was not moved once";
  return "";
}

}  // namespace meridian::explore::transfer
