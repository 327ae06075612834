// A Recording is what happened below one store's file, and above it: each write and sync, in order, and what the store had
// acknowledged in between. The Recorder makes one by tapping the process while a workload runs.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "runtime/env/store.h"
#include "tests/integration/store-crash/disk-tap.h"

namespace meridian::crash {

struct Written {
  off_t offset;
  std::string bytes;
  DiskTap::Durability durability;
};
struct Synced {};
struct Named {};                      // the file got its final name
struct NameSynced {};                 // and the folder that holds the name was synced

// What a crash after this must not lose.
struct Acknowledged {
  Lsn lsn;
  uint64_t term;
};

using Event = std::variant<Written, Synced, Named, NameSynced, Acknowledged>;

struct Recording {
  std::vector<Event> events;

  // As a disk would do on which no sync has any effect.
  Recording withoutSyncs() const;
};

class Recorder final: public DiskTap, public env::StoreListener {
 public:
  // Of the store in this folder, which need not be there yet. The tap is on for the recorder's life.
  explicit Recorder(const std::string& folder);
  ~Recorder();

  // Listens to this store and notes its term; call `leave` before the store is closed.
  void follow(env::Store& store);
  void leave();

  // The next write to the store fails with ENOSPC.
  void fillDisk();

  // The events of the store's file. Throws when applying all of them does not give the file as it is now.
  Recording finish();

  int mayWrite(FileId file, Durability durability) override;
  void wrote(FileId file, off_t offset, std::string_view bytes, Durability durability) override;
  void synced(FileId file) override;
  void truncated(FileId file, off_t size) override;
  void renamed(const std::string& from, const std::string& to) override;
  void storeMoved() override;

 private:
  struct FileEvent {
    FileId file;
    Event event;
  };

  void append(FileId file, Event event);

  const std::string path_;
  const FileId folderId_;
  std::mutex mutex_;
  std::vector<FileEvent> events_;
  std::set<FileId> truncated_;        // LMDB cuts its lock file only
  bool diskFull_ = false;
  env::Store* store_ = nullptr;
  env::Epoch epoch_;
};

}  // namespace meridian::crash
