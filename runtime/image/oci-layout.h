// Reading an OCI image layout (image-spec 1.0): the index, the manifest for this machine's
// platform, the config. Each document is verified by its digest; nothing is written. Throws
// ImageRefused.
#pragma once

#include <string>
#include <vector>

#include "runtime/env/images.h"
#include "runtime/image/blob.h"
#include "runtime/image/image-reference.h"

namespace meridian::image {

struct OciImage {
  std::string digest;              // of the manifest: it names the image's whole content
  std::vector<Descriptor> layers;  // lowest first
  std::string config;              // the config document's bytes
};

inline constexpr size_t LAYERS_MAX = 128;

OciImage readLayout(const OciReference& reference);

// What a config document says about running the image; `layers` stays empty.
env::Image parseConfig(const std::string& document);

}  // namespace meridian::image
