// ScratchFolder: a folder of its own for one test or benchmark, gone with all that is in it at the end of its scope.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace meridian::tests {

// A place for scratch folders in memory, where there is one: for tests to which a real disk's syncs prove nothing.
inline std::filesystem::path memoryPlace() {
  std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

class ScratchFolder {
 public:
  explicit ScratchFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = parent / "meridian-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch folder in " + parent.string());
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;          // nothing can be done about it here
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace meridian::tests
