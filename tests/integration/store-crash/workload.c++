#include "tests/integration/store-crash/workload.h"

#include <kj/async-io.h>
#include <kj/debug.h>

#include "runtime/base/check.h"
#include "runtime/store/lmdb-store.h"
#include "tests/integration/store-crash/stage.h"

namespace meridian::crash {

namespace {

constexpr size_t MAP_BYTES = 64 << 20;
constexpr uint64_t CLIENTS_MAX = 12;      // calls under way at a time
constexpr uint64_t CALLS_TOGETHER = 30;   // before the number of clients is drawn anew

// The store, with the recorder hearing what is submitted.
class HeardStore final: public env::Store {
 public:
  HeardStore(kj::Own<env::Store> store, Recorder& recorder): store_(kj::mv(store)), recorder_(recorder) {
    recorder.follow(*store_);
  }
  ~HeardStore() noexcept(false) { recorder_.leave(); }

  std::optional<Lsn> submit(env::WriteSet&& writes) override {
    auto copy = writes;
    auto lsn = store_->submit(kj::mv(writes));
    if (lsn) recorder_.submitted(*lsn, copy);
    return lsn;
  }
  void flush() override { store_->flush(); }
  Lsn submitted() override { return store_->submitted(); }
  Lsn durable() override { return store_->durable(); }
  env::Epoch epoch() override { return store_->epoch(); }
  std::string whyAborted() override { return store_->whyAborted(); }
  env::StoreState state() override { return store_->state(); }
  uint64_t term() override { return store_->term(); }
  kj::Own<env::Reader> newReader() override { return store_->newReader(); }
  void addListener(env::StoreListener& listener) override { store_->addListener(listener); }
  void removeListener(env::StoreListener& listener) override { store_->removeListener(listener); }
  env::StoreCounters counters() override { return store_->counters(); }

 private:
  kj::Own<env::Store> store_;
  Recorder& recorder_;
};

class RecordingWitness final: public Witness::Server {
 public:
  explicit RecordingWitness(Recorder& recorder): recorder_(recorder) {}

  kj::Promise<void> heard(HeardContext context) override {
    auto params = context.getParams();
    recorder_.told({Told::How::OUTPUT, params.getLedger().parseAs<unsigned>(), params.getTurns()});
    return kj::READY_NOW;
  }

 private:
  Recorder& recorder_;
};

class Clients {
 public:
  Clients(Stage& stage, Recorder& recorder, Random random)
      : stage_(stage), recorder_(recorder), random_(random), witness_(kj::heap<RecordingWitness>(recorder)) {}

  void run(unsigned calls) {
    while (calls > 0) {
      left_ = std::min<uint64_t>(calls, 1 + random_.below(CALLS_TOGETHER));
      calls -= left_;
      kj::Vector<kj::Promise<void>> clients;
      for (uint64_t count = 1 + random_.below(CLIENTS_MAX); count > 0; --count) clients.add(callOn());
      stage_.finish(kj::joinPromises(clients.releaseAsArray()));
    }
  }

  unsigned failed() const { return failed_; }

 private:
  kj::Promise<void> callOn() {
    if (left_ == 0) return kj::READY_NOW;
    --left_;
    // Whether a call that failed was done is open: nothing was promised.
    return call().catch_([this](kj::Exception&&) { failed_++; }).then([this]() { return callOn(); });
  }

  kj::Promise<void> call() {
    unsigned which = random_.below(LEDGERS);
    auto ledger = stage_.ledger(which);
    auto salt = random_.next();
    switch (random_.below(5)) {
      case 0: return tell(which, ledger, salt);
      case 1: return pass(which, ledger, salt);
      case 2: return read(which, ledger);
      default: return write(which, ledger, salt);
    }
  }

  void replied(unsigned ledger, uint64_t turns) { recorder_.told({Told::How::REPLY, ledger, turns}); }

  kj::Promise<void> write(unsigned which, Ledger::Client& ledger, uint64_t salt) {
    auto request = ledger.writeRequest();
    request.setSalt(salt);
    return request.send().then([this, which](auto&& answer) { replied(which, answer.getTurns()); });
  }

  kj::Promise<void> tell(unsigned which, Ledger::Client& ledger, uint64_t salt) {
    auto request = ledger.tellRequest();
    request.setSalt(salt);
    request.setWitness(witness_);
    return request.send().then([this, which](auto&& answer) { replied(which, answer.getTurns()); });
  }

  kj::Promise<void> pass(unsigned which, Ledger::Client& ledger, uint64_t salt) {
    unsigned to = (which + 1 + random_.below(LEDGERS - 1)) % LEDGERS;
    auto request = ledger.passRequest();
    request.setSalt(salt);
    request.setTo(ledgerName(to).c_str());
    return request.send().then([this, which, to](auto&& answer) {
      replied(which, answer.getTurns());
      replied(to, answer.getTheirs());
    });
  }

  kj::Promise<void> read(unsigned which, Ledger::Client& ledger) {
    return ledger.readRequest().send().then([this, which](auto&& answer) { replied(which, answer.getSalts().size()); });
  }

  Stage& stage_;
  Recorder& recorder_;
  Random random_;
  Witness::Client witness_;
  uint64_t left_ = 0;
  unsigned failed_ = 0;
};

}  // namespace

Recording runWorkload(const std::string& folder, uint64_t seed, const WorkloadOptions& options) {
  Random random(seed);
  Recorder recorder(folder);
  Stage stage;
  for (unsigned life = 0; life < options.lives; ++life) {
    HeardStore store(store::openLmdbStore(folder, {.mapBytes = MAP_BYTES}), recorder);
    stage.open(store);
    Clients clients(stage, recorder, random.fork());
    clients.run(options.callsPerLife / 2);
    check(clients.failed() == 0, "calls fail only for lack of space");
    recorder.fillDisk();
    clients.run(options.callsPerLife / 2);
    check(clients.failed() > 0, "a full disk aborts a batch and its calls");
    stage.close();
  }
  return recorder.finish();
}

}  // namespace meridian::crash
