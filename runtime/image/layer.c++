#include "runtime/image/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "runtime/image/image-refused.h"

namespace meridian::image {

namespace {

constexpr char WHITEOUT[] = ".wh.";
constexpr char OPAQUE[] = ".wh..wh..opq";
constexpr char WHITEOUT_META[] = ".wh..wh.";  // names that a storage driver keeps for itself

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

std::string faultOf(archive* reader) {
  auto text = archive_error_string(reader);
  return text == nullptr ? "the archive is damaged" : text;
}

// The source of bytes for libarchive. What it throws must not cross C code, so it is kept and
// thrown afterwards.
struct Source {
  explicit Source(const std::string& layoutDir, const Descriptor& layer): blob(layoutDir, layer) {}
  BlobStream blob;
  std::string fault;
  char buffer[64 << 10];
};

la_ssize_t readSource(archive* reader, void* context, const void** bytes) {
  auto& source = *static_cast<Source*>(context);
  *bytes = source.buffer;
  try {
    return source.blob.read(source.buffer, sizeof(source.buffer));
  } catch (const ImageRefused& refused) {
    source.fault = refused.what();
    archive_set_error(reader, EIO, "%s", refused.what());
    return -1;
  }
}

// libarchive converts names by the locale of the thread; without one, names beyond ASCII are lost.
class Utf8Locale {
 public:
  Utf8Locale()
      : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), previous_(uselocale(locale_)) {}
  ~Utf8Locale() {
    uselocale(previous_);
    if (locale_ != nullptr) freelocale(locale_);
  }

 private:
  locale_t locale_, previous_;
};

class LayerApplier {
 public:
  LayerApplier(Tree& tree, archive* reader, UnpackBudget& budget)
      : tree_(tree), reader_(reader), budget_(budget) {}

  void apply(archive_entry* entry) {
    spend(budget_.entries, 1, "entries");
    const char* pathname = archive_entry_pathname(entry);
    if (pathname == nullptr) throw ImageRefused("a layer has an entry without a readable name");
    auto path = TreePath::parse(pathname);
    if (!path.isRoot() && path.name().starts_with(WHITEOUT)) return applyWhiteout(path);
    for (auto written = path; !written.isRoot() && written_.insert(written.text()).second;)
      written = written.parent();
    write(path, entry);
  }

 private:
  void applyWhiteout(const TreePath& path) {
    auto keep = [this](const TreePath& candidate) { return written_.contains(candidate.text()); };
    if (path.name() == OPAQUE) return tree_.removeContent(path.parent(), keep);
    if (path.name().starts_with(WHITEOUT_META)) return;
    auto hidden = path.name().substr(sizeof(WHITEOUT) - 1);
    if (hidden.empty() || hidden == "." || hidden == "..") {
      throw ImageRefused("image entry \"" + path.text() +
                         "\": a whiteout must name what it removes");
    }
    tree_.remove(path.parent().child(hidden), keep);
  }

  void write(const TreePath& path, archive_entry* entry) {
    if (auto target = archive_entry_hardlink(entry))
      return tree_.makeHardlink(path, TreePath::parse(target));
    auto attributes = attributesOf(path, entry);
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return tree_.makeFolder(path, attributes);
      case AE_IFREG:
        return tree_.makeFile(path, attributes, [this, &path](int fd) { writeContent(path, fd); });
      case AE_IFLNK: {
        auto target = archive_entry_symlink(entry);
        if (target == nullptr || *target == 0)
          throw ImageRefused("image entry \"" + path.text() + "\": a link to nowhere");
        return tree_.makeSymlink(path, attributes, target);
      }
      case AE_IFIFO:
        return tree_.makeNode(path, attributes, S_IFIFO, 0);
      case AE_IFCHR:
        // Overlay file systems read the character device 0:0 as a whiteout.
        if (archive_entry_rdev(entry) == 0)
          throw ImageRefused("image entry \"" + path.text() + "\": device 0:0 is reserved");
        return tree_.makeNode(path, attributes, S_IFCHR, archive_entry_rdev(entry));
      case AE_IFBLK:
        return tree_.makeNode(path, attributes, S_IFBLK, archive_entry_rdev(entry));
      default:
        throw ImageRefused("image entry \"" + path.text() +
                           "\": a file type that images cannot have");
    }
  }

  Attributes attributesOf(const TreePath& path, archive_entry* entry) {
    Attributes attributes{static_cast<mode_t>(archive_entry_perm(entry)),
                          static_cast<uid_t>(archive_entry_uid(entry)),
                          static_cast<gid_t>(archive_entry_gid(entry)),
                          {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)},
                          {}};
    archive_entry_xattr_reset(entry);
    const char* name;
    const void* value;
    size_t bytes;
    while (archive_entry_xattr_next(entry, &name, &value, &bytes) == ARCHIVE_OK) {
      // These would tell the overlay file system where else to look.
      if (std::string_view(name).starts_with("trusted.overlay.")) {
        throw ImageRefused("image entry \"" + path.text() + "\": extended attribute " + name +
                           " is reserved");
      }
      attributes.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), bytes));
    }
    return attributes;
  }

  void writeContent(const TreePath& path, int fd) {
    const void* block;
    size_t bytes;
    la_int64_t offset;
    int64_t end = 0;
    int result;
    while ((result = archive_read_data_block(reader_, &block, &bytes, &offset)) == ARCHIVE_OK) {
      if (offset < end)
        throw ImageRefused("image entry \"" + path.text() + "\": its blocks overlap");
      spend(budget_.bytes, offset + bytes - end, "bytes");
      end = offset + bytes;
      writeAt(path, fd, static_cast<const char*>(block), bytes, offset);
    }
    if (result != ARCHIVE_EOF)
      throw ImageRefused("image entry \"" + path.text() + "\": " + faultOf(reader_));
    if (ftruncate(fd, end) != 0)
      throw ImageRefused("image entry \"" + path.text() + "\": " + strerror(errno));
  }

  void writeAt(const TreePath& path, int fd, const char* bytes, size_t count, int64_t offset) {
    while (count > 0) {
      ssize_t written = pwrite(fd, bytes, count, offset);
      if (written < 0)
        throw ImageRefused("image entry \"" + path.text() + "\": write: " + strerror(errno));
      bytes += written;
      count -= written;
      offset += written;
    }
  }

  void spend(uint64_t& left, uint64_t amount, const char* unit) {
    if (amount > left)
      throw ImageRefused(std::string("the image has more ") + unit + " than one image may have");
    left -= amount;
  }

  Tree& tree_;
  archive* reader_;
  UnpackBudget& budget_;
  std::unordered_set<std::string>
      written_;  // by this layer, folders above included: its own whiteouts spare them
};

}  // namespace

void applyLayer(Tree& tree, const std::string& layoutDir, const Descriptor& layer,
                UnpackBudget& budget) {
  Utf8Locale locale;
  Source source(layoutDir, layer);
  Archive reader(archive_read_new());
  archive_read_support_format_tar(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_zstd(reader.get());
  auto refuse = [&] {
    throw ImageRefused("layer " + layer.digest + ": " +
                       (source.fault.empty() ? faultOf(reader.get()) : source.fault));
  };
  if (archive_read_open(reader.get(), &source, nullptr, readSource, nullptr) != ARCHIVE_OK)
    refuse();
  LayerApplier applier(tree, reader.get(), budget);
  for (;;) {
    archive_entry* entry;
    int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK) refuse();
    applier.apply(entry);
  }
  source.blob.finish();
}

}  // namespace meridian::image
