#include "tests/integration/store-crash/recording.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace meridian::crash {

namespace {

// Of events that concern no file or any.
constexpr FileId NO_FILE{};

std::string journalKey(uint64_t number) { return "journal/" + std::to_string(number); }

}  // namespace

void Promises::add(const Told& told) {
  auto& known = (told.how == Told::How::REPLY ? replies : outputs)[told.ledger];
  known = std::max(known, told.turns);
}

std::string Recording::replayed() const {
  std::string image;
  for (const auto& event : events) {
    auto* write = std::get_if<Written>(&event);
    if (write == nullptr) continue;
    size_t end = write->offset + write->bytes.size();
    if (image.size() < end) image.resize(end);
    image.replace(write->offset, write->bytes.size(), write->bytes);
  }
  return image;
}

Recording Recording::withoutSyncs() const {
  Recording result{.events = {}, .digests = digests};
  for (auto event : events) {
    if (std::holds_alternative<Synced>(event)) continue;
    if (auto* write = std::get_if<Written>(&event)) write->durability = DiskTap::Durability::CACHED;
    result.events.push_back(std::move(event));
  }
  return result;
}

uint64_t digestOf(env::Reader& reader) {
  Digest digest;
  reader.scan("", [&](const env::Row& row) {
    digest.add(row.key(), row.value());
    return env::Reader::Visit::GO_ON;
  });
  for (const auto& entry : reader.journal(0, SIZE_MAX)) digest.add(journalKey(entry.number), entry.bytes);
  return digest.value();
}

// =======================================================================================

Recorder::Recorder(const std::string& folder)
    : path_(folder + "/store.mdb"), folderId_(fileIdOf(folder)), digests_{{0, 0}} {
  setDiskTap(this);
}

Recorder::~Recorder() { setDiskTap(nullptr); }

void Recorder::follow(env::Store& store) {
  store_ = &store;
  epoch_ = store.epoch();
  durable_ = store.durable();
  append(NO_FILE, Durable{durable_, store.term()});
  store.addListener(*this);
}

void Recorder::leave() {
  store_->removeListener(*this);
  store_ = nullptr;
  for (const auto& [lsn, set] : sets_) apply(lsn, set);
  sets_.clear();
}

void Recorder::submitted(Lsn lsn, const env::WriteSet& set) {
  std::lock_guard lock(mutex_);
  sets_.insert_or_assign(lsn.value(), set);
}

void Recorder::told(const Told& told) { append(NO_FILE, told); }

void Recorder::apply(uint64_t lsn, const env::WriteSet& set) {
  for (const auto& [key, value] : set.writes) {
    if (auto found = rows_.find(key); found != rows_.end()) {
      digest_.remove(key, found->second);
      rows_.erase(found);
    }
    if (!value) continue;
    digest_.add(key, *value);
    rows_.emplace(key, *value);
  }
  uint64_t number = lsn * env::Store::JOURNAL_SET_MAX;
  for (const auto& entry : set.journal) digest_.add(journalKey(number++), entry);
  digests_[lsn] = digest_.value();
}

void Recorder::fillDisk() {
  std::lock_guard lock(mutex_);
  diskFull_ = true;
}

Recording Recorder::finish() {
  setDiskTap(nullptr);
  auto file = fileIdOf(path_);
  if (truncated_.contains(file)) throw std::runtime_error("the recorder knows no truncation of " + path_);
  Recording recording;
  for (auto& [id, event] : events_) {
    if (id == file || id == NO_FILE) recording.events.push_back(std::move(event));
  }
  std::ifstream stream(path_, std::ios::binary);
  std::string present{std::istreambuf_iterator<char>(stream), {}};
  if (recording.replayed() != present) throw std::runtime_error("the recording has missed a write to " + path_);
  recording.digests = std::move(digests_);
  return recording;
}

int Recorder::mayWrite(FileId file, Durability durability) {
  std::lock_guard lock(mutex_);
  if (!diskFull_ || file != fileIdOf(path_)) return 0;
  diskFull_ = false;
  return ENOSPC;
}

void Recorder::wrote(FileId file, off_t offset, std::string_view bytes, Durability durability) {
  append(file, Written{offset, std::string(bytes), durability});
}

void Recorder::synced(FileId file) {
  if (file == folderId_) {
    append(NO_FILE, NameSynced{});
  } else {
    append(file, Synced{});
  }
}

void Recorder::truncated(FileId file, off_t size) {
  std::lock_guard lock(mutex_);
  truncated_.insert(file);
}

void Recorder::renamed(const std::string& from, const std::string& to) {
  if (to == path_) append(NO_FILE, Named{});
}

void Recorder::storeMoved() {
  auto before = std::exchange(durable_, store_->durable());
  if (store_->epoch() == std::exchange(epoch_, store_->epoch())) {
    append(NO_FILE, Durable{durable_, store_->term()});
    return;
  }
  // An aborted batch moves durable() as well, but nothing of it was promised.
  std::lock_guard lock(mutex_);
  sets_.erase(sets_.upper_bound(before.value()), sets_.upper_bound(durable_.value()));
}

void Recorder::append(FileId file, Event event) {
  std::lock_guard lock(mutex_);
  events_.push_back({file, std::move(event)});
}

}  // namespace meridian::crash
