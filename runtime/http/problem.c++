#include "runtime/http/problem.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/actor/vocabulary.h"

namespace meridian::http {

namespace {

constexpr Duration RETRY_AFTER_DEFAULT = std::chrono::seconds(1);

int64_t wholeSeconds(Duration duration) {
  return std::max<int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count());
}

}  // namespace

Problem problemOf(schema::StartFailure::Reader failure, const ContainerId& container) {
  std::string code = failure.getCode().cStr();
  Problem problem{.status = 503, .code = code, .message = failure.getMessage().cStr(), .container = container};
  if (code == "unknown-class") {
    problem.status = 404;
    return problem;
  }
  if (code == "start-failed" || code == "start-timeout") {
    problem.status = code == "start-failed" ? 502 : 504;
    problem.exit = actor::read(failure.getExit());
    if (failure.getRetryAfterMs() > 0) problem.retryAfter = std::chrono::milliseconds(failure.getRetryAfterMs());
    return problem;
  }
  if (code == "max-instances") problem.full = "max-instances";
  if (code == "no-capacity") problem.full = "capacity";
  problem.retryAfter =
      failure.getRetryAfterMs() > 0 ? std::chrono::milliseconds(failure.getRetryAfterMs()) : RETRY_AFTER_DEFAULT;
  return problem;
}

Problem problemOf(const HeadRefusal& refusal) {
  return {.status = refusal.status, .code = refusal.code, .message = refusal.message};
}

std::string answerOf(const Problem& problem, Persistence persistence, AnswerBody body) {
  nlohmann::ordered_json json{{"code", problem.code}, {"message", problem.message}};
  if (problem.container) {
    json["class"] = problem.container->containerClass.value();
    json["id"] = problem.container->id;
  }
  if (!problem.full.empty()) json["full"] = problem.full;
  if (problem.exit) {
    json["stop_reason"] = toText(problem.exit->reason);
    json["exit_code"] = problem.exit->code ? nlohmann::ordered_json(*problem.exit->code) : nullptr;
    json["exit_signal"] = problem.exit->signal ? nlohmann::ordered_json(*problem.exit->signal) : nullptr;
    if (!problem.exit->detail.empty()) json["detail"] = problem.exit->detail;
  }
  if (problem.retryAfter) json["retry_after_s"] = wholeSeconds(*problem.retryAfter);
  // A container's words may be no UTF-8; they are shown as far as they are.
  auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";

  std::string answer = "HTTP/1.1 " + std::to_string(problem.status) + " " + reasonPhrase(problem.status) +
                       "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: " +
                       std::to_string(text.size()) + "\r\n";
  if (problem.retryAfter) answer += "Retry-After: " + std::to_string(wholeSeconds(*problem.retryAfter)) + "\r\n";
  if (persistence == Persistence::CLOSE) answer += "Connection: close\r\n";
  answer += "\r\n";
  if (body == AnswerBody::SENT) answer += text;
  return answer;
}

const char* reasonPhrase(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 408: return "Request Timeout";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Error";
  }
}

}  // namespace meridian::http
