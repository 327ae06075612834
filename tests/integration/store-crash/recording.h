// A Recording is what happened below one store's file, and above it: each write and sync, in order, and in between what the
// store had made durable, and what somebody outside had been told. The Recorder makes one by tapping the process while a
// workload runs.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "runtime/env/store.h"
#include "tests/integration/store-crash/disk-tap.h"
#include "tests/integration/store-crash/ledger-model.h"
#include "tests/integration/store-crash/stage.h"

namespace meridian::crash {

struct Written {
  off_t offset;
  std::string bytes;
  DiskTap::Durability durability;
};
struct Synced {};
struct Named {};                      // the file got its final name
struct NameSynced {};                 // and the folder that holds the name was synced

// The store says that these are on disk.
struct Durable {
  Lsn lsn;
  uint64_t term;
};

// Somebody outside of the store has learnt that a ledger has had so many turns.
struct Told {
  enum class How { REPLY, OUTPUT };   // the answer to a call, or a call out of a turn

  How how;
  unsigned ledger;
  uint64_t turns;
};

using Event = std::variant<Written, Synced, Named, NameSynced, Durable, Told>;

// What no crash may undo, at some moment of a recording.
struct Promises {
  Durable durable{};
  std::array<uint64_t, LEDGERS> replies{};   // turns, by ledger
  std::array<uint64_t, LEDGERS> outputs{};

  void add(const Told& told);
};

struct Recording {
  std::vector<Event> events;
  // By LSN: the digest of a store that holds all write sets up to it. Aborted LSNs are absent.
  std::map<uint64_t, uint64_t> digests;

  // The file after all writes.
  std::string replayed() const;

  // As a disk would do on which no sync has any effect.
  Recording withoutSyncs() const;
};

// Everything that a reader sees, folded into one number.
uint64_t digestOf(env::Reader& reader);

class Recorder final: public DiskTap, public env::StoreListener {
 public:
  // Of the store in this folder, which need not be there yet. The tap is on for the recorder's life.
  explicit Recorder(const std::string& folder);
  ~Recorder();

  // Listens to this store and notes its term; call `leave` when nothing is under way in it, before it is closed.
  void follow(env::Store& store);
  void leave();

  void submitted(Lsn lsn, const env::WriteSet& set);
  void told(const Told& told);

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
  void apply(uint64_t lsn, const env::WriteSet& set);

  const std::string path_;
  const FileId folderId_;
  std::mutex mutex_;
  std::vector<FileEvent> events_;
  std::set<FileId> truncated_;        // LMDB cuts its lock file only
  bool diskFull_ = false;
  env::Store* store_ = nullptr;
  env::Epoch epoch_;
  Lsn durable_;
  std::map<uint64_t, env::WriteSet> sets_;   // of the store that is followed, without what it aborted
  std::map<std::string, std::string> rows_;
  Digest digest_;
  std::map<uint64_t, uint64_t> digests_;
};

}  // namespace meridian::crash
