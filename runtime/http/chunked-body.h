// ChunkedBody: takes a chunked body apart. Boost.Beast's parser does the reading; checks of our own bound each size
// line (Beast takes any number of leading zeros) and refuse control bytes in extensions. Extensions and trailers are
// read and dropped.
#pragma once

#include <kj/memory.h>

#include <string_view>
#include <vector>

namespace meridian::http {

class ChunkedBody {
 public:
  ChunkedBody();
  ~ChunkedBody() noexcept(false);

  enum class Taken { MORE, DONE, REFUSED };

  // Takes what it can from `bytes`: appends the payload in them, as views, to `payload`, and adds to `consumed`. The
  // bytes that were not consumed must come again, with more after them.
  Taken take(std::string_view bytes, std::vector<std::string_view>& payload, size_t& consumed);

  // Whether the first chunk's line was seen: from then on the body is a chunked one.
  bool begun() const;

 private:
  class Decoder;
  kj::Own<Decoder> decoder_;
};

}  // namespace meridian::http
