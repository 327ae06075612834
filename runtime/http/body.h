// Body: one message's body on its way through the gateway: taken batch by batch out of the buffer of the side it comes
// from, and framed anew for the side it goes to. A batch is a list of views for one gathered write; nothing is copied.
#pragma once

#include <kj/array.h>
#include <kj/common.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/http/chunked-body.h"
#include "runtime/http/head.h"

namespace meridian::http {

class Body {
 public:
  // How the body is framed where it goes: RAW passes the payload alone (its length is announced, or the connection's
  // end ends it); CHUNKED makes one chunk of each batch.
  enum class Output { RAW, CHUNKED };

  Body(Framing framing, Output output);

  enum class Taken { MORE, DONE, REFUSED };

  // Makes the next batch from the buffered bytes. MORE: after this batch, more bytes are needed. `pieces()` and
  // `consumed()` describe the batch until the next call.
  Taken take(std::string_view bytes);

  // For a body that ends with its connection.
  Taken takeEnd(std::string_view bytes);

  kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces() const { return {pieces_.data(), pieces_.size()}; }
  size_t consumed() const { return consumed_; }

  bool done() const { return done_; }

  // Whether it is known that a chunked body starts as one; always for other framings.
  bool begun() const;

 private:
  void frame(size_t payloadBytes);

  Framing framing_;
  Output output_;
  uint64_t remaining_;
  bool done_;
  std::optional<ChunkedBody> chunked_;
  size_t consumed_ = 0;
  std::vector<std::string_view> payload_;
  std::vector<kj::ArrayPtr<const kj::byte>> pieces_;
  std::array<char, 20> chunkLine_;
};

inline kj::ArrayPtr<const kj::byte> asBytes(std::string_view text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

}  // namespace meridian::http
