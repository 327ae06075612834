// The verbs that are a platform, or end one: `dev`, `up` and `down`.
#pragma once

#include "runtime/cli/platform.h"

namespace meridian::platform {

class Commands final: public cli::Platform {
 public:
  int dev(const cli::DevOptions& options) override;
  int up(const cli::UpOptions& options) override;
  int down(const cli::DownOptions& options) override;
};

}  // namespace meridian::platform
