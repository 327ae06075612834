// ImageRefused: why an image cannot be used, in one sentence that names the image's part, the value
// and what is allowed. Thrown by everything that reads an image, caught once, where the store
// answers (image-store.c++).
#pragma once

#include <stdexcept>

namespace meridian::image {

class ImageRefused final: public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace meridian::image
