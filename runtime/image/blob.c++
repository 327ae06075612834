#include "runtime/image/blob.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/image/image-refused.h"

namespace meridian::image {

namespace {

constexpr char PREFIX[] = "sha256:";
constexpr size_t PREFIX_BYTES = sizeof(PREFIX) - 1;
constexpr size_t HEX_DIGITS = 64;

std::string toHex(const unsigned char* bytes, size_t count) {
  constexpr char DIGITS[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < count; i++) {
    hex += DIGITS[bytes[i] >> 4];
    hex += DIGITS[bytes[i] & 15];
  }
  return hex;
}

std::string pathOf(const std::string& layoutDir, const Descriptor& blob) {
  return layoutDir + "/blobs/sha256/" + blob.digest.substr(PREFIX_BYTES);
}

// Regular files only: opening a FIFO would wait for ever.
int openRegular(const std::string& path, const std::string& what) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw ImageRefused(what + " cannot be read: " + path + ": " + strerror(errno));
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    throw ImageRefused(what + " is not a regular file: " + path);
  }
  return fd;
}

}  // namespace

bool isDigest(const std::string& text) {
  return text.size() == PREFIX_BYTES + HEX_DIGITS && text.starts_with(PREFIX) &&
         text.find_first_not_of("0123456789abcdef", PREFIX_BYTES) == std::string::npos;
}

void checkDigest(const std::string& digest) {
  if (isDigest(digest)) return;
  throw ImageRefused("digest \"" + digest + "\": allowed is sha256: with 64 lower-case hex digits");
}

std::string digestOf(const std::string& bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  KJ_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) == 1);
  return PREFIX + toHex(digest, size);
}

std::string readDocument(const std::string& path, const std::string& what) {
  int fd = openRegular(path, what);
  KJ_DEFER(close(fd));
  std::string bytes;
  char chunk[16384];
  for (;;) {
    ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got < 0) throw ImageRefused(what + " cannot be read: " + path + ": " + strerror(errno));
    if (got == 0) return bytes;
    bytes.append(chunk, got);
    if (bytes.size() > DOCUMENT_BYTES_MAX) {
      throw ImageRefused(what + " is larger than " + std::to_string(DOCUMENT_BYTES_MAX) +
                         " bytes: " + path);
    }
  }
}

std::string readBlob(const std::string& layoutDir, const Descriptor& blob,
                     const std::string& what) {
  auto bytes = readDocument(pathOf(layoutDir, blob), what);
  if (bytes.size() != blob.size || digestOf(bytes) != blob.digest) {
    throw ImageRefused(what + " " + blob.digest +
                       ": its bytes do not match the digest and size that name it");
  }
  return bytes;
}

BlobStream::BlobStream(const std::string& layoutDir, const Descriptor& blob)
    : blob_(blob), fd_(openRegular(pathOf(layoutDir, blob), "layer")), hash_(EVP_MD_CTX_new()) {
  KJ_ASSERT(EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr) == 1);
}

BlobStream::~BlobStream() { close(fd_); }

size_t BlobStream::read(void* buffer, size_t bytes) {
  // One byte more than promised is enough to know that the blob is too large.
  size_t wanted = std::min<uint64_t>(bytes, blob_.size + 1 - bytesRead_);
  ssize_t got = ::read(fd_, buffer, wanted);
  if (got < 0) throw ImageRefused("layer " + blob_.digest + " cannot be read: " + strerror(errno));
  bytesRead_ += got;
  KJ_ASSERT(EVP_DigestUpdate(hash_.get(), buffer, got) == 1);
  return got;
}

void BlobStream::finish() {
  char rest[16384];
  while (bytesRead_ <= blob_.size && read(rest, sizeof(rest)) > 0) {
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  KJ_ASSERT(EVP_DigestFinal_ex(hash_.get(), digest, &size) == 1);
  if (bytesRead_ != blob_.size || PREFIX + toHex(digest, size) != blob_.digest) {
    throw ImageRefused("layer " + blob_.digest +
                       ": its bytes do not match the digest and size that name it");
  }
}

}  // namespace meridian::image
