// What lies in a store's file, besides LMDB's own pages. Three tables:
//
//   rows      key -> value                          the actors' state
//   journal   be64(LSN * 256 + index) -> bytes      the newest entries
//   meta      "store" -> Meta                       one record, rewritten by each commit
//
// Every value is followed by the CRC-32 (zlib's) of its key and itself, 4 bytes, little endian: LMDB has no checksums, and a
// value that is found under another key is as wrong as one with a flipped bit. A file of a newer format is refused.
#pragma once

#include <kj/string.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/env/store.h"

namespace meridian::store {

inline constexpr uint32_t FORMAT = 1;

inline constexpr size_t sealedSize(size_t valueBytes) { return valueBytes + sizeof(uint32_t); }

// Writes value and checksum to `room`, which has sealedSize bytes.
void seal(std::span<char> room, std::string_view key, std::string_view value);

// The value within `sealed`, whole or damaged.
env::Row open(std::string_view key, std::string_view sealed);

// The same. Throws env::DamagedValue when the checksum does not match.
std::string_view unseal(std::string_view key, std::string_view sealed);

struct Meta {
  static constexpr std::string_view KEY = "store";

  uint32_t format = FORMAT;
  uint64_t term = 0;
  uint64_t lsn = 0;                   // the highest committed

  friend bool operator==(const Meta&, const Meta&) = default;
};

std::string encode(const Meta& meta);

// Throws kj::Exception FAILED, naming the file, when the format is newer than FORMAT or the size is wrong.
Meta decodeMeta(std::string_view bytes, kj::StringPtr file);

// Sorts by number.
using JournalKey = std::array<char, 8>;

JournalKey journalKey(uint64_t number);
uint64_t journalNumber(std::string_view key);

inline std::string_view view(const JournalKey& key) { return {key.data(), key.size()}; }

// Of the index-th entry of the write set with this LSN.
uint64_t journalNumber(uint64_t lsn, size_t index);

}  // namespace meridian::store
