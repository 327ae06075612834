#include "tests/integration/store-crash/recording.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace meridian::crash {

namespace {

// Of events that concern no file or any.
constexpr FileId NO_FILE{};

void applyAll(std::string& image, const Recording& recording) {
  for (const auto& event : recording.events) {
    if (auto* write = std::get_if<Written>(&event)) {
      size_t end = write->offset + write->bytes.size();
      if (image.size() < end) image.resize(end);
      image.replace(write->offset, write->bytes.size(), write->bytes);
    }
  }
}

}  // namespace

Recording Recording::withoutSyncs() const {
  Recording result;
  for (auto event : events) {
    if (std::holds_alternative<Synced>(event)) continue;
    if (auto* write = std::get_if<Written>(&event)) write->durability = DiskTap::Durability::CACHED;
    result.events.push_back(std::move(event));
  }
  return result;
}

Recorder::Recorder(const std::string& folder)
    : path_(folder + "/store.mdb"), folderId_(fileIdOf(folder)) {
  setDiskTap(this);
}

Recorder::~Recorder() { setDiskTap(nullptr); }

void Recorder::follow(env::Store& store) {
  store_ = &store;
  epoch_ = store.epoch();
  append(NO_FILE, Acknowledged{store.durable(), store.term()});
  store.addListener(*this);
}

void Recorder::leave() { std::exchange(store_, nullptr)->removeListener(*this); }

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
  std::string image;
  applyAll(image, recording);
  std::ifstream stream(path_, std::ios::binary);
  std::string present{std::istreambuf_iterator<char>(stream), {}};
  if (image != present) throw std::runtime_error("the recording has missed a write to " + path_);
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
  // An aborted batch moves durable() as well, but nothing of it was promised.
  if (store_->epoch() == std::exchange(epoch_, store_->epoch())) {
    append(NO_FILE, Acknowledged{store_->durable(), store_->term()});
  }
}

void Recorder::append(FileId file, Event event) {
  std::lock_guard lock(mutex_);
  events_.push_back({file, std::move(event)});
}

}  // namespace meridian::crash
