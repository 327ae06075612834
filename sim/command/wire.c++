#include "sim/command/wire.h"

#include <nlohmann/json.hpp>

#include "runtime/base/check.h"

namespace meridian::sim {

namespace {

using nlohmann::json;

constexpr size_t TAIL_MAX = RESULT_MAX / 8;      // bytes of the transcript, of which JSON may make six times as many
constexpr size_t TEXT_MAX = 4 << 10;             // bytes of a finding

std::vector<std::string> shortened(const std::vector<std::string>& lines) {
  std::vector<std::string> kept;
  size_t bytes = 0;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    bytes += line->size();
    if (bytes > TAIL_MAX) break;
    kept.insert(kept.begin(), *line);
  }
  return kept;
}

}  // namespace

Order newOrder(uint64_t number, const Scenario& scenario, uint64_t seed, const RunOptions& options, Duration patience) {
  check(scenario.faults.size() <= Order::FAULTS_MAX, "a scenario has no more faults than an order can name");
  check(scenario.sizes.size() <= Order::SIZES_MAX, "a scenario has no more sizes than an order can name");
  check(options.onlyChecker.size() <= Order::CHECKER_MAX, "the name of a checker fits into an order");
  Order order{.number = number,
              .scenario = static_cast<uint32_t>(&scenario - scenarios().data()),
              .print = options.print,
              .seed = seed,
              .storm = options.storm,
              .until = options.until,
              .patience = patience};
  for (size_t i = 0; i < scenario.faults.size(); ++i) {
    if (options.without.contains(std::string(scenario.faults[i]))) order.without |= uint64_t(1) << i;
  }
  for (size_t i = 0; i < scenario.sizes.size(); ++i) {
    auto size = options.sizes.find(std::string(scenario.sizes[i]));
    if (size != options.sizes.end()) order.sizes[i] = size->second;
  }
  options.onlyChecker.copy(order.checker.data(), Order::CHECKER_MAX);
  return order;
}

RunOptions optionsOf(const Order& order) {
  RunOptions options{.print = order.print, .onlyChecker = order.checker.data(), .until = order.until, .storm = order.storm};
  auto& scenario = scenarios()[order.scenario];
  for (size_t i = 0; i < scenario.faults.size(); ++i) {
    if ((order.without >> i & 1) != 0) options.without.emplace(scenario.faults[i]);
  }
  for (size_t i = 0; i < scenario.sizes.size(); ++i) {
    if (order.sizes[i] != 0) options.sizes.emplace(scenario.sizes[i], order.sizes[i]);
  }
  return options;
}

std::string_view toWord(End end) {
  switch (end) {
    case End::FINE: return "fine";
    case End::WRONG: return "wrong";
    case End::STUCK: return "stuck";
    case End::CRASH: return "crash";
  }
  failCheck("an end has a word");
}

std::string encode(const Result& result) {
  json fields = {{"end", static_cast<int>(result.end)},
                 {"checker", result.checker},
                 {"what", result.what.substr(0, TEXT_MAX)},
                 {"tail", shortened(result.tail)},
                 {"hash", result.hash},
                 {"simulated", result.simulated.count()},
                 {"storm", result.storm.count()},
                 {"events", result.events},
                 {"counts", result.counts}};
  return fields.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result decodeResult(std::string_view bytes) {
  auto fields = json::parse(bytes);
  return {.end = static_cast<End>(fields.at("end").get<int>()),
          .checker = fields.at("checker"),
          .what = fields.at("what"),
          .tail = fields.at("tail"),
          .hash = fields.at("hash"),
          .simulated = Duration(fields.at("simulated").get<int64_t>()),
          .storm = Duration(fields.at("storm").get<int64_t>()),
          .events = fields.at("events"),
          .counts = fields.at("counts")};
}

}  // namespace meridian::sim
