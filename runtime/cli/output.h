// What a verb prints. Bytes go straight to the descriptor, nothing is buffered, so that a follower shows what has arrived
// and a signal loses nothing.
#pragma once

#include <exception>
#include <kj/async.h>
#include <string_view>

namespace meridian::cli {

// Nobody reads the output any more (`meridian logs X | head`): the verb ends without a word, as one that SIGPIPE ends.
// The signal itself is off, for it would also end the verb when the platform closes the socket.
class OutputClosed final: public std::exception {};

// Throws OutputClosed, or Failure when the descriptor cannot be written (a full disk).
void writeAll(int fd, std::string_view bytes);
void print(std::string_view text);

// Output that arrives by RPC. A failed write cannot be thrown from within a call, that would tell the platform and not
// the verb: it is kept, and rethrown by finish().
class OutputStream {
 public:
  explicit OutputStream(int fd): fd_(fd) {}

  // After a failed write nothing more is written.
  void write(std::string_view bytes);
  void end() { ended_.fulfiller->fulfill(); }

  // Each is to be asked for once.
  kj::Promise<void> ended() { return kj::mv(ended_.promise); }
  kj::Promise<void> failed() { return kj::mv(failed_.promise); }

  void finish();

 private:
  const int fd_;
  std::exception_ptr failure_;
  kj::PromiseFulfillerPair<void> ended_ = kj::newPromiseAndFulfiller<void>();
  kj::PromiseFulfillerPair<void> failed_ = kj::newPromiseAndFulfiller<void>();
};

}  // namespace meridian::cli
