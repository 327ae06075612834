// PeerLimits: what one connection may cost this process, whoever is at its other end. Over a limit that connection ends, with one line in
// the log that names the limit; others do not notice.
#pragma once

#include <kj/exception.h>
#include <kj/string.h>

#include <cstddef>
#include <cstdint>

#include "runtime/base/units.h"

namespace meridian::rpc {

struct PeerLimits {
  // Of one message.
  uint64_t frameBytesMax = 16 << 20;         // on a byte stream; a memory wire has no frames
  uint64_t segmentsMax = 512;                // on a byte stream
  Duration frameTimeMax = std::chrono::seconds(30);  // on a byte stream, from a message's first byte to its last
  int nestingMax = 64;                       // pointers from its root to its deepest part

  // Of what the peer makes us keep. A peer that plays by the rules comes near none of them: a host has at most 100,000 activations.
  size_t questionsMax = 1 << 17;             // its calls that have not both been answered by us and finished by it
  size_t questionBytesMax = 256 << 20;       // of calls we have not answered, and of answers with capabilities that it has not finished
  size_t redirectedMax = 64;                 // answers that we keep for it ("send the results to yourself")
  size_t pipelineMax = 64;                   // calls in a row, each to the answer of the one before, none of them finished
  size_t exportsMax = 1 << 17;               // our capabilities that it has not released
  size_t callbacksMax = 1 << 17;             // our calls that it has not answered
  size_t embargoesMax = 1'024;               // our promises to it to hold back calls, which it has not ended
  size_t promiseChainMax = 16;               // promises in a row, each resolved to the next
  size_t unreadBytesMax = 256 << 20;         // that wait until it reads them; one message more may wait, however long it is
};

// What reading a message may cost, in words, beside what it has: it may be read several times, and lists of nothing cost nothing to
// send.
inline constexpr uint64_t READINGS_MAX = 16;         // of all of a message, by all who handle it
inline constexpr uint64_t EMPTY_ELEMENTS_MAX = 4'096;  // of lists whose elements have no bytes, in one message

// Promises of a peer that it has resolved to promises, or others to them, and that we have not released.
inline constexpr size_t PROMISES_IN_CHAINS_MAX = 1'024;

// What we keep for a capability that a message brings: a table's entry and an object.
inline constexpr size_t CAPABILITY_BYTES = 512;

// For a peer that nobody vouches for: an operator's client.
inline PeerLimits limitsOfStrangers() {
  PeerLimits limits;
  limits.frameTimeMax = std::chrono::seconds(10);
  limits.questionsMax = 4'096;
  limits.questionBytesMax = 32 << 20;
  limits.exportsMax = 4'096;
  limits.callbacksMax = 4'096;
  limits.embargoesMax = 256;
  limits.unreadBytesMax = 16 << 20;
  return limits;
}

// Why a connection ends: what the peer sent or holds, and what is allowed, with the name of the limit.
template <typename... Parts>
kj::Exception overLimit(Parts&&... parts) {
  return kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__, kj::str(kj::fwd<Parts>(parts)...));
}

}  // namespace meridian::rpc
