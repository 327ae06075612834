// FrameReader: cuts a stream of bytes into Cap'n Proto messages, which in the standard framing are already flat. What a message claims to
// be is checked before room is made for it, and room grows only as fast as its bytes come.
#pragma once

#include <capnp/common.h>
#include <kj/array.h>
#include <kj/common.h>

#include "runtime/rpc/peer-limits.h"

namespace meridian::rpc {

class FrameReader {
 public:
  explicit FrameReader(const PeerLimits& limits): limits_(limits) {}

  // Where the next bytes go, once next() has given all it can; never empty, and good until arrived().
  kj::ArrayPtr<kj::byte> room();
  void arrived(size_t bytes);

  // The next whole message. Throws FAILED when the stream breaks a limit; it is of no use then.
  kj::Maybe<kj::Array<capnp::word>> next();

  // Whether a part of a message has arrived that next() has not given yet.
  bool midMessage() const { return begin_ != end_; }

 private:
  static constexpr size_t ROOM_WORDS = 1'024;   // at first, and again after a long message

  kj::ArrayPtr<const kj::byte> arrivedBytes() const { return buffer_.asBytes().slice(begin_, end_); }
  kj::Maybe<uint64_t> claimedWords() const;

  const PeerLimits& limits_;
  kj::Array<capnp::word> buffer_ = kj::heapArray<capnp::word>(ROOM_WORDS);
  size_t begin_ = 0;   // bytes; a whole word
  size_t end_ = 0;
};

}  // namespace meridian::rpc
