#include "runtime/store/store-contract.h"

#include <kj/debug.h>

#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <optional>

#include "runtime/store/commit-queue.h"

namespace meridian::store {

namespace {

using env::Epoch;
using env::Reader;
using env::Store;
using env::StoreState;
using env::Write;
using env::WriteSet;
using Rows = std::map<std::string, std::string>;

// =======================================================================================
// Verbs.

WriteSet writing(Store& store, std::vector<Write> writes) { return {.writes = std::move(writes), .epoch = store.epoch()}; }

Lsn submit(Store& store, std::vector<Write> writes) {
  auto lsn = store.submit(writing(store, std::move(writes)));
  REQUIRE(lsn);
  return *lsn;
}

Lsn journal(Store& store, std::vector<std::string> entries) {
  auto lsn = store.submit({.journal = std::move(entries), .epoch = store.epoch()});
  REQUIRE(lsn);
  return *lsn;
}

Rows rowsFrom(Reader& reader, std::string_view from) {
  Rows rows;
  reader.scan(from, [&](const env::Row& row) {
    rows.emplace(row.key(), row.value());
    return Reader::Visit::GO_ON;
  });
  return rows;
}

Rows allRows(Store& store) {
  auto reader = store.newReader();
  reader->renew();
  auto rows = rowsFrom(*reader, "");
  reader->reset();
  return rows;
}

std::optional<std::string> valueOf(Store& store, const std::string& key) {
  auto reader = store.newReader();
  reader->renew();
  std::optional<std::string> value;
  if (auto found = reader->get(key)) value = std::string(*found);
  reader->reset();
  return value;
}

std::vector<env::JournalEntry> journalOf(Store& store, uint64_t after, size_t limit) {
  auto reader = store.newReader();
  reader->renew();
  auto entries = reader->journal(after, limit);
  reader->reset();
  return entries;
}

template <typename Action>
kj::Exception failureOf(Action&& action) {
  KJ_IF_MAYBE(exception, kj::runCatchingExceptions(action)) { return kj::mv(*exception); }
  FAIL("an exception was expected");
  KJ_UNREACHABLE;
}

bool mentions(const kj::Exception& exception, const std::string& word) {
  return std::string(exception.getDescription().cStr()).find(word) != std::string::npos;
}

class Listener final: public env::StoreListener {
 public:
  explicit Listener(Store& store): store_(store) { store.addListener(*this); }
  ~Listener() { store_.removeListener(*this); }

  void storeMoved() override {
    std::lock_guard lock(mutex_);
    seen_.push_back({store_.durable(), store_.epoch(), store_.state()});
  }

  struct Seen {
    Lsn durable;
    Epoch epoch;
    StoreState state;
  };

