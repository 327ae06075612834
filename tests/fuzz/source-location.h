// std::source_location for clang 14, which lacks the builtin that libstdc++ 12 wants for it. Included before everything
// else when fuzzing; nothing where the library has its own.
#pragma once

#include <version>

#ifndef __cpp_lib_source_location

#include <cstdint>

namespace std {

struct source_location {
  static constexpr source_location current(const char* file = __builtin_FILE(), uint32_t line = __builtin_LINE()) {
    return {file, line};
  }
  constexpr const char* file_name() const { return file_; }
  constexpr uint32_t line() const { return line_; }

  const char* file_;
  uint32_t line_;
};

}  // namespace std

#endif
