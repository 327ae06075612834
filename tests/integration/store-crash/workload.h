// Workload: write sets made from a seed, and what a store must hold after each of them. Each set writes several keys, small
// and large, of a small space, so that sets overwrite one another's keys, the tree splits and merges, and large values take
// pages of their own; some write to the journal.
#pragma once

#include <map>
#include <string>

#include "runtime/base/random.h"
#include "runtime/env/store.h"
#include "tests/integration/store-crash/recording.h"

namespace meridian::crash {

// Everything that a reader sees, folded into one number.
uint64_t digestOf(env::Reader& reader);

class Workload {
 public:
  explicit Workload(uint64_t seed): random_(seed) {}

  // Runs on a new store in `folder`, which is opened twice, with `batches` each time. One batch in the middle finds no space.
  Recording run(const std::string& folder, unsigned batches);

  // By LSN: the digest of a store that holds all sets up to it. Aborted LSNs are absent.
  const std::map<uint64_t, uint64_t>& digests() const { return digests_; }

 private:
  enum class Space { ENOUGH, NONE };

  void runBatch(env::Store& store, Recorder& recorder, Space space);
  env::WriteSet makeSet();
  std::string makeValue();
  void apply(Lsn lsn, const env::WriteSet& set);
  uint64_t digest() const;

  Random random_;
  std::map<std::string, std::string> rows_;
  std::map<uint64_t, std::string> journal_;
  std::map<uint64_t, uint64_t> digests_{{0, emptyDigest()}};

  static uint64_t emptyDigest();
};

}  // namespace meridian::crash
