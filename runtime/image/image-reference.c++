#include "runtime/image/image-reference.h"

#include "runtime/image/image-refused.h"

namespace meridian::image {

namespace {

constexpr size_t REFERENCE_BYTES_MAX = 4096;

std::string absolute(const std::string& text, std::string dir) {
  if (dir.empty() || dir[0] != '/') {
    throw ImageRefused("image \"" + text + "\": the folder must be an absolute path");
  }
  if (dir.find('\0') != std::string::npos) {
    throw ImageRefused("image \"" + text + "\": the folder contains a NUL byte");
  }
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  return dir;
}

// The tag is what follows the last ':' unless a '/' comes after it, so that folders may have colons
// in their names.
OciReference parseOci(const std::string& text, const std::string& rest) {
  auto colon = rest.rfind(':');
  if (colon == std::string::npos || rest.find('/', colon) != std::string::npos) {
    return {absolute(text, rest), std::nullopt};
  }
  if (colon + 1 == rest.size())
    throw ImageRefused("image \"" + text + "\": the tag after ':' is empty");
  return {absolute(text, rest.substr(0, colon)), rest.substr(colon + 1)};
}

}  // namespace

ImageReference parseImageReference(const std::string& text) {
  if (text.size() > REFERENCE_BYTES_MAX) {
    throw ImageRefused("the image reference is longer than " + std::to_string(REFERENCE_BYTES_MAX) +
                       " bytes");
  }
  if (text.starts_with("rootfs:")) return RootfsReference{absolute(text, text.substr(7))};
  if (text.starts_with("oci:")) return parseOci(text, text.substr(4));
  throw ImageRefused("image \"" + text + "\": allowed are rootfs:DIR and oci:DIR[:tag]");
}

}  // namespace meridian::image
