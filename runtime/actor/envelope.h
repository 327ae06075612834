// The envelope of a stored record: which build wrote it, and the oldest that may read it, before the flat words of a Cap'n Proto
// message. A build refuses a record that needs a newer reader, so that it never loads, and never rewrites, what it would
// misunderstand. Layout: writerVersion, minReader (two bytes each, little endian), then the message's words.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/array.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace meridian::actor {

// The version of the records that this build writes and the newest that it reads. It grows when a record gains a field that
// must not be lost by a reader which does not know it.
inline constexpr uint16_t RECORD_VERSION = 1;

// `minReader` is the oldest RECORD_VERSION that understands what is written.
std::string seal(capnp::MessageBuilder& message, uint16_t minReader = 1);

// A record out of its envelope. It owns a copy of the bytes; readers got from it live as long as it does.
class OpenedRecord {
 public:
  OpenedRecord(uint16_t writerVersion, kj::Array<capnp::word> words);

  template <typename Root>
  typename Root::Reader get() { return message_.getRoot<Root>(); }

  uint16_t writerVersion() const { return writerVersion_; }

 private:
  uint16_t writerVersion_;
  kj::Array<capnp::word> words_;
  capnp::FlatArrayMessageReader message_;
};

// Throws kj::Exception FAILED when the record needs a newer reader, or is no record at all.
kj::Own<OpenedRecord> open(std::string_view bytes);

}  // namespace meridian::actor
