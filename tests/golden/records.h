// Golden files of stored records, for tests: lines of a name and the record's bytes in hex. They are bytes that a release may have
// written, so a line is only ever added, or replaced before its first release (MERIDIAN_REWRITE_GOLDEN=1 writes the file anew).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace meridian::golden {

using Records = std::map<std::string, std::string>;

inline std::string toHex(std::string_view bytes) {
  static const char DIGITS[] = "0123456789abcdef";
  std::string hex;
  for (unsigned char byte: bytes) {
    hex += DIGITS[byte >> 4];
    hex += DIGITS[byte & 15];
  }
  return hex;
}

inline std::string fromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// What is stored under tests/golden/`file`; `today` is what this build writes.
inline Records records(const std::string& file, const Records& today) {
  auto path = std::string(MERIDIAN_GOLDEN) + "/" + file;
  if (getenv("MERIDIAN_REWRITE_GOLDEN")) {
    std::ofstream out(path);
    for (auto& [name, bytes]: today) out << name << ' ' << toHex(bytes) << '\n';
  }
  Records stored;
  std::ifstream in(path);
  for (std::string name, hex; in >> name >> hex;) stored[name] = fromHex(hex);
  return stored;
}

}  // namespace meridian::golden
