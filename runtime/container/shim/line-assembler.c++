#include "runtime/container/shim/line-assembler.h"

#include <algorithm>

namespace meridian::shim {

using container::appendLogEntry;
using container::LOG_TEXT_MAX;

void LineAssembler::feed(std::string_view bytes, Instant now, std::string& out) {
  while (!bytes.empty()) {
    auto room = LOG_TEXT_MAX - partial_.size();
    auto newline = bytes.substr(0, room + 1).find('\n');
    bool ended = newline != std::string_view::npos;
    auto text = bytes.substr(0, ended ? newline : std::min(room, bytes.size()));
    bytes.remove_prefix(text.size() + (ended ? 1 : 0));
    if (!ended && bytes.empty()) {
      if (partial_.empty()) partialAt_ = now;
      partial_ += text;
    } else if (partial_.empty()) {
      appendLogEntry(out, {now, stream_, generation_, text});
    } else {
      partial_ += text;
      appendLogEntry(out, {partialAt_, stream_, generation_, partial_});
      partial_.clear();
    }
  }
}

void LineAssembler::finish(std::string& out) {
  if (partial_.empty()) return;
  appendLogEntry(out, {partialAt_, stream_, generation_, partial_});
  partial_ = {};
}

}  // namespace meridian::shim
