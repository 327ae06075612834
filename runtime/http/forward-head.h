// Heads as they go on: what passes from one side to the other and what belongs to one connection only (RFC
// 9110, 7.6.1). Fields keep their spelling and their order; the gateway writes the framing anew and alone says who the
// client is.
#pragma once

#include <string>
#include <string_view>

#include "runtime/http/head.h"

namespace meridian::http {

// The request for the container. `peer` is the client's address without its port.
std::string forwardedRequest(const RequestHead& head, std::string_view peer);

// How the client's copy of a response is framed and whether its connection stays.
struct ClientFraming {
  bool chunked;
  bool close;
};

std::string forwardedResponse(const ResponseHead& head, ClientFraming framing);

// A 1xx head; it has neither framing nor persistence.
std::string forwardedInterim(const ResponseHead& head);

}  // namespace meridian::http
