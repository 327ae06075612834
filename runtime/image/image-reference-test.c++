#include "runtime/image/image-reference.h"

#include <catch2/catch.hpp>

#include "runtime/image/image-refused.h"

namespace meridian::image {
namespace {

TEST_CASE("a rootfs reference is an absolute folder without slashes at its end") {
  CHECK(std::get<RootfsReference>(parseImageReference("rootfs:/srv/image//")).dir == "/srv/image");
}

TEST_CASE("an oci reference may have a tag") {
  auto tagged = std::get<OciReference>(parseImageReference("oci:/srv/layout:v1.2"));
  CHECK(tagged.dir == "/srv/layout");
  CHECK(tagged.tag == "v1.2");
  CHECK_FALSE(std::get<OciReference>(parseImageReference("oci:/srv/layout")).tag);
}

TEST_CASE("a colon in a folder's name is not a tag") {
  auto reference = std::get<OciReference>(parseImageReference("oci:/srv/a:b/layout"));
  CHECK(reference.dir == "/srv/a:b/layout");
  CHECK_FALSE(reference.tag);
}

TEST_CASE("references that name no image are refused") {
  for (auto text: {"", "busybox", "rootfs:", "rootfs:relative", "oci:", "oci:relative:tag",
                   "oci:/srv/layout:", "docker:/x"}) {
    INFO(text);
    CHECK_THROWS_AS(parseImageReference(text), ImageRefused);
  }
}

}  // namespace
}  // namespace meridian::image
