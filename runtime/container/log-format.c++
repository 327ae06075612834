#include "runtime/container/log-format.h"

#include <charconv>

#include "runtime/base/check.h"

namespace meridian::container {

namespace {

template <typename Number>
void appendNumber(std::string& out, Number number) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// Takes a number and the blank after it off the front of `rest`.
template <typename Number>
std::optional<Number> takeNumber(std::string_view& rest) {
  Number number;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc() || end == rest.data() + rest.size() || *end != ' ') return std::nullopt;
  rest.remove_prefix(end - rest.data() + 1);
  return number;
}

std::optional<LogStream> takeStream(std::string_view& rest) {
  if (rest.size() < 2 || rest[1] != ' ' || (rest[0] != 'o' && rest[0] != 'e')) return std::nullopt;
  LogStream stream = rest[0] == 'o' ? LogStream::OUT : LogStream::ERR;
  rest.remove_prefix(2);
  return stream;
}

}  // namespace

void appendLogEntry(std::string& out, const LogEntry& entry) {
  check(entry.text.size() <= LOG_TEXT_MAX, "a log entry's text fits LOG_TEXT_MAX");
  check(entry.text.find('\n') == std::string_view::npos, "a log entry's text holds no newline");
  appendNumber(out, toNs(entry.at));
  out += entry.stream == LogStream::OUT ? " o " : " e ";
  appendNumber(out, entry.generation.value());
  out += ' ';
  out += entry.text;
  out += '\n';
}

std::optional<LogEntry> parseLogEntry(std::string_view line) {
  auto at = takeNumber<int64_t>(line);
  if (!at) return std::nullopt;
  auto stream = takeStream(line);
  if (!stream) return std::nullopt;
  auto generation = takeNumber<uint64_t>(line);
  if (!generation) return std::nullopt;
  return LogEntry{instantFromNs(*at), *stream, Generation(*generation), line};
}

}  // namespace meridian::container
