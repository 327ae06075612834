// The words of runtime/base in their schema form, written and read back once for all codecs and RPC edges.
//
// A part of a message that an actor passes on without deciding on it (a class's spec, say) travels as flat words: `flatten` takes
// it out of its message whole, with fields that this build does not know, and `inflate` puts it into another.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/instance.h"
#include "runtime/base/units.h"
#include "schema/common.capnp.h"

namespace meridian::actor {

Resources read(schema::Resources::Reader from);
void write(schema::Resources::Builder to, const Resources& resources);

ContainerId read(schema::ContainerKey::Reader from);
void write(schema::ContainerKey::Builder to, const ContainerId& container);

InstanceKey read(schema::InstanceKey::Reader from);
void write(schema::InstanceKey::Builder to, const InstanceKey& key);

std::vector<EnvVar> read(capnp::List<schema::EnvVar>::Reader from);
// `to` has env.size() elements.
void write(capnp::List<schema::EnvVar>::Builder to, const std::vector<EnvVar>& env);

StopReason read(schema::StopReason from);
schema::StopReason toSchema(StopReason reason);

Exit read(schema::Exit::Reader from);
void write(schema::Exit::Builder to, const Exit& exit);

// The schema's durations, in whole milliseconds; over a hundred years is a hundred years.
Duration durationFromMs(uint64_t ms);

inline std::string text(capnp::Text::Reader from) { return std::string(from.begin(), from.size()); }

template <typename Root>
std::string flatten(typename Root::Reader from) {
  capnp::MallocMessageBuilder message(static_cast<kj::uint>(from.totalSize().wordCount + 1));
  message.setRoot(from);
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asChars();
  return std::string(bytes.begin(), bytes.size());
}

// Calls `use(Root::Reader)`; the reader lives as long as the call.
template <typename Root, typename Use>
void inflate(std::string_view bytes, Use&& use) {
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  memcpy(words.begin(), bytes.data(), words.asBytes().size());
  capnp::FlatArrayMessageReader message(words);
  use(message.getRoot<Root>());
}

}  // namespace meridian::actor
