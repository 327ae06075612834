// The file system of a container: an overlay of the image's read-only layers and the instance's own disk, with the kernel's
// file systems of its own (/proc, /sys, /dev) masked to the usual container default. The order matters for safety:
// everything is mounted after pivot_root, so a link in the image leads nowhere but into the image.
//
// The child starts from a bare mount namespace, not from a copy of the machine's. A copy would hold the disks of all other
// instances for a moment, so that one which is just being unmounted would live on behind the driver's back; and it would be
// slower the more disks there are. So the overlay is made while the child is still in the machine's namespace, as a mount
// that is attached nowhere, and carried over. Its parts are named by descriptors: no path needs quoting, and none of the
// machine's shows in the container's mount table.
//
// /dev is made read-only once it is filled: with CAP_MKNOD a program could otherwise make nodes of the host's disks there,
// the only mount that allows devices.
#pragma once

#include <string>
#include <vector>

#include <kj/io.h>

#include "runtime/container/shim/child-report.h"

namespace meridian::shim {

// A mount namespace with nothing in it but an empty folder to mount a root on; alive as long as the descriptor. `folder` is
// any empty folder of the machine. Throws std::system_error.
kj::AutoCloseFd makeBareMounts(const std::string& folder);

struct RootPlan {
  int bareMounts;
  std::vector<std::string> layers;  // topmost first
  std::string upper;
  std::string work;
  std::string resolvConf;  // empty: the image's stays
  std::string hosts;
};

// Makes it the root of the calling process, which is in the machine's mount namespace and leaves it.
void enterRoot(const RootPlan& plan, Reporter& reporter);

}  // namespace meridian::shim