  std::vector<Seen> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  Store& store_;
  std::mutex mutex_;
  std::vector<Seen> seen_;
};

// =======================================================================================
// Clauses.

void lsnsAreConsecutive(StoreBed& bed) {
  auto store = bed.open();
  CHECK(store->submitted() == Lsn(0));
  CHECK(store->durable() == Lsn(0));
  for (uint64_t expected = 1; expected <= 100; ++expected) {
    CHECK(submit(*store, {{"key", "value"}}) == Lsn(expected));
    CHECK(store->submitted() == Lsn(expected));
    if (expected % 7 == 0) bed.settle(*store);
  }
}

void nothingIsDurableBeforeAFlush(StoreBed& bed) {
  auto store = bed.open();
  Lsn lsn = submit(*store, {{"key", "value"}});
  CHECK_FALSE(valueOf(*store, "key"));
  CHECK(store->durable() == Lsn(0));
  bed.settle(*store);
  CHECK(store->durable() == lsn);
  CHECK(valueOf(*store, "key") == "value");
}

void aBatchTakesAllThatWaits(StoreBed& bed) {
  auto store = bed.open();
  for (int i = 0; i < 50; ++i) submit(*store, {{"key" + std::to_string(i), "value"}});
  bed.settle(*store);
  auto counters = store->counters();
  CHECK(counters.batches == 1);
  CHECK(counters.writeSets == 50);
  CHECK(counters.bytes == 10 * 9 + 40 * 10);
  CHECK(allRows(*store).size() == 50);
}

void aBatchHasALimit(StoreBed& bed) {
  auto store = bed.open();
  size_t sets = 2 * CommitQueue::Limits{}.batchSetsMax + 1;
  for (size_t i = 0; i < sets; ++i) submit(*store, {{"key", std::to_string(i)}});
  bed.settle(*store);
  CHECK(store->counters().batches == 3);
  CHECK(store->durable() == Lsn(sets));
  CHECK(valueOf(*store, "key") == std::to_string(sets - 1));
}

void laterWritesWinAndErasesErase(StoreBed& bed) {
  auto store = bed.open();
  submit(*store, {{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", std::nullopt}, {"c", std::nullopt}, {"c", ""}});
  submit(*store, {{"d", "1"}});
  submit(*store, {{"d", std::nullopt}, {"e", "1"}});
  bed.settle(*store);
  CHECK(allRows(*store) == Rows{{"a", "2"}, {"c", ""}, {"e", "1"}});
  submit(*store, {{"never there", std::nullopt}, {"e", std::nullopt}});
  bed.settle(*store);
  CHECK(allRows(*store) == Rows{{"a", "2"}, {"c", ""}});
}

void aReaderSeesOneState(StoreBed& bed) {
  auto store = bed.open();
  submit(*store, {{"a", "old"}, {"b", "old"}});
  bed.settle(*store);
  auto reader = store->newReader();
  reader->renew();
  auto view = reader->get("a");
  REQUIRE(view);
  Lsn next = submit(*store, {{"a", "new"}, {"b", std::nullopt}, {"c", "new"}});
  bed.settle(*store);
  CHECK(reader->lsn() == Lsn(1));
  CHECK(*view == "old");
  CHECK(rowsFrom(*reader, "") == Rows{{"a", "old"}, {"b", "old"}});
  reader->renew();
  CHECK(reader->lsn() == next);
  CHECK(rowsFrom(*reader, "") == Rows{{"a", "new"}, {"c", "new"}});
  CHECK_FALSE(reader->get("b"));
  reader->reset();
}

void aScanIsOrderedAndStops(StoreBed& bed) {
  auto store = bed.open();
  submit(*store, {{"b/2", "4"}, {"a", "1"}, {std::string("b\0", 2), "2"}, {"b/1", "3"}, {"\xff", "5"}});
  bed.settle(*store);
  auto reader = store->newReader();
  reader->renew();
  std::string values;
  auto collect = [&](const env::Row& row) {
    values += row.value();
    return row.value() == "4" ? Reader::Visit::STOP : Reader::Visit::GO_ON;
  };
  reader->scan("", collect);
  CHECK(values == "1234");
  CHECK(rowsFrom(*reader, "b/1").size() == 3);
  CHECK(rowsFrom(*reader, "b/11").size() == 2);
  CHECK(rowsFrom(*reader, "\xff\xff").empty());
  // A visitor may read and scan.
  size_t pairs = 0;
  reader->scan("", [&](const env::Row& row) {
    CHECK(reader->get(row.key()) == row.value());
    pairs += rowsFrom(*reader, row.key()).size();
    return Reader::Visit::GO_ON;
  });
  CHECK(pairs == 5 + 4 + 3 + 2 + 1);
  reader->reset();
}

void journalEntriesAreNumbered(StoreBed& bed) {
  auto store = bed.open();
  Lsn first = journal(*store, {"one", "two"});
  submit(*store, {{"key", "value"}});
  Lsn third = journal(*store, {"three"});
  bed.settle(*store);
  auto entries = journalOf(*store, 0, 100);
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].number == first.value() * 256);
  CHECK(entries[1].number == first.value() * 256 + 1);
  CHECK(entries[2].number == third.value() * 256);
  CHECK(entries[1].bytes == "two");
  CHECK(journalOf(*store, entries[0].number, 1).at(0).bytes == "two");
  CHECK(journalOf(*store, entries[2].number, 100).empty());
  CHECK(journalOf(*store, UINT64_MAX, 100).empty());
  CHECK(journalOf(*store, 0, 0).empty());
}

void theJournalKeepsTheNewest(StoreBed& bed) {
  auto store = bed.open();
  size_t sets = Store::JOURNAL_MAX / Store::JOURNAL_SET_MAX + 2;
  for (size_t i = 0; i < sets; ++i) {
    journal(*store, std::vector<std::string>(Store::JOURNAL_SET_MAX, std::to_string(i)));
    if (i % 8 == 0) bed.settle(*store);
  }
  bed.settle(*store);
  auto entries = journalOf(*store, 0, SIZE_MAX);
  REQUIRE(entries.size() == Store::JOURNAL_MAX);
  CHECK(entries.back().number == sets * 256 + 255);
  CHECK(entries.back().bytes == std::to_string(sets - 1));
  size_t cut = sets * Store::JOURNAL_SET_MAX - Store::JOURNAL_MAX;
  CHECK(entries.front().number == (1 + cut / 256) * 256 + cut % 256);
}

void theTermGrowsAtEachOpening(StoreBed& bed) {
  uint64_t first = bed.open()->term();
  CHECK(first >= 1);
  CHECK(bed.open()->term() == first + 1);
  CHECK(bed.open()->term() == first + 2);
}

void aCleanCloseKeepsEverything(StoreBed& bed) {
  {
    auto store = bed.open();
    submit(*store, {{"a", "1"}});
    journal(*store, {"entry"});
    bed.settle(*store);
  }
  auto store = bed.open();
  CHECK(store->submitted() == Lsn(2));
  CHECK(store->durable() == Lsn(2));
  CHECK(allRows(*store) == Rows{{"a", "1"}});
  CHECK(journalOf(*store, 0, 10).size() == 1);
  CHECK(submit(*store, {{"a", "2"}}) == Lsn(3));
}

void aCrashKeepsWhatWasDurable(StoreBed& bed) {
  if (!bed.canCrash()) return;        // the crash states of LMDB's store: tests/integration/store-crash
  auto store = bed.open();
  uint64_t term = store->term();
  submit(*store, {{"a", "durable"}, {"b", "durable"}});
  bed.settle(*store);
  submit(*store, {{"a", "lost"}});
  store->flush();
  submit(*store, {{"c", "lost"}});
  bed.crash(kj::mv(store));
  store = bed.open();
  CHECK(allRows(*store) == Rows{{"a", "durable"}, {"b", "durable"}});
  CHECK(store->submitted() == Lsn(1));
  CHECK(store->term() == term + 1);
}

void aDeposedOwnerCommitsNothing(StoreBed& bed) {
  auto store = bed.open();
  submit(*store, {{"a", "kept"}});
  bed.settle(*store);
  Listener listener(*store);
  Epoch before = store->epoch();
  bed.depose();
  CHECK(store->state() == StoreState::OPEN);
  submit(*store, {{"a", "refused"}});
  Lsn last = submit(*store, {{"b", "refused"}});
  bed.settle(*store);
  CHECK(store->state() == StoreState::DEPOSED);
  CHECK(store->epoch() > before);
  CHECK(store->durable() == last);
  CHECK_FALSE(store->submit(writing(*store, {{"a", "refused"}})));
  CHECK(allRows(*store) == Rows{{"a", "kept"}});
  REQUIRE_FALSE(listener.seen().empty());
  CHECK(listener.seen().back().state == StoreState::DEPOSED);
}

void anAbortedBatchTakesAllLaterOnes(StoreBed& bed) {
  auto store = bed.open();
  submit(*store, {{"a", "kept"}});
  bed.settle(*store);
  Epoch before = store->epoch();
  Listener listener(*store);
  submit(*store, {{"a", "aborted"}});
  REQUIRE(store->submit(bed.doomed(before)));
  // More than fit in the doomed batch: those behind it go as well.
  for (size_t i = 0; i < CommitQueue::Limits{}.batchSetsMax; ++i) submit(*store, {{"b", "aborted"}});
  Lsn last = store->submitted();
  bed.settle(*store);
  CHECK(store->epoch() > before);
  CHECK(store->durable() == last);
  CHECK(store->state() == StoreState::OPEN);
  CHECK(allRows(*store) == Rows{{"a", "kept"}});
  CHECK(listener.seen().size() == 1);

  CHECK_FALSE(store->submit({.writes = {{"a", "old epoch"}}, .epoch = before}));
  CHECK(submit(*store, {{"a", "next"}}) == Lsn(last.value() + 1));
  bed.settle(*store);
  CHECK(allRows(*store) == Rows{{"a", "next"}});
  auto reader = store->newReader();
  reader->renew();
  CHECK(reader->lsn() == Lsn(last.value() + 1));
  reader->reset();
}

void boundsAreNamed(StoreBed& bed) {
  auto store = bed.open();
  auto refuses = [&](WriteSet set, const std::string& word) {
    set.epoch = store->epoch();
    auto failure = failureOf([&] { store->submit(std::move(set)); });
    CHECK(failure.getType() == kj::Exception::Type::FAILED);
    CHECK(mentions(failure, word));
  };
  refuses({.writes = {{"", "value"}}}, "empty");
  refuses({.writes = {{std::string(Store::KEY_MAX + 1, 'k'), "value"}}}, "500");
  refuses({.writes = {{"key", std::string(Store::VALUE_MAX + 1, 'v')}}}, "1048576");
  refuses({.journal = {std::string(Store::VALUE_MAX + 1, 'v')}}, "1048576");
  refuses({.journal = std::vector<std::string>(Store::JOURNAL_SET_MAX + 1)}, "256");
  CHECK(store->submitted() == Lsn(0));

  std::string longest(Store::KEY_MAX, 'k');
  submit(*store, {{longest, std::string(Store::VALUE_MAX, 'v')}});
  bed.settle(*store);
  CHECK(store->durable() == Lsn(1));
  CHECK(valueOf(*store, longest) == std::string(Store::VALUE_MAX, 'v'));
  auto reader = store->newReader();
  reader->renew();
  CHECK(mentions(failureOf([&] { reader->get(longest + "k"); }), "500"));
  reader->reset();
}

void aFullQueueRefuses(StoreBed& bed) {
  auto store = bed.open();
  for (size_t i = 0; i < Store::QUEUE_MAX; ++i) submit(*store, {{"key", "value"}});
  auto failure = failureOf([&] { store->submit(writing(*store, {{"key", "value"}})); });
  CHECK(failure.getType() == kj::Exception::Type::OVERLOADED);
  CHECK(store->submitted() == Lsn(Store::QUEUE_MAX));
  bed.settle(*store);
  CHECK(submit(*store, {{"key", "value"}}) == Lsn(Store::QUEUE_MAX + 1));
}

void aFullQueueOfBytesRefuses(StoreBed& bed) {
  auto store = bed.open();
  // One key again and again: much in the queue, little in the store.
  std::string value(Store::VALUE_MAX, 'v');
  size_t fitting = Store::QUEUE_BYTES_MAX / (value.size() + 1);
  for (size_t i = 0; i < fitting; ++i) submit(*store, {{"k", value}});
  auto failure = failureOf([&] { store->submit(writing(*store, {{"k", value}})); });
  CHECK(failure.getType() == kj::Exception::Type::OVERLOADED);
  bed.settle(*store);
  submit(*store, {{"k", value}});
}

void aDamagedValueIsNamed(StoreBed& bed) {
  {
    auto store = bed.open();
    submit(*store, {{"before", "1"}, {"damaged", "a value to damage"}, {"later", "2"}});
    bed.settle(*store);
  }
  bed.damage("damaged");
  auto store = bed.open();
  auto reader = store->newReader();
  reader->renew();
  CHECK(reader->get("before") == "1");
  auto failure = failureOf([&] { reader->get("damaged"); });
  CHECK(failure.getType() == kj::Exception::Type::FAILED);
  CHECK(mentions(failure, "damaged"));
  CHECK(mentions(failureOf([&] { rowsFrom(*reader, ""); }), "damaged"));
  CHECK(rowsFrom(*reader, "later").size() == 1);
  // Who does not ask for its value is not hurt.
  std::string keys;
  reader->scan("", [&](const env::Row& row) {
    keys += std::string(row.key()) + (row.isDamaged() ? "! " : " ");
    return Reader::Visit::GO_ON;
  });
  CHECK(keys == "before damaged! later ");
  reader->reset();
  // Writing it anew heals it.
  submit(*store, {{"damaged", "whole"}});
  bed.settle(*store);
  CHECK(valueOf(*store, "damaged") == "whole");
}

void listenersHearOfEachMove(StoreBed& bed) {
  auto store = bed.open();
  {
    Listener listener(*store);
    for (uint64_t lsn = 1; lsn <= 3; ++lsn) {
      submit(*store, {{"key", "value"}});
      bed.settle(*store);
    }
    auto seen = listener.seen();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].durable == Lsn(1));
    CHECK(seen[2].durable == Lsn(3));
    CHECK(seen[2].epoch == store->epoch());
  }
  submit(*store, {{"key", "value"}});
  bed.settle(*store);
  CHECK(store->durable() == Lsn(4));
}

}  // namespace

