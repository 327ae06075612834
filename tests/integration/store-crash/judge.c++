#include "tests/integration/store-crash/judge.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "runtime/store/lmdb-store.h"

namespace meridian::crash {

namespace {

constexpr size_t MAP_BYTES = 64 << 20;
constexpr size_t PAGE = 4096;

bool isZero(const char* bytes, size_t size) { return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0); }

// Pages of zeros stay holes: what reads them cannot tell.
void writeSparse(int fd, const std::string& image) {
  KJ_SYSCALL(ftruncate(fd, static_cast<off_t>(image.size())));
  size_t from = 0;
  auto flushTo = [&](size_t to) {
    if (to == from) return;
    KJ_SYSCALL(pwrite(fd, image.data() + from, to - from, static_cast<off_t>(from)));
  };
  for (size_t at = 0; at < image.size(); at += PAGE) {
    size_t size = std::min(PAGE, image.size() - at);
    if (!isZero(image.data() + at, size)) continue;
    flushTo(at);
    from = at + size;
  }
  flushTo(image.size());
}

Verdict wrong(Fault fault, kj::StringPtr why) { return {fault, why.cStr()}; }

}  // namespace

const char* nameOf(Fault fault) {
  switch (fault) {
    case Fault::NONE: return "none";
    case Fault::ENDED: return "ended";
    case Fault::UNOPENABLE: return "unopenable";
    case Fault::CONTENTS: return "contents";
    case Fault::LSN_UNDONE: return "lsn-undone";
    case Fault::REPLY_UNDONE: return "reply-undone";
    case Fault::OUTPUT_UNDONE: return "output-undone";
    case Fault::STANDSTILL: return "standstill";
  }
  KJ_UNREACHABLE;
}

const char* nameOf(Phase phase) {
  switch (phase) {
    case Phase::IMAGE: return "image";
    case Phase::FILE: return "file";
    case Phase::OPEN: return "open";
    case Phase::CONTENTS: return "contents";
    case Phase::LEDGERS: return "ledgers";
    case Phase::NEXT_TURN: return "next_turn";
    case Phase::CLOSE: return "close";
  }
  KJ_UNREACHABLE;
}

template <typename Work>
auto Judge::timed(Phase phase, Work&& work) {
  auto since = std::chrono::steady_clock::now();
  KJ_DEFER(spent_[static_cast<size_t>(phase)] += std::chrono::steady_clock::now() - since);
  return work();
}

Judge::Judge(const Recording& recording, const std::string& folder)
    : recording_(recording), folder_(folder), file_(folder + "/store.mdb") {}

Verdict Judge::judge(const CrashState& state) {
  lay(state);
  Verdict verdict;
  KJ_IF_MAYBE(exception, kj::runCatchingExceptions([&] { verdict = open(state); })) {
    verdict = wrong(Fault::UNOPENABLE, exception->getDescription());
  }
  return verdict;
}

void Judge::lay(const CrashState& state) {
  auto lock = file_ + "-lock";
  unlink(lock.c_str());
  if (!state.exists) {
    unlink(file_.c_str());
    return;
  }
  auto image = timed(Phase::IMAGE, [&] { return state.file(); });
  timed(Phase::FILE, [&] {
    int fd;
    KJ_SYSCALL(fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    kj::AutoCloseFd owned(fd);
    writeSparse(fd, image);
  });
}

Verdict Judge::open(const CrashState& state) {
  auto store = timed(Phase::OPEN, [&] { return store::openLmdbStore(folder_, {.mapBytes = MAP_BYTES}); });
  // Also when judging throws: in this order.
  KJ_DEFER(timed(Phase::CLOSE, [&] {
    stage_.close();
    store = nullptr;
  }));
  auto verdict = timed(Phase::CONTENTS, [&] { return judgeContents(*store); });
  if (verdict.fault != Fault::NONE) return verdict;
  timed(Phase::OPEN, [&] { stage_.open(*store); });
  verdict = timed(Phase::LEDGERS, [&] { return judgeLedgers(state.promises); });
  if (verdict.fault == Fault::NONE) verdict = judgeProgress(*store, state.promises);
  if (verdict.fault != Fault::NONE) return verdict;
  return timed(Phase::NEXT_TURN, [&] { return judgeNextTurn(); });
}

Verdict Judge::judgeContents(env::Store& store) {
  auto reader = store.newReader();
  reader->renew();
  lsn_ = reader->lsn().value();
  auto expected = recording_.digests.find(lsn_);
  if (expected == recording_.digests.end()) return wrong(Fault::CONTENTS, kj::str("LSN ", lsn_, " was never committed"));
  if (digestOf(*reader) != expected->second) return wrong(Fault::CONTENTS, kj::str("not just the write sets up to LSN ", lsn_));
  return {};
}

// Judged after the ledgers: what was told outside is the graver finding.
Verdict Judge::judgeProgress(env::Store& store, const Promises& promises) {
  uint64_t durable = promises.durable.lsn.value();
  if (lsn_ < durable) return wrong(Fault::LSN_UNDONE, kj::str("it holds LSN ", lsn_, ", and had called ", durable, " durable"));
  if (store.submitted().value() != lsn_) return wrong(Fault::STANDSTILL, "it goes on from another LSN than it holds");
  if (store.term() <= promises.durable.term) return wrong(Fault::STANDSTILL, "the term did not grow");
  return {};
}

Verdict Judge::judgeLedgers(const Promises& promises) {
  kj::Vector<kj::Promise<Verdict>> reads;
  for (unsigned ledger = 0; ledger < LEDGERS; ++ledger) {
    reads.add(stage_.ledger(ledger).readRequest().send().then(
        [this, ledger, &promises](auto&& found) { return judgeLedger(ledger, found, promises); },
        [ledger](kj::Exception&& error) {
          return wrong(Fault::CONTENTS, kj::str("ledger ", ledger, " cannot be read: ", error.getDescription()));
        }));
  }
  Verdict worst;
  for (auto& verdict : stage_.finish(kj::joinPromises(reads.releaseAsArray()))) {
    if (worst.fault == Fault::NONE) worst = kj::mv(verdict);
  }
  return worst;
}

Verdict Judge::judgeLedger(unsigned ledger, const Ledger::ReadResults::Reader& found, const Promises& promises) {
  std::vector<uint64_t> salts;
  for (uint64_t salt : found.getSalts()) salts.push_back(salt);
  if (found.getDigest() != model_.digestAfter(salts)) {
    return wrong(Fault::CONTENTS, kj::str("ledger ", ledger, " does not hold just its ", salts.size(), " turns"));
  }
  auto undone = [&](Fault fault, uint64_t told) {
    return wrong(fault, kj::str("ledger ", ledger, " has ", salts.size(), " turns, outside ", told, " were known"));
  };
  if (salts.size() < promises.outputs[ledger]) return undone(Fault::OUTPUT_UNDONE, promises.outputs[ledger]);
  if (salts.size() < promises.replies[ledger]) return undone(Fault::REPLY_UNDONE, promises.replies[ledger]);
  return {};
}

Verdict Judge::judgeNextTurn() {
  auto ledger = stage_.ledger(0);
  auto before = stage_.finish(ledger.readRequest().send().then([](auto&& found) { return found.getSalts().size(); }));
  auto turns = stage_.finish(ledger.writeRequest().send().then([](auto&& answer) { return answer.getTurns(); }));
  if (turns != before + 1) return wrong(Fault::STANDSTILL, kj::str("turn ", turns, " follows ", before));
  return {};
}

}  // namespace meridian::crash
