// What this machine may give to instances: what was declared, and for the rest what the kernel reports.
#pragma once

#include <string>

#include "runtime/base/units.h"
#include "runtime/cli/platform.h"

namespace meridian::platform {

// Disk is what is free where `stateFolder` lies.
Resources capacityOf(const cli::Capacity& declared, const std::string& stateFolder);

}  // namespace meridian::platform
