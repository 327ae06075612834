// LayoutBuilder: writes OCI layouts for tests, good and hostile ones, into a temporary folder that
// it removes again.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace meridian::image {

struct TarEntry {
  std::string path;
  std::string content;
  mode_t type = 0100000;  // S_IFREG
  mode_t mode = 0644;
  std::string linkTarget;  // of a symbolic link
  std::string hardlink;    // set: a hard link to this path
  std::map<std::string, std::string> xattrs;
  dev_t device = 0;
};

TarEntry file(std::string path, std::string content = "");
TarEntry folder(std::string path);
TarEntry symlink(std::string path, std::string target);
TarEntry hardlink(std::string path, std::string target);

enum class Compression { NONE, GZIP, ZSTD };

class LayoutBuilder {
 public:
  LayoutBuilder();
  ~LayoutBuilder();
  LayoutBuilder(const LayoutBuilder&) = delete;
  LayoutBuilder& operator=(const LayoutBuilder&) = delete;

  // Call in any order, then write().
  void addLayer(const std::vector<TarEntry>& entries, Compression compression = Compression::NONE);
  void setConfig(std::string config) { config_ = std::move(config); }
  void finishImage(const std::string& tag = "", const std::string& architecture = "amd64");

  std::filesystem::path dir() const { return root_ / "layout"; }
  std::filesystem::path images() const { return root_ / "images"; }
  std::filesystem::path root() const { return root_; }
  std::filesystem::path blob(size_t layer) const {
    return dir() / "blobs/sha256" / digests_[layer].substr(7);
  }

 private:
  std::string writeBlob(const std::string& bytes);

  std::filesystem::path root_;
  std::string config_ = "{}";
  std::vector<std::string> digests_;
  std::string layers_, manifests_;  // JSON array elements so far
};

}  // namespace meridian::image
