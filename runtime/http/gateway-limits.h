// Limits: every bound of the gateway, with its unit. The defaults are what `up` and `dev` use.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/units.h"

namespace meridian::http {

using namespace std::chrono_literals;

// A head, from the first byte of its first line to its empty line, in either direction.
inline constexpr size_t HEAD_MAX = 64 << 10;            // bytes
inline constexpr size_t FIELDS_MAX = 256;               // fields of one head

// What one connection buffers in each direction; a body passes through it batch by batch.
inline constexpr size_t BUFFER_FIRST = 16 << 10;        // bytes, until more is needed
inline constexpr size_t BUFFER_MAX = HEAD_MAX;          // bytes

// A chunk's line with its extensions, or all trailers of a body.
inline constexpr size_t CHUNK_LINE_MAX = 8 << 10;       // bytes
inline constexpr size_t CHUNK_DIGITS_MAX = 16;          // of a chunk's size, leading zeros included
inline constexpr size_t LENGTH_DIGITS_MAX = 19;         // of a Content-Length, so that it fits 64 bits

inline constexpr size_t ROUTES_MAX = 1'000;             // of one application
inline constexpr size_t ROUTE_PATH_MAX = 1'024;         // bytes

struct Limits {
  size_t connectionsMax = 4'096;          // of clients; one more is answered 503
  Duration headTimeout = 10s;             // from a head's first byte to its end
  Duration keepAliveTimeout = 75s;        // of a client's connection without a request
  Duration bodyIdleTimeout = 60s;         // between two reads of a request's body, until the response starts
  Duration lingerTimeout = 2s;            // a refused client may take so long to read why
  size_t lingerBytesMax = 256 << 10;      // of what it still sends meanwhile

  Duration connectTimeout = 3s;           // to a container
  int attemptsMax = 3;                    // to reach a container for one request
  Duration attemptBackoff = 100ms;        // before the third attempt
  size_t idleUpstreamsMax = 128;          // connections kept for one instance
  Duration upstreamIdleTimeout = 15s;     // of a kept connection
  Duration upstreamFreshFor = 1s;         // how long a kept connection may have been idle to carry what cannot be repeated
  int interimResponsesMax = 16;           // 1xx heads before one final response

  Duration continueWait = 1s;             // then the gateway itself says 100 Continue
  Duration firstChunkWait = 50ms;         // a chunked head is held so long for its first chunk line
  Duration lateBodyTimeout = 30s;         // for a request's body whose response has already ended

  size_t leaseWaitersMax = 2'048;         // requests that wait for one ID
  Duration leaseWaitMax = 30min;          // longer than any start or drain of a supervisor
  int leaseTriesMax = 5;                  // when the supervisor's process is away
  Duration leaseBackoff = 50ms;           // doubling
  Duration reportInterval = 1s;           // of activity, for one ID
};

}  // namespace meridian::http
