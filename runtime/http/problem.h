// Problem: why the gateway itself answers a request, and the answer it gives: JSON with a `code` that stays the same
// for ever, a sentence for people, and what is known of the container.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/base/instance.h"
#include "runtime/base/names.h"
#include "runtime/base/units.h"
#include "runtime/http/head.h"
#include "schema/container.capnp.h"

namespace meridian::http {

struct Problem {
  int status;
  std::string code;
  std::string message;
  std::optional<Duration> retryAfter = std::nullopt;
  std::optional<ContainerId> container = std::nullopt;
  std::string full = {};                    // what is full: "max-instances" or "capacity"; may be empty
  std::optional<Exit> exit = std::nullopt;  // of the generation that failed to start
};

// The supervisor's reason, as HTTP knows it.
Problem problemOf(schema::StartFailure::Reader failure, const ContainerId& container);

Problem problemOf(const HeadRefusal& refusal);

enum class Persistence { KEEP_ALIVE, CLOSE };
enum class AnswerBody { SENT, OMITTED };  // OMITTED for HEAD

// The whole response, ready to be written.
std::string answerOf(const Problem& problem, Persistence persistence, AnswerBody body);

// The usual words of a status that the gateway itself uses.
const char* reasonPhrase(int status);

}  // namespace meridian::http
