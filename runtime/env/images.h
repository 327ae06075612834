// Images: what a driver must know about an image that the image store has made ready. Behind it
// stands runtime/image; the driver and the store meet here and in the composition only. Used on the
// loop thread; a call reads one small file at most.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/instance.h"

namespace meridian::env {

struct Image {
  std::vector<std::string> layers;      // read-only folders, topmost first; absolute
  std::vector<std::string> entrypoint;  // the image's entrypoint and its arguments, may be empty
  std::vector<EnvVar> env;              // names are unique
  std::string user;                     // as the image says it; empty: root
  std::string workdir;                  // empty: "/"
};

class Images {
 public:
  // The image that `resolve` named so, or nothing when it is not (or no longer) on this machine.
  virtual std::optional<Image> find(const std::string& imageId) = 0;

 protected:
  ~Images() = default;
};

}  // namespace meridian::env
