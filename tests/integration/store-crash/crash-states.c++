#include "tests/integration/store-crash/crash-states.h"

#include <algorithm>
#include <map>
#include <vector>

#include "runtime/base/match.h"
#include "runtime/base/random.h"

namespace meridian::crash {

namespace {

constexpr size_t SECTOR = 512;

void applyBytes(std::string& image, size_t offset, std::string_view bytes) {
  if (image.size() < offset + bytes.size()) image.resize(offset + bytes.size());
  image.replace(offset, bytes.size(), bytes);
}

// The disk while a recording is played.
class Disk {
 public:
  void play(const Event& event) {
    std::visit(Match{
                   [&](const Written& write) { pending_.push_back(&write); },
                   [&](const Synced&) { settle(pending_); },
                   [&](const Named&) { name_ = Name::GIVEN; },
                   [&](const NameSynced&) {
                     if (name_ == Name::GIVEN) name_ = Name::SYNCED;
                   },
                   [&](const Durable& durable) { promises_.durable = durable; },
                   [&](const Told& told) { promises_.add(told); },
               },
               event);
  }

  // A write to a file opened for synced writes is on disk when its call returns, and only it.
  void returnFromWrite() {
    if (pending_.empty() || pending_.back()->durability != DiskTap::Durability::SYNCED) return;
    std::vector<const Written*> last{pending_.back()};
    pending_.pop_back();
    settle(last);
  }

  enum class Name { NONE, GIVEN, SYNCED };
  Name name() const { return name_; }
  bool hasPending() const { return !pending_.empty(); }
  const Promises& promises() const { return promises_; }

  std::string withoutPending() const { return synced_; }

  std::string withAllPending() const {
    auto image = synced_;
    for (const auto* write : pending_) applyBytes(image, write->offset, write->bytes);
    return image;
  }

  // Whole writes are there or not.
  std::string withSomeWrites(Random random) const {
    auto image = synced_;
    for (const auto* write : pending_) {
      if (random.below(2) == 0) applyBytes(image, write->offset, write->bytes);
    }
    return image;
  }

  // Each sector for itself: as it was, or as one of the writes left it.
  std::string withSomeSectors(Random random) const {
    std::map<size_t, std::vector<std::string_view>> versions;
    for (const auto* write : pending_) {
      for (size_t at = 0; at < write->bytes.size(); at += SECTOR) {
        versions[write->offset + at].push_back(std::string_view(write->bytes).substr(at, SECTOR));
      }
    }
    auto image = synced_;
    for (const auto& [offset, choices] : versions) {
      size_t choice = random.below(choices.size() + 1);
      if (choice < choices.size()) applyBytes(image, offset, choices[choice]);
    }
    return image;
  }

  // All but the last write, which is cut after some sectors.
  std::string withTornLast(Random random) const {
    auto image = synced_;
    for (const auto* write : pending_) {
      std::string_view bytes = write->bytes;
      if (write == pending_.back()) bytes = bytes.substr(0, random.below(bytes.size() / SECTOR + 1) * SECTOR);
      applyBytes(image, write->offset, bytes);
    }
    return image;
  }

 private:
  void settle(std::vector<const Written*>& writes) {
    for (const auto* write : writes) applyBytes(synced_, write->offset, write->bytes);
    writes.clear();
  }

  std::string synced_;
  std::vector<const Written*> pending_;
  Name name_ = Name::NONE;
  Promises promises_;
};

// The disk changes with it; everything else only adds to what was promised.
bool changesDisk(const Event& event) { return !std::holds_alternative<Durable>(event) && !std::holds_alternative<Told>(event); }

class Visitor {
 public:
  Visitor(const CrashOptions& options, const std::function<void(const CrashState&)>& visit): options_(options), visit_(visit) {}

  void statesOf(const Disk& disk, size_t events) {
    if (disk.name() == Disk::Name::GIVEN) state(disk, events, "name lost", false, [](Random) { return std::string(); });
    state(disk, events, "cut", true, [&](Random) { return disk.withAllPending(); });
    if (!disk.hasPending()) return;
    state(disk, events, "pending lost", true, [&](Random) { return disk.withoutPending(); });
    for (unsigned variant = 0; variant < options_.variants; ++variant) {
      switch (randomOf(next_).below(3)) {
        case 0: state(disk, events, "some writes", true, [&](Random random) { return disk.withSomeWrites(random); }); break;
        case 1: state(disk, events, "some sectors", true, [&](Random random) { return disk.withSomeSectors(random); }); break;
        case 2: state(disk, events, "last write torn", true, [&](Random random) { return disk.withTornLast(random); }); break;
      }
    }
  }

 private:
  // Each state's own: whoever looks at some of the states makes the same choices.
  Random randomOf(uint64_t index) const { return Random(Random(options_.seed).next() ^ index); }

  template <typename Make>
  void state(const Disk& disk, size_t events, const char* how, bool exists, Make make) {
    auto index = next_++;
    std::function<std::string()> file = [&]() { return make(randomOf(index).fork()); };
    visit_({index, how, events, exists, disk.promises(), file});
  }

  const CrashOptions& options_;
  const std::function<void(const CrashState&)>& visit_;
  uint64_t next_ = 0;
};

}  // namespace

void forEachCrashState(const Recording& recording, const CrashOptions& options, const std::function<void(const CrashState&)>& visit) {
  Disk disk;
  Visitor visitor(options, visit);
  const auto& events = recording.events;
  for (size_t index = 0; index < events.size(); ++index) {
    disk.play(events[index]);
    bool isBoundary = index + 1 == events.size() || changesDisk(events[index + 1]);
    if (isBoundary && disk.name() != Disk::Name::NONE) visitor.statesOf(disk, index + 1);
    disk.returnFromWrite();
  }
}

}  // namespace meridian::crash
