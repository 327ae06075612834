// Golden records: the stored bytes of a release, one storage entry a line as "key hex". They must load for ever; and what this
// build writes must be the same bytes, unless the record was changed on purpose (then add a file, and keep the old one loading).
// With MERIDIAN_REWRITE_GOLDEN in the environment the file is written instead: read the diff.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

namespace meridian::tests {

using Entries = std::map<std::string, std::string>;

inline std::string toHex(const std::string& bytes) {
  constexpr char DIGITS[] = "0123456789abcdef";
  std::string hex;
  for (unsigned char byte: bytes) hex.append({DIGITS[byte >> 4], DIGITS[byte & 15]});
  return hex;
}

inline std::string fromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// GOLDEN_DIR is this folder; the build defines it.
inline Entries goldenEntries(const std::string& file, const Entries& written) {
  auto path = std::string(GOLDEN_DIR) + "/" + file;
  if (std::getenv("MERIDIAN_REWRITE_GOLDEN") != nullptr) {
    std::ofstream out(path);
    for (auto& [key, value]: written) out << key << ' ' << toHex(value) << '\n';
  }
  Entries entries;
  std::ifstream in(path);
  std::string key, hex;
  while (in >> key >> hex) entries[key] = fromHex(hex);
  return entries;
}

}  // namespace meridian::tests
