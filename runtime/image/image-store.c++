#include "runtime/image/image-store.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/match.h"
#include "runtime/image/image-refused.h"
#include "runtime/image/layer.h"
#include "runtime/image/oci-layout.h"

namespace meridian::image {

namespace {

namespace fs = std::filesystem;

constexpr char UNPACKING[] = ".unpacking-";
constexpr char ROOTFS[] = "rootfs:";

std::string fileName(const std::string& digest) {
  auto name = digest;
  name.replace(name.find(':'), 1, "-");
  return name;
}

void writeFile(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) throw ImageRefused(path.string() + " could not be written");
}

void syncFolder(const std::string& path) {
  int fd;
  KJ_SYSCALL(fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  KJ_DEFER(close(fd));
  KJ_SYSCALL(fsync(fd), path);
}

class ImageStoreServer final: public schema::ImageStore::Server {
 public:
  ImageStoreServer(ImageStore& store, env::Worker& worker, kj::Function<void(DiskMb)> expectDisks)
      : store_(store), worker_(worker), expectDisks_(kj::mv(expectDisks)) {}

  kj::Promise<void> resolve(ResolveContext context) override {
    std::string reference = context.getParams().getImage().cStr();
    DiskMb disk(context.getParams().getDiskMb());
    context.releaseParams();
    return worker_
        .call(env::Urgency::SOON,
              [&store = store_, reference] { return outcomeOf(store, reference); })
        .then([this, context, disk](Outcome&& outcome) mutable {
          auto results = context.getResults().initOutcome();
          std::visit(Match{[&](const std::string& why) { results.setRefused(why.c_str()); },
                           [&](const ImageStore::Resolved& resolved) {
                             fill(results.initReady(), resolved);
                             if (disk > DiskMb(0)) expectDisks_(disk);
                           }},
                     outcome);
        });
  }

 private:
  using Outcome = std::variant<ImageStore::Resolved, std::string>;

  static Outcome outcomeOf(ImageStore& store, const std::string& reference) {
    try {
      return store.resolve(reference);
    } catch (const ImageRefused& refused) {
      return std::string(refused.what());
    } catch (const fs::filesystem_error& error) {
      return std::string(error.what());
    }
  }

  static void fill(schema::ImageInfo::Builder info, const ImageStore::Resolved& resolved) {
    auto& image = resolved.image;
    info.setImageId(resolved.imageId.c_str());
    auto entrypoint = info.initEntrypoint(image.entrypoint.size());
    for (size_t i = 0; i < image.entrypoint.size(); i++)
      entrypoint.set(i, image.entrypoint[i].c_str());
    auto env = info.initEnv(image.env.size());
    for (size_t i = 0; i < image.env.size(); i++) {
      env[i].setName(image.env[i].name.c_str());
      env[i].setValue(image.env[i].value.c_str());
    }
    info.setUser(image.user.c_str());
    info.setWorkdir(image.workdir.c_str());
  }

  ImageStore& store_;
  env::Worker& worker_;
  kj::Function<void(DiskMb)> expectDisks_;
};

}  // namespace

ImageStore::ImageStore(std::string folder): folder_(std::move(folder)) {
  fs::create_directories(folder_);
  for (auto& entry: fs::directory_iterator(folder_)) {
    if (entry.path().filename().string().starts_with(UNPACKING)) fs::remove_all(entry.path());
  }
}

ImageStore::Resolved ImageStore::resolve(const std::string& reference) {
  return std::visit([this](const auto& parsed) { return resolve(parsed); },
                    parseImageReference(reference));
}

ImageStore::Resolved ImageStore::resolve(const RootfsReference& reference) {
  if (!fs::is_directory(reference.dir))
    throw ImageRefused("image rootfs:" + reference.dir + ": it is not a folder");
  auto imageId = ROOTFS + reference.dir;
  return {imageId, *find(imageId)};
}

ImageStore::Resolved ImageStore::resolve(const OciReference& reference) {
  auto layout = readLayout(reference);
  std::lock_guard lock(unpacking_);
  if (auto ready = find(layout.digest)) return {layout.digest, *ready};

  fs::path unpacking = folder_ + "/" + UNPACKING + fileName(layout.digest);
  KJ_DEFER({
    std::error_code ignored;
    fs::remove_all(unpacking, ignored);
  });
  fs::create_directories(unpacking / "root");
  writeFile(unpacking / "config.json", layout.config);
  Tree tree((unpacking / "root").string());
  UnpackBudget budget;
  for (auto& layer: layout.layers) applyLayer(tree, reference.dir, layer, budget);
  tree.sync();
  fs::rename(unpacking, folderOf(layout.digest));
  syncFolder(folder_);
  return {layout.digest, *find(layout.digest)};
}

std::optional<env::Image> ImageStore::find(const std::string& imageId) {
  if (imageId.starts_with(ROOTFS)) {
    auto dir = imageId.substr(sizeof(ROOTFS) - 1);
    if (!fs::is_directory(dir)) return std::nullopt;
    env::Image image;
    image.layers = {dir};
    return image;
  }
  if (!isDigest(imageId)) return std::nullopt;
  auto folder = folderOf(imageId);
  if (!fs::is_directory(folder)) return std::nullopt;
  auto image = parseConfig(readDocument(folder + "/config.json", "image config"));
  image.layers = {folder + "/root"};
  return image;
}

std::string ImageStore::folderOf(const std::string& digest) const {
  return folder_ + "/" + fileName(digest);
}

schema::ImageStore::Client serveImages(ImageStore& store, env::Worker& worker,
                                       kj::Function<void(DiskMb)> expectDisks) {
  return kj::heap<ImageStoreServer>(store, worker, kj::mv(expectDisks));
}

}  // namespace meridian::image
