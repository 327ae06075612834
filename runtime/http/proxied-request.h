// ProxiedRequest: what the gateway remembers of a request once its head is read and its ID known. The head itself is
// kept as the container gets it, so that another attempt needs nothing of the client's bytes.
#pragma once

#include <string>

#include "runtime/base/names.h"
#include "runtime/http/head.h"

namespace meridian::http {

struct ProxiedRequest {
  ContainerId container;
  std::string head;
  Framing framing;
  Version version;
  bool keepAlive;  // what the client wants
  bool isHead;
  bool expectsContinue;

  // Sending it again cannot do harm: an idempotent method (RFC 9110, 9.2.2) without a body.
  bool repeatable;
};

bool isIdempotent(std::string_view method);

// What becomes of the client's connection after an answer.
enum class ClientFate {
  KEEP,    // the next request may come
  LINGER,  // the answer was the last; the client gets time to read it
  CLOSE,   // at once: the client has left, or an answer was cut short
  RESET,   // at once, so that a body that ends with its connection does not look whole
};

}  // namespace meridian::http
