#include "runtime/image/layout-builder.h"

#include <archive.h>
#include <archive_entry.h>
#include <kj/debug.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "runtime/image/blob.h"

namespace meridian::image {

namespace {

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

la_ssize_t append(archive*, void* context, const void* bytes, size_t count) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(bytes), count);
  return count;
}

void addEntry(archive* writer, const TarEntry& from) {
  auto entry = archive_entry_new();
  archive_entry_set_pathname(entry, from.path.c_str());
  archive_entry_set_filetype(entry, from.type);
  archive_entry_set_perm(entry, from.mode);
  archive_entry_set_uid(entry, getuid());
  archive_entry_set_gid(entry, getgid());
  archive_entry_set_mtime(entry, 1'000'000'000, 0);
  archive_entry_set_size(entry, from.content.size());
  archive_entry_set_rdev(entry, from.device);
  if (!from.linkTarget.empty()) archive_entry_set_symlink(entry, from.linkTarget.c_str());
  if (!from.hardlink.empty()) archive_entry_set_hardlink(entry, from.hardlink.c_str());
  for (auto& [name, value]: from.xattrs)
    archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
  KJ_ASSERT(archive_write_header(writer, entry) == ARCHIVE_OK, archive_error_string(writer));
  archive_write_data(writer, from.content.data(), from.content.size());
  archive_entry_free(entry);
}

}  // namespace

TarEntry file(std::string path, std::string content) {
  return {.path = std::move(path), .content = std::move(content)};
}
TarEntry folder(std::string path) {
  return {.path = std::move(path), .type = S_IFDIR, .mode = 0755};
}
TarEntry symlink(std::string path, std::string target) {
  return {.path = std::move(path), .type = S_IFLNK, .mode = 0777, .linkTarget = std::move(target)};
}
TarEntry hardlink(std::string path, std::string target) {
  return {.path = std::move(path), .hardlink = std::move(target)};
}

LayoutBuilder::LayoutBuilder() {
  char pattern[] = "/tmp/meridian-image-XXXXXX";
  KJ_ASSERT(mkdtemp(pattern) != nullptr);
  root_ = pattern;
  std::filesystem::create_directories(dir() / "blobs/sha256");
  write(dir() / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
}

LayoutBuilder::~LayoutBuilder() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void LayoutBuilder::addLayer(const std::vector<TarEntry>& entries, Compression compression) {
  auto utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  auto previous = uselocale(utf8);
  KJ_DEFER({
    uselocale(previous);
    freelocale(utf8);
  });
  std::string bytes;
  auto writer = archive_write_new();
  archive_write_set_format_pax(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  if (compression == Compression::GZIP) archive_write_add_filter_gzip(writer);
  if (compression == Compression::ZSTD) archive_write_add_filter_zstd(writer);
  KJ_ASSERT(archive_write_open(writer, &bytes, nullptr, append, nullptr) == ARCHIVE_OK);
  for (auto& entry: entries) addEntry(writer, entry);
  archive_write_free(writer);
  auto suffix = compression == Compression::GZIP   ? "+gzip"
                : compression == Compression::ZSTD ? "+zstd"
                                                   : "";
  digests_.push_back(writeBlob(bytes));
  layers_ += (layers_.empty() ? "" : ",") +
             std::string(R"({"mediaType":"application/vnd.oci.image.layer.v1.tar)") + suffix +
             R"(","digest":")" + digests_.back() + R"(","size":)" + std::to_string(bytes.size()) +
             "}";
}

void LayoutBuilder::finishImage(const std::string& tag, const std::string& architecture) {
  auto describe = [](const std::string& digest, size_t bytes) {
    return R"("digest":")" + digest + R"(","size":)" + std::to_string(bytes);
  };
  auto manifest = R"({"schemaVersion":2,"config":{)" +
                  describe(writeBlob(config_), config_.size()) + R"(},"layers":[)" + layers_ + "]}";
  manifests_ += (manifests_.empty() ? "{" : ",{") + describe(writeBlob(manifest), manifest.size()) +
                R"(,"platform":{"os":"linux","architecture":")" + architecture +
                R"("},"annotations":{)" +
                (tag.empty() ? "" : R"("org.opencontainers.image.ref.name":")" + tag + "\"") + "}}";
  layers_.clear();
  write(dir() / "index.json", R"({"schemaVersion":2,"manifests":[)" + manifests_ + "]}");
}

std::string LayoutBuilder::writeBlob(const std::string& bytes) {
  auto digest = digestOf(bytes);
  write(dir() / "blobs/sha256" / digest.substr(7), bytes);
  return digest;
}

}  // namespace meridian::image
