// ImageReference: how a class names its image: `rootfs:DIR` or `oci:DIR[:tag]`, DIR absolute (the
// verbs make it so before they send it). A value.
#pragma once

#include <optional>
#include <string>
#include <variant>

namespace meridian::image {

// A folder that is the root file system as it stands.
struct RootfsReference {
  std::string dir;
};

// An OCI image layout; without a tag its only image, or the one tagged `latest`.
struct OciReference {
  std::string dir;
  std::optional<std::string> tag;
};

using ImageReference = std::variant<RootfsReference, OciReference>;

// Throws ImageRefused.
ImageReference parseImageReference(const std::string& text);

}  // namespace meridian::image
