#include "sim/command/again.h"

#include "sim/command/arguments.h"

namespace meridian::sim {

namespace {

constexpr std::string_view PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+,:=@%";

std::string quoted(const std::string& word) {
  if (!word.empty() && word.find_first_not_of(PLAIN) == std::string::npos) return word;
  std::string text = "'";
  for (char c: word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string runAgain(const Program& program, const Terms& terms, uint64_t seed) {
  std::string line;
  for (auto& word: program) line += quoted(word) + " ";
  line += "run " + std::string(terms.scenario->name) + " --seed " + std::to_string(seed);
  if (terms.options.storm) line += " --storm " + durationText(*terms.options.storm);
  if (!terms.options.without.empty()) line += " --without " + faultsText(terms.options.without);
  if (!terms.options.sizes.empty()) line += " --size " + sizesText(terms.options.sizes);
  if (!terms.options.onlyChecker.empty()) line += " --checker " + quoted(terms.options.onlyChecker);
  return line;
}

}  // namespace meridian::sim
