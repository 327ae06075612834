#include "tests/integration/store-crash/crash-states.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "runtime/base/match.h"

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
                   [&](const Acknowledged& acknowledged) { acknowledged_ = acknowledged; },
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
  const Acknowledged& acknowledged() const { return acknowledged_; }

  std::string withoutPending() const { return synced_; }

  std::string withAllPending() const {
    auto image = synced_;
    for (const auto* write : pending_) applyBytes(image, write->offset, write->bytes);
    return image;
  }

  // Whole writes are there or not.
  std::string withSomeWrites(Random& random) const {
    auto image = synced_;
    for (const auto* write : pending_) {
      if (random.below(2) == 0) applyBytes(image, write->offset, write->bytes);
    }
    return image;
  }

  // Each sector for itself: as it was, or as one of the writes left it.
  std::string withSomeSectors(Random& random) const {
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
  std::string withTornLast(Random& random) const {
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
  Acknowledged acknowledged_{};
};

void visitStatesOf(const Disk& disk, const std::string& where, const CrashOptions& options, Random& random,
                   const std::function<void(const CrashState&)>& visit) {
  auto state = [&](const std::string& how, std::string file) {
    visit({.label = where + ", " + how, .file = std::move(file), .acknowledged = disk.acknowledged()});
  };
  if (disk.name() == Disk::Name::GIVEN) {
    visit({.label = where + ", name lost", .exists = false, .acknowledged = disk.acknowledged()});
  }
  state("cut", disk.withAllPending());
  if (!disk.hasPending()) return;
  state("pending lost", disk.withoutPending());
  for (unsigned variant = 0; variant < options.variants; ++variant) {
    switch (random.below(3)) {
      case 0: state("some writes", disk.withSomeWrites(random)); break;
      case 1: state("some sectors", disk.withSomeSectors(random)); break;
      case 2: state("last write torn", disk.withTornLast(random)); break;
    }
  }
}

}  // namespace

void forEachCrashState(const Recording& recording, const CrashOptions& options, Random random,
                       const std::function<void(const CrashState&)>& visit) {
  Disk disk;
  for (size_t index = 0; index < recording.events.size(); ++index) {
    disk.play(recording.events[index]);
    if (disk.name() != Disk::Name::NONE) {
      visitStatesOf(disk, "after event " + std::to_string(index), options, random, visit);
    }
    disk.returnFromWrite();
  }
}

}  // namespace meridian::crash
