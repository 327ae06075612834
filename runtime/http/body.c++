#include "runtime/http/body.h"

#include <algorithm>
#include <charconv>

#include "runtime/base/check.h"

namespace meridian::http {

Body::Body(Framing framing, Output output)
    : framing_(framing), output_(output), remaining_(framing.length), done_(!framing.hasBody()) {
  if (framing.kind == Framing::Kind::CHUNKED) chunked_.emplace();
}

Body::Taken Body::take(std::string_view bytes) {
  payload_.clear();
  pieces_.clear();
  consumed_ = 0;
  if (done_) return Taken::DONE;
  switch (framing_.kind) {
    case Framing::Kind::NONE: break;
    case Framing::Kind::LENGTH:
      consumed_ = static_cast<size_t>(std::min<uint64_t>(bytes.size(), remaining_));
      remaining_ -= consumed_;
      done_ = remaining_ == 0;
      if (consumed_ > 0) payload_.push_back(bytes.substr(0, consumed_));
      break;
    case Framing::Kind::CHUNKED:
      switch (chunked_->take(bytes, payload_, consumed_)) {
        case ChunkedBody::Taken::MORE: break;
        case ChunkedBody::Taken::DONE: done_ = true; break;
        case ChunkedBody::Taken::REFUSED: return Taken::REFUSED;
      }
      break;
    case Framing::Kind::UNTIL_CLOSE:
      consumed_ = bytes.size();
      if (consumed_ > 0) payload_.push_back(bytes);
      break;
  }
  size_t payloadBytes = 0;
  for (auto piece: payload_) payloadBytes += piece.size();
  frame(payloadBytes);
  return done_ ? Taken::DONE : Taken::MORE;
}

Body::Taken Body::takeEnd(std::string_view bytes) {
  check(framing_.kind == Framing::Kind::UNTIL_CLOSE, "only the end of a connection ends such a body");
  take(bytes);
  done_ = true;
  if (output_ == Output::CHUNKED) pieces_.push_back(asBytes("0\r\n\r\n"));
  return Taken::DONE;
}

bool Body::begun() const { return !chunked_ || done_ || chunked_->begun(); }

void Body::frame(size_t payloadBytes) {
  bool chunk = output_ == Output::CHUNKED && payloadBytes > 0;
  if (chunk) {
    auto* end = std::to_chars(chunkLine_.begin(), chunkLine_.end() - 2, payloadBytes, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    pieces_.push_back(asBytes({chunkLine_.data(), static_cast<size_t>(end - chunkLine_.data())}));
  }
  for (auto piece: payload_) pieces_.push_back(asBytes(piece));
  if (chunk) pieces_.push_back(asBytes("\r\n"));
  if (output_ == Output::CHUNKED && done_) pieces_.push_back(asBytes("0\r\n\r\n"));
}

}  // namespace meridian::http
