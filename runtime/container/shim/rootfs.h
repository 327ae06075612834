// The file system of a container: an overlay of the image's read-only layers and the instance's own disk, with the kernel's
// file systems of its own (/proc, /sys, /dev) masked to the usual container default. Runs in the child, in its fresh mount
// namespace; the order matters for safety: everything is mounted after pivot_root, so a link in the image leads nowhere but
// into the image.
//
// /dev is made read-only once it is filled: with CAP_MKNOD a program could otherwise make nodes of the host's disks there,
// the only mount that allows devices.
#pragma once

#include <string>

#include "runtime/container/shim/child-report.h"
#include "runtime/container/shim/packet.h"

namespace meridian::shim {

struct RootPlan {
  std::string mountPoint;      // an empty folder; each container's namespace mounts its own root there
  std::string overlayOptions;  // of mount(2)
  std::string resolvConf;      // empty: the image's stays
  std::string hosts;
};

// Throws std::system_error when the options are longer than mount(2) takes.
RootPlan planRoot(const Launch& launch, const std::string& mountPoint);

// Makes it the root of the calling process, which must be alone in its mount namespace.
void enterRoot(const RootPlan& plan, Reporter& reporter);

}  // namespace meridian::shim
