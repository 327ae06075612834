// ImageStore: the images of one machine, in `images/` of the state folder. A `rootfs:` image is a
// folder of the user's that is mounted where it lies. An `oci:` image is unpacked once into one
// merged tree, named by the digest of its manifest:
//
//   images/sha256-HEX/config.json    the image's config document
//   images/sha256-HEX/root/          all layers applied
//   images/.unpacking-HEX/           a tree in the making
//
// A tree is renamed when it is whole and synced; what was interrupted is removed at the next start.
//
// One tree for an image, rather than one folder for each layer: an instance then has one lower
// folder whatever the image's history, whiteouts are resolved once instead of at each lookup, and
// nothing counts references to layers. The price is that images which share layers store them
// twice.
#pragma once

#include <kj/function.h>

#include <mutex>

#include "runtime/base/units.h"
#include "runtime/env/images.h"
#include "runtime/env/worker.h"
#include "runtime/image/image-reference.h"
#include "schema/driver.capnp.h"

namespace meridian::image {

class ImageStore final: public env::Images {
 public:
  // `folder` is made if it does not exist; what an interrupted unpacking left there is removed.
  explicit ImageStore(std::string folder);

  struct Resolved {
    std::string imageId;
    env::Image image;
  };

  // Makes the image ready to mount; returns at once when it is. Throws ImageRefused. From any
  // thread; one at a time unpacks.
  Resolved resolve(const std::string& reference);

  std::optional<env::Image> find(const std::string& imageId) override;

 private:
  Resolved resolve(const RootfsReference& reference);
  Resolved resolve(const OciReference& reference);
  std::string folderOf(const std::string& digest) const;

  std::string folder_;
  std::mutex unpacking_;
};

// The store as a service; unpacking runs on the worker. Both outlive it. `expectDisks` hears for
// which size of disk an image was made ready, where that is known.
schema::ImageStore::Client serveImages(ImageStore& store, env::Worker& worker,
                                       kj::Function<void(DiskMb)> expectDisks);

}  // namespace meridian::image
