#include "runtime/container/shim/exits-file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include <capnp/serialize.h>

#include "runtime/container/shim/packet.h"
#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

constexpr char MAGIC[] = {'m', 'e', 'r', 'i', 'e', 'x', 'i', '1'};
constexpr size_t REWRITE_ABOVE = 256 * 1024;  // bytes of file; more when more than half of it is unacknowledged
constexpr size_t FRAME_MAX = 64 * 1024;       // bytes of one record

struct FrameHeader {
  uint32_t size;
  uint32_t crc;
};

uint32_t checksum(const char* bytes, size_t size) {
  return crc32(0, reinterpret_cast<const Bytef*>(bytes), static_cast<uInt>(size));
}

void appendFrame(std::string& out, const char* payload, size_t size) {
  FrameHeader header{static_cast<uint32_t>(size), checksum(payload, size)};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(payload, size);
}

void appendRecord(std::string& out, const ExitRecord& record) {
  capnp::MallocMessageBuilder message;
  encode(record, message.initRoot<schema::ExitRecord>());
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asChars();
  appendFrame(out, bytes.begin(), bytes.size());
}

// The payload of the frame at the front of `rest`, which is moved past it; nothing if there is no whole one.
std::optional<std::string_view> takeFrame(std::string_view& rest) {
  FrameHeader header;
  if (rest.size() < sizeof header) return std::nullopt;
  memcpy(&header, rest.data(), sizeof header);
  if (header.size > FRAME_MAX || rest.size() - sizeof header < header.size) return std::nullopt;
  auto payload = rest.substr(sizeof header, header.size);
  if (checksum(payload.data(), payload.size()) != header.crc) return std::nullopt;
  rest.remove_prefix(sizeof header + header.size);
  return payload;
}

ExitRecord decodeRecord(std::string_view payload) {
  auto words = kj::heapArray<capnp::word>(payload.size() / sizeof(capnp::word));
  memcpy(words.begin(), payload.data(), words.size() * sizeof(capnp::word));
  capnp::FlatArrayMessageReader message(words);
  return decode(message.getRoot<schema::ExitRecord>());
}

std::string readAll(int fd) {
  std::string bytes;
  char buffer[16 * 1024];
  while (true) {
    auto count = need(read(fd, buffer, sizeof buffer), "read the exits file");
    if (count == 0) return bytes;
    bytes.append(buffer, count);
  }
}

void writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(need(write(fd, bytes.data(), bytes.size()), "write the exits file"));
}

}  // namespace

ExitsFile::ExitsFile(std::string dir): dir_(std::move(dir)), rewriteAbove_(REWRITE_ABOVE) {
  auto path = dir_ + "/exits";
  fd_ = kj::AutoCloseFd(need(open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600), "open the exits file"));
  auto bytes = readAll(fd_);
  if (bytes.empty()) {
    rewrite({});
  } else {
    load(bytes);
  }
}

void ExitsFile::load(const std::string& bytes) {
  std::string_view rest = bytes;
  if (!rest.starts_with(std::string_view(MAGIC, sizeof MAGIC))) {
    throw std::runtime_error(dir_ + "/exits is not an exits file of this version");
  }
  rest.remove_prefix(sizeof MAGIC);
  auto base = takeFrame(rest);
  if (!base || base->size() != sizeof lastNumber_) throw std::runtime_error(dir_ + "/exits has a damaged head");
  memcpy(&lastNumber_, base->data(), sizeof lastNumber_);
  while (auto payload = takeFrame(rest)) {
    records_.push_back(decodeRecord(*payload));
    lastNumber_ = records_.back().number;
  }
  tornBytes_ = rest.size();
  fileBytes_ = bytes.size() - rest.size();
  if (tornBytes_ > 0) need(ftruncate(fd_, fileBytes_), "cut the exits file's torn end");
}

void ExitsFile::append(std::vector<ExitRecord>& records) {
  uint64_t number = lastNumber_;
  std::string frames;
  for (auto& record : records) {
    record.number = ++number;
    appendRecord(frames, record);
  }
  if (sound_) {
    sound_ = false;
    writeAll(fd_, frames);
    need(fdatasync(fd_), "sync the exits file");
    fileBytes_ += frames.size();
    sound_ = true;
  } else {
    rewrite(records);
  }
  records_.insert(records_.end(), records.begin(), records.end());
  lastNumber_ = number;
}

void ExitsFile::acknowledge(uint64_t number) {
  while (!records_.empty() && records_.front().number <= number) records_.pop_front();
  if (fileBytes_ > rewriteAbove_) rewrite({});
}

// With what is unacknowledged, then `added`.
void ExitsFile::rewrite(const std::vector<ExitRecord>& added) {
  uint64_t base = records_.empty() ? lastNumber_ : records_.front().number - 1;
  std::string bytes(MAGIC, sizeof MAGIC);
  appendFrame(bytes, reinterpret_cast<const char*>(&base), sizeof base);
  for (auto& record : records_) appendRecord(bytes, record);
  for (auto& record : added) appendRecord(bytes, record);

  auto path = dir_ + "/exits";
  auto fresh = path + ".new";
  int flags = O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC;
  kj::AutoCloseFd fd(need(open(fresh.c_str(), flags, 0600), "make a new exits file"));
  writeAll(fd, bytes);
  need(fdatasync(fd), "sync the new exits file");
  need(rename(fresh.c_str(), path.c_str()), "rename the new exits file");
  kj::AutoCloseFd folder(need(open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open the shim's folder"));
  need(fsync(folder), "sync the shim's folder");
  fd_ = kj::mv(fd);
  fileBytes_ = bytes.size();
  rewriteAbove_ = std::max(REWRITE_ABOVE, 2 * fileBytes_);
  sound_ = true;
}

}  // namespace meridian::shim
