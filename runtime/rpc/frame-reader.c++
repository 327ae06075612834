#include "runtime/rpc/frame-reader.h"

#include <endian.h>
#include <kj/debug.h>

#include <algorithm>
#include <cstring>

namespace meridian::rpc {

namespace {

constexpr size_t WORD = sizeof(capnp::word);

uint32_t numberAt(kj::ArrayPtr<const kj::byte> bytes, size_t index) {
  uint32_t number;
  std::memcpy(&number, bytes.begin() + index * sizeof(number), sizeof(number));
  return le32toh(number);
}

}  // namespace

kj::ArrayPtr<kj::byte> FrameReader::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  size_t capacity = buffer_.size() * WORD;
  if (begin_ > 0 && capacity - end_ < capacity / 2) {
    std::memmove(buffer_.begin(), buffer_.asBytes().begin() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity) {
    // The table of segments fits the first room, so by now the claim is known and within its limit.
    uint64_t claim = KJ_ASSERT_NONNULL(claimedWords());
    KJ_ASSERT(claim > buffer_.size(), "a whole message waits to be taken");
    auto grown = kj::heapArray<capnp::word>(std::min<uint64_t>(buffer_.size() * 2, claim));
    std::memcpy(grown.begin(), buffer_.begin(), end_);
    buffer_ = kj::mv(grown);
  }
  return buffer_.asBytes().slice(end_, buffer_.size() * WORD);
}

void FrameReader::arrived(size_t bytes) { end_ += bytes; }

kj::Maybe<kj::Array<capnp::word>> FrameReader::next() {
  KJ_IF_MAYBE(words, claimedWords()) {
    if (end_ - begin_ < *words * WORD) return nullptr;
    if (begin_ == 0 && buffer_.size() == *words) {
      auto message = kj::mv(buffer_);
      buffer_ = kj::heapArray<capnp::word>(ROOM_WORDS);
      end_ = 0;
      return kj::mv(message);
    }
    auto message = kj::heapArray<capnp::word>(*words);
    std::memcpy(message.begin(), buffer_.asBytes().begin() + begin_, *words * WORD);
    begin_ += *words * WORD;
    return kj::mv(message);
  }
  return nullptr;
}

// The words of the message that begins the bytes, with its table: segments - 1, then the words of each, filled up to a whole word.
kj::Maybe<uint64_t> FrameReader::claimedWords() const {
  auto bytes = arrivedBytes();
  if (bytes.size() < sizeof(uint32_t)) return nullptr;
  uint64_t segments = uint64_t(numberAt(bytes, 0)) + 1;
  if (segments > limits_.segmentsMax) {
    kj::throwFatalException(overLimit("a message of ", segments, " segments; allowed are ", limits_.segmentsMax, " (segmentsMax)"));
  }
  uint64_t words = segments / 2 + 1;
  if (bytes.size() < words * WORD) return nullptr;
  for (size_t i = 1; i <= segments; i++) words += numberAt(bytes, i);
  if (words * WORD > limits_.frameBytesMax) {
    kj::throwFatalException(overLimit("a message of ", words * WORD, " bytes; allowed are ", limits_.frameBytesMax, " (frameBytesMax)"));
  }
  return words;
}

}  // namespace meridian::rpc
