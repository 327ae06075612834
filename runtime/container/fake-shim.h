// FakeShim: a thread that speaks the shim's protocol and starts nothing: what a test of the client
// needs, and a measure of what the driver itself costs.
#pragma once

#include <kj/io.h>

#include <atomic>
#include <string>
#include <thread>

namespace meridian::container {

class FakeShim {
 public:
  // Listens at `dir`/shim.sock; `dir` exists. It greets with this version of the protocol.
  FakeShim(const std::string& dir, uint32_t protocol);
  ~FakeShim();
  FakeShim(const FakeShim&) = delete;
  FakeShim& operator=(const FakeShim&) = delete;

  // Ends the present connection.
  void disconnect();

 private:
  void serve();
  void answer(int socket, kj::ArrayPtr<kj::byte> packet);

  uint32_t protocol_;
  std::atomic<int> connection_ = -1;
  kj::AutoCloseFd listener_;
  std::thread thread_;
};

}  // namespace meridian::container
