#include "runtime/container/log-follower.h"

#include <kj/debug.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/container/log-format.h"
#include "runtime/container/log-reader.h"

namespace meridian::container {

namespace {

// Tells that something happened in a folder.
class FolderWatch {
 public:
  FolderWatch(kj::UnixEventPort& port, const std::string& folder)
      : fd_(watch(folder)), observer_(port, fd_, kj::UnixEventPort::FdObserver::OBSERVE_READ) {}

  kj::Promise<void> whenChanged() {
    return observer_.whenBecomesReadable().then([this] {
      alignas(inotify_event) char events[16 << 10];
      ssize_t bytes;
      do {
        KJ_NONBLOCKING_SYSCALL(bytes = read(fd_, events, sizeof(events)));
        for (ssize_t at = 0; at < bytes;) {
          auto event = reinterpret_cast<inotify_event*>(events + at);
          if (event->mask & (IN_DELETE | IN_IGNORED)) gone_ = true;
          at += sizeof(inotify_event) + event->len;
        }
      } while (bytes > 0);
    });
  }

  // The logs were removed. Rotation renames, so a file that is deleted means just that; the
  // folder's own end may come much later, when the shim has let go of its file.
  bool gone() const { return gone_; }

 private:
  static kj::AutoCloseFd watch(const std::string& folder) {
    int fd;
    KJ_SYSCALL(fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    kj::AutoCloseFd owned(fd);
    KJ_SYSCALL(inotify_add_watch(fd, folder.c_str(),
                                 IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR),
               folder);
    return owned;
  }

  kj::AutoCloseFd fd_;
  kj::UnixEventPort::FdObserver observer_;
  bool gone_ = false;
};

class LogFollower final: public schema::Handle::Server {
 public:
  LogFollower(kj::UnixEventPort& port, const std::string& folder,
              schema::LogRequest::Reader request)
      : reader_(folder), sink_(request.getSink()) {
    if (request.getFollow()) {
      std::filesystem::create_directories(folder);
      watch_.emplace(port, folder);  // before the first read, so that nothing falls in between
    }
    running_ = run().eagerlyEvaluate(
        [](kj::Exception&& error) { KJ_LOG(INFO, "log stream ended", error); });
  }

 private:
  kj::Promise<void> run() {
    auto lines = reader_.read();
    if (!lines.empty()) return send(lines).then([this] { return run(); });
    if (!watch_ || watch_->gone()) return sink_.endRequest().send().ignoreResult();
    return watch_->whenChanged().then([this] { return run(); });
  }

  kj::Promise<void> send(const std::vector<std::string>& lines) {
    std::vector<LogEntry> entries;
    for (auto& line: lines) {
      if (auto entry = parseLogEntry(line)) entries.push_back(*entry);
    }
    if (entries.empty())
      return kj::evalLater([] {});  // a large file of rubbish must not hold the loop
    auto request = sink_.writeRequest();
    auto list = request.initLines(entries.size());
    for (size_t i = 0; i < entries.size(); i++) {
      auto& entry = entries[i];
      list[i].setAtNs(toNs(entry.at));
      list[i].setStream(entry.stream == LogStream::OUT ? schema::LogStream::STDOUT
                                                       : schema::LogStream::STDERR);
      list[i].setGeneration(entry.generation.value());
      list[i].setText(
          kj::arrayPtr(reinterpret_cast<const kj::byte*>(entry.text.data()), entry.text.size()));
    }
    return request.send();
  }

  LogReader reader_;
  schema::LogSink::Client sink_;
  std::optional<FolderWatch> watch_;
  kj::Promise<void> running_ = kj::READY_NOW;
};

}  // namespace

schema::Handle::Client serveLogs(kj::UnixEventPort& port, const std::string& folder,
                                 schema::LogRequest::Reader request) {
  return kj::heap<LogFollower>(port, folder, request);
}

}  // namespace meridian::container
