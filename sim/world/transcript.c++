#include "sim/world/transcript.h"

#include <cstdio>
#include <cstring>

namespace meridian::sim {

namespace {

constexpr uint64_t PRIME = 0x9e3779b97f4a7c15ull;

uint64_t mixed(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * PRIME;
  return hash ^ (hash >> 29);
}

}  // namespace

void Transcript::line(Duration now, std::string_view who, std::string_view what) {
  char head[64];
  snprintf(head, sizeof head, "%12.6f  %-10.*s ", static_cast<double>(now.count()) / 1e9, static_cast<int>(who.size()), who.data());
  std::string text = head;
  text += what;
  hash(text);
  if (print_ == Print::YES) printf("%s\n", text.c_str());
  tail_.push_back(std::move(text));
  if (tail_.size() > TAIL_MAX) tail_.pop_front();
}

void Transcript::hash(std::string_view bytes) {
  hash_ = mixed(hash_, bytes.size());
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, bytes.data(), sizeof word);
    hash_ = mixed(hash_, word);
    bytes.remove_prefix(sizeof word);
  }
  for (unsigned char byte: bytes) hash_ = mixed(hash_, byte);
}

}  // namespace meridian::sim
