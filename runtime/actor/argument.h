// Arguments of calls, checked at the border of an actor before they become part of a message. What does not pass is a
// kj::Exception FAILED that names the field, the value and what is allowed.
#pragma once

#include <capnp/blob.h>
#include <capnp/list.h>
#include <kj/debug.h>

#include <string>
#include <vector>

#include "runtime/base/instance.h"
#include "schema/common.capnp.h"

namespace meridian::actor {

inline std::string nameArgument(kj::StringPtr field, capnp::Text::Reader text) {
  std::string name(text.begin(), text.size());
  if (!isName(name)) {
    kj::throwFatalException(KJ_EXCEPTION(FAILED, "not a name; allowed: 1 to 128 of A-Z a-z 0-9 . _ ~ -, and neither . nor ..",
                                         field, text.slice(0, kj::min(text.size(), NAME_MAX_BYTES))));
  }
  return name;
}

inline InstanceKey instanceArgument(kj::StringPtr field, schema::InstanceKey::Reader key) {
  auto container = key.getContainer();
  return {{ClassName(nameArgument(kj::str(field, ".container.className"), container.getClassName())),
           nameArgument(kj::str(field, ".container.id"), container.getId())},
          Generation(key.getGeneration())};
}

inline std::vector<std::string> namesArgument(kj::StringPtr field, capnp::List<capnp::Text>::Reader texts, size_t max) {
  if (texts.size() > max) {
    kj::throwFatalException(KJ_EXCEPTION(FAILED, "too many names", field, texts.size(), max));
  }
  std::vector<std::string> names;
  names.reserve(texts.size());
  for (auto text: texts) names.push_back(nameArgument(field, text));
  return names;
}

}  // namespace meridian::actor
