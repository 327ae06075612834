// applyLayer: one layer of an OCI image, a tar that may be compressed, applied to a tree: additions
// and changes, whiteouts
// (".wh.NAME" removes NAME of the layers below) and opaque folders (".wh..wh..opq" removes what the
// layers below have there). libarchive parses and decompresses; tree.h keeps paths inside. Throws
// ImageRefused; the tree is then half written and to be thrown away.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/image/blob.h"
#include "runtime/image/tree.h"

namespace meridian::image {

// What is left for the rest of the image; an image that exceeds it is refused.
struct UnpackBudget {
  uint64_t entries = 2'000'000;
  uint64_t bytes = 64ull << 30;  // of file content, holes included
};

void applyLayer(Tree& tree, const std::string& layoutDir, const Descriptor& layer,
                UnpackBudget& budget);

}  // namespace meridian::image
