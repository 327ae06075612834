// The server of the sandbox example: HTTP/1.1 on port 8080, one thread, no library beside the C
// one, linked statically so that its image is this one file. It says who it is, and has a few paths
// that make it misbehave in ways a platform must bear.
//
//   GET  /...?...          {"id","class","generation","location","path","hostname","pid"}
//   POST /...              the body, sent back
//   GET  /stream?n=N       N bytes, chunked            GET  /sleep?ms=N     answers after N ms
//   GET  /env              the environment             GET  /log?line=TEXT  writes TEXT to stdout
//   GET  /alloc?mib=N      takes and keeps N MiB       GET  /fill?mib=N     writes N MiB to /fill
//   GET  /exit?code=N      exits                       GET  /crash          aborts
//   GET  /reach?to=IP:PORT whether a TCP connection can be made, within 300 ms
//
// Something to exec: `/server cat` copies its input to its output, `/server fail N` copies it to its
// error output and exits with N. SIGTERM: finishes what is in flight, then exits 0. With
// SANDBOX_BEAT=1 it prints "beat ID GENERATION BOOTTIME_NS NUMBER" every 10 ms, numbered from 0.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace {

constexpr int PORT = 8080;
constexpr size_t HEAD_BYTES_MAX = 64 << 10;
constexpr size_t OUTPUT_BYTES_MAX =
    1 << 20;  // then nothing more is read until the peer has taken some
constexpr int BEAT_MS = 10;
constexpr int REACH_MS = 300;

int64_t nowNs(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000ll + time.tv_nsec;
}

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

std::string quoted(std::string_view text) {
  std::string json = "\"";
  for (unsigned char byte: text) {
    char escape[8];
    if (byte == '"' || byte == '\\') {
      json += '\\';
      json += byte;
    } else if (byte < 0x20) {
      snprintf(escape, sizeof(escape), "\\u%04x", byte);
      json += escape;
    } else {
      json += byte;
    }
  }
  return json + "\"";
}

struct Head {
  std::string method, path, query;
  size_t bodyBytes = 0;
  bool keepAlive = true;
  bool chunkedBody = false;
  bool expectsContinue = false;
};

// The value of one parameter of the query, not decoded; empty when it is not there.
std::string parameter(const Head& head, const std::string& name) {
  std::string_view query = head.query;
  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name + "=")) return std::string(pair.substr(name.size() + 1));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return "";
}

uint64_t number(const Head& head, const char* name) {
  return strtoull(parameter(head, name).c_str(), nullptr, 10);
}

Head parseHead(std::string_view text) {
  Head head;
  auto line = text.substr(0, text.find("\r\n"));
  auto firstBlank = line.find(' '), lastBlank = line.rfind(' ');
  head.method = line.substr(0, firstBlank);
  auto target =
      firstBlank < lastBlank ? line.substr(firstBlank + 1, lastBlank - firstBlank - 1) : "/";
  auto mark = target.find('?');
  head.path = target.substr(0, mark);
  if (mark != target.npos) head.query = target.substr(mark + 1);
  head.keepAlive = !line.ends_with("HTTP/1.0");
  for (auto rest = text.substr(std::min(line.size() + 2, text.size())); !rest.empty();) {
    auto field = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(field.size() + 2, rest.size()));
    auto colon = field.find(':');
    if (colon == field.npos) continue;
    std::string name(field.substr(0, colon)), value(field.substr(colon + 1));
    value.erase(0, value.find_first_not_of(" \t"));
    if (strcasecmp(name.c_str(), "content-length") == 0)
      head.bodyBytes = strtoull(value.c_str(), nullptr, 10);
    if (strcasecmp(name.c_str(), "transfer-encoding") == 0)
      head.chunkedBody = strcasecmp(value.c_str(), "chunked") == 0;
    if (strcasecmp(name.c_str(), "expect") == 0)
      head.expectsContinue = strcasecmp(value.c_str(), "100-continue") == 0;
    if (strcasecmp(name.c_str(), "connection") == 0 && strcasecmp(value.c_str(), "close") == 0)
      head.keepAlive = false;
  }
  return head;
}

