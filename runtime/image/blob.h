// Blobs of an OCI layout: files named by the SHA-256 of their bytes. What is read here is verified
// before anybody relies on it: a small blob before it is returned, a stream by finish(), so that
// the bytes that were hashed are the bytes that were used.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace meridian::image {

struct Descriptor {
  std::string mediaType;
  std::string digest;  // "sha256:" and 64 hex digits, checked
  uint64_t size = 0;   // bytes
};

inline constexpr size_t DOCUMENT_BYTES_MAX = 4 << 20;  // of an index, a manifest or a config

// Whether the text is "sha256:" with 64 lower-case hex digits; checkDigest throws ImageRefused when
// it is not.
bool isDigest(const std::string& text);
void checkDigest(const std::string& digest);

// "sha256:..." of the bytes.
std::string digestOf(const std::string& bytes);

// A whole small file, at most DOCUMENT_BYTES_MAX; `what` names it in the refusal.
std::string readDocument(const std::string& path, const std::string& what);

// The verified bytes of a small blob.
std::string readBlob(const std::string& layoutDir, const Descriptor& blob, const std::string& what);

class BlobStream {
 public:
  BlobStream(const std::string& layoutDir, const Descriptor& blob);
  ~BlobStream();
  BlobStream(const BlobStream&) = delete;
  BlobStream& operator=(const BlobStream&) = delete;

  // 0 at the end.
  size_t read(void* buffer, size_t bytes);

  // Reads what is left, then refuses the blob unless size and digest are those of the descriptor.
  void finish();

 private:
  struct FreeHash {
    void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
  };

  Descriptor blob_;
  int fd_;
  uint64_t bytesRead_ = 0;
  std::unique_ptr<EVP_MD_CTX, FreeHash> hash_;
};

}  // namespace meridian::image
