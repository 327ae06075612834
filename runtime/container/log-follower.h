// Serves `logs`: the stored lines of an ID to a LogSink in bounded batches, each sent when the one
// before was taken; then its end, or, following, what is written from then on, noticed by inotify.
// Following ends when the log folder is removed.
#pragma once

#include <kj/async-unix.h>

#include <string>

#include "schema/container.capnp.h"

namespace meridian::container {

// The handle ends it when it is dropped. Following makes the folder if it is not there yet.
schema::Handle::Client serveLogs(kj::UnixEventPort& port, const std::string& folder,
                                 schema::LogRequest::Reader request);

}  // namespace meridian::container
