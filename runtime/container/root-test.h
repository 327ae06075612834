// For tests that need root and the kernel's full set of tools: a temporary state folder, and what
// the machine has of the things that containers are made of, to compare before and after.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

namespace meridian::container {

// Ends the program with meson's code for "skipped", and says why, unless it runs as root.
void requireRoot();

// A folder under /tmp, removed with all that is mounted below it.
class TemporaryState {
 public:
  TemporaryState();
  ~TemporaryState();
  TemporaryState(const TemporaryState&) = delete;
  TemporaryState& operator=(const TemporaryState&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Descriptors and threads of this process; mounts, loop devices and files below the state folder;
// network interfaces and cgroups that have the marks in their names. Other programs on the machine
// do not disturb it. (A network namespace that was left would show by its interface.)
struct Footprint {
  size_t descriptors, threads, mounts, loopDevices, files, interfaces, cgroups;

  friend bool operator==(const Footprint&, const Footprint&) = default;
};
Footprint measureFootprint(const std::string& folder, const std::string& interfaceMark,
                           const std::string& cgroupMark);
std::ostream& operator<<(std::ostream& out, const Footprint& footprint);

}  // namespace meridian::container
