// LaunchPlan: what the shim is told to start, put together from the class, the image and the pieces
// this machine has set aside for the instance. Pure, except that the image's user files are read.
#pragma once

#include "runtime/container/instance-names.h"
#include "runtime/env/images.h"
#include "schema/driver.capnp.h"
#include "schema/shim.capnp.h"

namespace meridian::container {

inline constexpr uint32_t PIDS_MAX = 4096;                // tasks of one instance
inline constexpr uint64_t LOG_FILE_BYTES_MAX = 10 << 20;  // of each of an ID's two log files

// Later ones win; a name keeps its first place.
std::vector<EnvVar> mergeEnv(const std::vector<std::vector<EnvVar>>& layers);

// The ports that must accept before the instance is ready: the required ones, else the default one,
// else none.
std::vector<uint16_t> readinessPorts(schema::ClassSpec::Reader spec);

// Image < class < this start < the platform's own MERIDIAN_ID, _CLASS, _GENERATION and _LOCATION. A
// PATH is there in any case.
std::vector<EnvVar> environmentOf(schema::LaunchSpec::Reader spec, const env::Image& image);

struct LaunchPieces {
  InstanceTag tag;
  std::string writable;  // the disk's folder
  std::string logFolder;
};

// Throws kj::Exception when there is nothing to run, or the user is not in the image.
void planLaunch(schema::Launch::Builder launch, schema::LaunchSpec::Reader spec,
                const env::Image& image, const LaunchPieces& pieces);

}  // namespace meridian::container