std::string identity(const Head& head) {
  char hostname[256] = "";
  gethostname(hostname, sizeof(hostname) - 1);
  return "{\"id\":" + quoted(environment("MERIDIAN_ID")) +
         ",\"class\":" + quoted(environment("MERIDIAN_CLASS")) + ",\"generation\":" +
         std::to_string(strtoull(environment("MERIDIAN_GENERATION").c_str(), nullptr, 10)) +
         ",\"location\":" + quoted(environment("MERIDIAN_LOCATION")) +
         ",\"path\":" + quoted(head.path) + ",\"hostname\":" + quoted(hostname) +
         ",\"pid\":" + std::to_string(getpid()) + "}\n";
}

std::string environmentJson() {
  std::string json = "{";
  for (char** variable = environ; *variable != nullptr; variable++) {
    std::string_view text = *variable;
    auto equals = text.find('=');
    json += (json.size() > 1 ? "," : "") + quoted(text.substr(0, equals)) + ":" +
            quoted(text.substr(equals + 1));
  }
  return json + "}\n";
}

std::string takeMemory(uint64_t mib) {
  auto memory = static_cast<char*>(malloc(mib << 20));
  if (memory == nullptr) return "{\"error\":\"no memory\"}\n";
  for (uint64_t at = 0; at < mib << 20; at += 4096) memory[at] = 1;
  return "{\"allocated_mib\":" + std::to_string(mib) + "}\n";
}

