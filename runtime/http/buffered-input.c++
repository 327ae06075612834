#include "runtime/http/buffered-input.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/http/gateway-limits.h"

namespace meridian::http {

void BufferedInput::consume(size_t count) {
  check(count <= end_ - begin_, "only buffered bytes are consumed");
  begin_ += count;
}

bool BufferedInput::full() const { return end_ - begin_ == BUFFER_MAX; }

kj::Promise<void> BufferedInput::more() {
  check(!full(), "there is room for more");
  if (ended_) return kj::READY_NOW;
  readAhead();
  auto paf = kj::newPromiseAndFulfiller<void>();
  waiter_ = kj::mv(paf.fulfiller);
  return kj::mv(paf.promise);
}

void BufferedInput::readAhead() {
  if (reading_ || ended_) return;
  makeRoom();
  reading_ = true;
  // A dead socket makes tryRead throw at once.
  read_ = kj::evalNow([this]() { return stream_.tryRead(buffer_.begin() + end_, 1, buffer_.size() - end_); })
              .then(
                  [this](size_t count) {
                    reading_ = false;
                    end_ += count;
                    ended_ = count == 0;
                    wake();
                  },
                  [this](kj::Exception&&) {
                    reading_ = false;
                    ended_ = failed_ = true;
                    wake();
                  })
              .eagerlyEvaluate(nullptr);
}

void BufferedInput::makeRoom() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ < buffer_.size()) return;
  size_t held = end_ - begin_;
  if (begin_ > 0) {
    memmove(buffer_.begin(), buffer_.begin() + begin_, held);
  } else {
    auto larger = kj::heapArray<char>(std::clamp(buffer_.size() * 4, BUFFER_FIRST, BUFFER_MAX));
    if (held > 0) memcpy(larger.begin(), buffer_.begin(), held);
    buffer_ = kj::mv(larger);
  }
  begin_ = 0;
  end_ = held;
}

void BufferedInput::wake() {
  KJ_IF_MAYBE(waiter, waiter_) {
    auto fulfiller = kj::mv(*waiter);
    waiter_ = nullptr;
    fulfiller->fulfill();
  }
}

}  // namespace meridian::http