const std::vector<Clause>& storeContract() {
  static const std::vector<Clause> clauses{
      {"LSNs are consecutive from 1", lsnsAreConsecutive},
      {"nothing is durable before a flush", nothingIsDurableBeforeAFlush},
      {"a batch takes all that waits", aBatchTakesAllThatWaits},
      {"a batch has a limit", aBatchHasALimit},
      {"later writes win and erases erase", laterWritesWinAndErasesErase},
      {"a reader sees one state from renew to renew", aReaderSeesOneState},
      {"a scan is ordered and stops where it is told", aScanIsOrderedAndStops},
      {"journal entries are numbered by LSN and index", journalEntriesAreNumbered},
      {"the journal keeps the newest entries", theJournalKeepsTheNewest},
      {"the term grows by one at each opening", theTermGrowsAtEachOpening},
      {"a clean close keeps everything that was flushed", aCleanCloseKeepsEverything},
      {"a crash keeps what was durable and loses the rest", aCrashKeepsWhatWasDurable},
      {"a deposed owner commits nothing any more", aDeposedOwnerCommitsNothing},
      {"an aborted batch takes all later ones with it and starts an epoch", anAbortedBatchTakesAllLaterOnes},
      {"each bound is checked and named", boundsAreNamed},
      {"a full queue refuses as overloaded", aFullQueueRefuses},
      {"a queue full of bytes refuses as overloaded", aFullQueueOfBytesRefuses},
      {"a damaged value is refused by name and can be written anew", aDamagedValueIsNamed},
      {"listeners hear of each move until they are removed", listenersHearOfEachMove},
  };
  return clauses;
}

}  // namespace meridian::store
