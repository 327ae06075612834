// BufferedInput: what was read from one connection and not yet used. It separates waiting for bytes from taking them:
// the read belongs to this object, so whoever waits may stop waiting (a time-out, a client that left) and no byte is
// lost.
//
// bytes() stay where they are until more() or reserve() is called. At most one waiter at a time. The stream outlives
// this.
#pragma once

#include <kj/array.h>
#include <kj/async-io.h>

#include <string_view>

namespace meridian::http {

class BufferedInput {
 public:
  explicit BufferedInput(kj::AsyncInputStream& stream): stream_(stream) {}
  KJ_DISALLOW_COPY(BufferedInput);

  std::string_view bytes() const { return {buffer_.begin() + begin_, end_ - begin_}; }
  void consume(size_t count);

  // The peer has ended its side; bytes() may still hold what came before.
  bool ended() const { return ended_; }

  // It ended by an error (a reset), so what came before may be cut short.
  bool failed() const { return failed_; }

  // BUFFER_MAX bytes are waiting: more() would never resolve.
  bool full() const;

  // Resolves once bytes() has grown or the peer has ended; never rejects. Not when full().
  kj::Promise<void> more();

  // Reads ahead without a waiter, so that the end of an idle connection shows.
  void readAhead();

 private:
  void makeRoom();
  void wake();

  kj::AsyncInputStream& stream_;
  kj::Array<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool reading_ = false;
  bool ended_ = false;
  bool failed_ = false;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> waiter_;
  kj::Promise<void> read_ = nullptr;
};

}  // namespace meridian::http
