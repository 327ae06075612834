#include "actors/placement/feasible.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/base/check.h"

namespace meridian::placement {

namespace {

struct Rule {
  Obstacle obstacle;
  bool (*applies)(const Candidate&, const Request&);
};

constexpr std::array<Rule, OBSTACLES> RULES = {{
    {Obstacle::AVOIDED, isAvoided},
    {Obstacle::TOO_SMALL, isTooSmall},
    {Obstacle::CPU_SHORT, isShortOfCpu},
    {Obstacle::MEMORY_SHORT, isShortOfMemory},
    {Obstacle::DISK_SHORT, isShortOfDisk},
}};

std::string cpu(MicroCpu amount) {
  std::array<char, 32> text;
  auto end = std::to_chars(text.data(), text.data() + text.size(), static_cast<double>(amount.value()) / 1e6,
                           std::chars_format::fixed).ptr;
  return std::string(text.data(), end) + " vCPU";
}

std::string memory(MemoryMib amount) { return std::to_string(amount.value()) + " MiB"; }
std::string disk(DiskMb amount) { return std::to_string(amount.value()) + " MB"; }

std::string shortage(std::string_view what, const std::string& need, const std::string& free) {
  return std::string(what) + ": " + need + " needed, " + free + " free";
}

}  // namespace

bool isAvoided(const Candidate& candidate, const Request& request) {
  return std::find(request.avoid.begin(), request.avoid.end(), candidate.name) != request.avoid.end();
}

bool isTooSmall(const Candidate& candidate, const Request& request) { return !fits(request.need, candidate.total); }

bool isShortOfCpu(const Candidate& candidate, const Request& request) {
  return request.need.cpu > candidate.free.cpu;
}

bool isShortOfMemory(const Candidate& candidate, const Request& request) {
  return request.need.memory > candidate.free.memory;
}

bool isShortOfDisk(const Candidate& candidate, const Request& request) {
  return request.need.disk > candidate.free.disk;
}

std::optional<Obstacle> obstacle(const Candidate& candidate, const Request& request) {
  for (auto& rule: RULES) {
    if (rule.applies(candidate, request)) return rule.obstacle;
  }
  return std::nullopt;
}

std::string describe(Obstacle obstacle, const Candidate& candidate, const Request& request) {
  auto& need = request.need;
  auto& free = candidate.free;
  switch (obstacle) {
    case Obstacle::AVOIDED: return "it refused this instance before";
    case Obstacle::TOO_SMALL: return "too small: has " + toText(candidate.total) + " in all";
    case Obstacle::CPU_SHORT: return shortage("cpu", cpu(need.cpu), cpu(free.cpu));
    case Obstacle::MEMORY_SHORT: return shortage("memory", memory(need.memory), memory(free.memory));
    case Obstacle::DISK_SHORT: return shortage("disk", disk(need.disk), disk(free.disk));
  }
  failCheck("an obstacle is one of the enumerators");
}

std::string_view toText(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::AVOIDED: return "refused before";
    case Obstacle::TOO_SMALL: return "too small";
    case Obstacle::CPU_SHORT: return "short of cpu";
    case Obstacle::MEMORY_SHORT: return "short of memory";
    case Obstacle::DISK_SHORT: return "short of disk";
  }
  failCheck("an obstacle is one of the enumerators");
}

std::string toText(const Resources& resources) {
  return cpu(resources.cpu) + ", " + memory(resources.memory) + ", " + disk(resources.disk);
}

}  // namespace meridian::placement