std::string fillDisk(uint64_t mib) {
  int fd = open("/fill", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  static char block[1 << 20];
  uint64_t written = 0;
  int error = fd < 0 ? errno : 0;
  while (error == 0 && written < mib) {
    if (write(fd, block, sizeof(block)) != sizeof(block)) error = errno == 0 ? ENOSPC : errno;
    if (error == 0) written++;
  }
  if (fd >= 0) close(fd);
  return "{\"written_mib\":" + std::to_string(written) +
         ",\"error\":" + quoted(error == 0 ? "" : strerror(error)) + "}\n";
}

std::string reach(const std::string& to) {
  auto colon = to.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == to.npos || inet_pton(AF_INET, to.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    return "{\"error\":\"to must be IP:PORT\"}\n";
  }
  address.sin_port = htons(atoi(to.c_str() + colon + 1));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    socklen_t size = sizeof(error);
    if (poll(&wait, 1, REACH_MS) == 0) {
      error = ETIMEDOUT;
    } else {
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  close(fd);
  return std::string("{\"reached\":") + (error == 0 ? "true" : "false") +
         ",\"error\":" + quoted(error == 0 ? "" : strerror(error)) + "}\n";
}

// One connection: one request after the other, a request's body given on as it comes.
class Connection {
 public:
  Connection(int epoll, int fd): epoll_(epoll), fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False: the connection is over.
  bool onReady(bool stopping) {
    if (!flush()) return false;
    while (output_.size() < OUTPUT_BYTES_MAX) {
      char bytes[64 << 10];
      ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
      if (got == 0) return false;
      if (got < 0) {
        if (errno != EAGAIN) return false;
        break;
      }
      input_.append(bytes, got);
      if (!serve(stopping) || !flush()) return false;
    }
    produce();
    if (!flush()) return false;
    watch();
    return !(output_.empty() && streamBytes_ == 0 && closing_);
  }

  bool isIdle() const {
    return input_.empty() && output_.empty() && bodyBytes_ == 0 && streamBytes_ == 0 && !sleeping();
  }
  bool sleeping() const { return answerAtNs_ != 0; }
  int64_t answerAtNs() const { return answerAtNs_; }

  bool wakeUp(bool stopping) {
    answerAtNs_ = 0;
    answer("{\"slept\":true}\n");
    return serve(stopping) && onReady(stopping);
  }

 private:
  bool serve(bool stopping) {
    while (!input_.empty() && !sleeping() && streamBytes_ == 0 && !closing_) {
      if (bodyBytes_ > 0) {
        auto taken = std::min<size_t>(bodyBytes_, input_.size());
        output_.append(input_, 0, taken);
        input_.erase(0, taken);
        bodyBytes_ -= taken;
        continue;
      }
      auto end = input_.find("\r\n\r\n");
      if (end == input_.npos) return input_.size() <= HEAD_BYTES_MAX;
      head_ = parseHead(std::string_view(input_).substr(0, end + 2));
      input_.erase(0, end + 4);
      closing_ = !head_.keepAlive || stopping;
      begin();
    }
    return true;
  }

  void begin() {
    if (head_.chunkedBody) {
      closing_ = true;
      return send("411 Length Required", "{\"error\":\"send a Content-Length\"}\n");
    }
    if (head_.expectsContinue && head_.bodyBytes > 0) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (head_.bodyBytes > 0) {
      bodyBytes_ = head_.bodyBytes;
      output_ += "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
                 std::to_string(bodyBytes_) + ending();
      return;
    }
    // The part of the path behind the route's prefix decides, so that the example works under any
    // route.
    auto command = head_.path.substr(head_.path.rfind('/'));
    if (command == "/stream") {
      streamBytes_ = number(head_, "n");
      output_ +=
          "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: "
          "chunked" +
          ending();
      if (streamBytes_ == 0) output_ += "0\r\n\r\n";
    } else if (command == "/sleep") {
      answerAtNs_ = nowNs(CLOCK_MONOTONIC) + number(head_, "ms") * 1'000'000;
    } else if (command == "/exit") {
      int code = static_cast<int>(number(head_, "code"));
      printf("exiting with %d\n", code);
      exit(code);
    } else if (command == "/crash") {
      abort();
    } else if (command == "/log") {
      printf("%s\n", parameter(head_, "line").c_str());
      answer("{\"logged\":true}\n");
    } else if (command == "/env") {
      answer(environmentJson());
    } else if (command == "/alloc") {
      answer(takeMemory(number(head_, "mib")));
    } else if (command == "/fill") {
      answer(fillDisk(number(head_, "mib")));
    } else if (command == "/reach") {
      answer(reach(parameter(head_, "to")));
    } else {
      answer(identity(head_));
    }
  }

  void answer(const std::string& json) { send("200 OK", json); }

  void send(const char* status, const std::string& json) {
    output_ +=
        std::string("HTTP/1.1 ") + status +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) +
        ending();
    if (head_.method != "HEAD") output_ += json;
  }

  std::string ending() const { return closing_ ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n"; }

  // Adds chunks of a stream while there is room.
  void produce() {
    while (streamBytes_ > 0 && output_.size() < OUTPUT_BYTES_MAX) {
      size_t bytes = std::min<uint64_t>(streamBytes_, 16 << 10);
      char size[32];
      snprintf(size, sizeof(size), "%zx\r\n", bytes);
      output_ += size + std::string(bytes, 'x') + "\r\n";
      streamBytes_ -= bytes;
      if (streamBytes_ == 0) output_ += "0\r\n\r\n";
    }
  }

  bool flush() {
    while (!output_.empty()) {
      ssize_t sent = ::send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      output_.erase(0, sent);
      produce();
    }
    return true;
  }

  void watch() {
    uint32_t wanted =
        (output_.size() < OUTPUT_BYTES_MAX ? EPOLLIN : 0u) | (output_.empty() ? 0u : EPOLLOUT);
    if (wanted == watched_) return;
    watched_ = wanted;
    epoll_event event{.events = wanted, .data = {.fd = fd_}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);
  }

  int epoll_, fd_;
  uint32_t watched_ = EPOLLIN;
  std::string input_, output_;
  Head head_;
  size_t bodyBytes_ = 0;      // of the present request, still to come
  uint64_t streamBytes_ = 0;  // of the present answer, still to be made
  int64_t answerAtNs_ = 0;    // of /sleep; 0: not asleep
  bool closing_ = false;
};

class Server {
 public:
  Server(): epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    listen_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(listen_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(PORT);
    if (bind(listen_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listen_, 1024) != 0) {
      perror("listen");
      exit(1);
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    beats_ = environment("SANDBOX_BEAT") == "1";
    for (int fd: {listen_, signals_}) add(fd);
  }

  void run() {
    if (beats_) beat();
    while (!stopping_ || !connections_.empty()) {
      epoll_event events[64];
      int count = epoll_wait(epoll_, events, 64, waitMs());
      for (int i = 0; i < count; i++) handle(events[i].data.fd);
      wakeSleepers();
      if (beats_ && nowNs(CLOCK_MONOTONIC) >= nextBeatNs_) beat();
      if (stopping_)
        std::erase_if(connections_, [](auto& entry) { return entry.second->isIdle(); });
    }
  }

 private:
  void handle(int fd) {
    if (fd == listen_) return acceptAll();
    if (fd == signals_) return stop();
    auto found = connections_.find(fd);
    if (found != connections_.end() && !found->second->onReady(stopping_))
      connections_.erase(found);
  }

  void acceptAll() {
    int fd;
    while ((fd = accept4(listen_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      connections_[fd] = std::make_unique<Connection>(epoll_, fd);
      add(fd);
    }
  }

  void stop() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof(info)) > 0) {
    }
    printf("stopping\n");
    stopping_ = true;
    close(listen_);
  }

  void wakeSleepers() {
    auto now = nowNs(CLOCK_MONOTONIC);
    for (auto entry = connections_.begin(); entry != connections_.end();) {
      auto& connection = *entry->second;
      bool over =
          connection.sleeping() && connection.answerAtNs() <= now && !connection.wakeUp(stopping_);
      entry = over ? connections_.erase(entry) : std::next(entry);
    }
  }

  void beat() {
    printf("beat %s %s %lld %lld\n", environment("MERIDIAN_ID").c_str(),
           environment("MERIDIAN_GENERATION").c_str(),
           static_cast<long long>(nowNs(CLOCK_BOOTTIME)), static_cast<long long>(beatsWritten_++));
    nextBeatNs_ = nowNs(CLOCK_MONOTONIC) + BEAT_MS * 1'000'000;
  }

  // Until the next beat or sleeper; -1: until something happens.
  int waitMs() const {
    int64_t next = beats_ ? nextBeatNs_ : INT64_MAX;
    for (auto& [fd, connection]: connections_) {
      if (connection->sleeping()) next = std::min(next, connection->answerAtNs());
    }
    if (next == INT64_MAX) return -1;
    return std::max<int64_t>(0, (next - nowNs(CLOCK_MONOTONIC) + 999'999) / 1'000'000);
  }

  void add(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  int epoll_, listen_, signals_;
  bool beats_ = false, stopping_ = false;
  int64_t beatsWritten_ = 0;
  int64_t nextBeatNs_ = 0;
  std::map<int, std::unique_ptr<Connection>> connections_;
};

bool copyInput(int to) {
  char bytes[64 << 10];
  ssize_t count;
  while ((count = read(0, bytes, sizeof(bytes))) > 0) {
    for (ssize_t done = 0; done < count;) {
      ssize_t written = write(to, bytes + done, count - done);
      if (written < 0) return false;
      done += written;
    }
  }
  return true;
}

int serve() {
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  Server server;
  printf("serving %s generation %s on port %d\n", environment("MERIDIAN_ID").c_str(),
         environment("MERIDIAN_GENERATION").c_str(), PORT);
  server.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "cat") return copyInput(STDOUT_FILENO) ? 0 : 1;
  if (command == "fail" && argc > 2) return copyInput(STDERR_FILENO) ? atoi(argv[2]) : 1;
  return serve();
}
