#include "runtime/container/shim-client.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/container/process-end.h"

namespace meridian::container {

namespace {

constexpr size_t DESCRIPTORS_MAX = 3;

kj::AutoCloseFd connectTo(const std::string& dir) {
  auto path = dir + "/shim.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  KJ_REQUIRE(path.size() < sizeof(address.sun_path),
             "the shim's socket path is longer than 107 bytes", path.c_str());
  memcpy(address.sun_path, path.c_str(), path.size());
  int fd;
  KJ_SYSCALL(fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  kj::AutoCloseFd owned(fd);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    int error = errno;
    KJ_REQUIRE(error == ENOENT || error == ECONNREFUSED, "cannot connect to the shim", path.c_str(),
               strerror(error));
    kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "no shim listens", path.c_str()));
  }
  return owned;
}

}  // namespace

ShimPacket::ShimPacket(kj::Array<capnp::word> words)
    : words_(kj::mv(words)), message_(words_), root_(message_.getRoot<schema::FromShim>()) {}

ShimClient::ShimClient(kj::UnixEventPort& port, const std::string& dir, OnFact onFact)
    : port_(port),
      socket_(connectTo(dir)),
      observer_(port, socket_, kj::UnixEventPort::FdObserver::OBSERVE_READ_WRITE),
      onFact_(kj::mv(onFact)),
      lost_(nullptr),
      buffer_(kj::heapArray<capnp::word>(SHIM_PACKET_MAX / sizeof(capnp::word))),
      receiving_(nullptr) {
  auto paf = kj::newPromiseAndFulfiller<kj::Exception>();
  lostFulfiller_ = kj::mv(paf.fulfiller);
  lost_ = paf.promise.fork();
  receiving_ = receive().eagerlyEvaluate([this](kj::Exception&& error) { lose(kj::mv(error)); });
}

ShimClient::~ShimClient() noexcept(false) {
  lose(KJ_EXCEPTION(DISCONNECTED, "the connection to the shim was closed"));
}

kj::Promise<void> ShimClient::whenProcessEnded() {
  ucred shim;
  socklen_t size = sizeof(shim);
  KJ_SYSCALL(getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &shim, &size));
  return whenProcessEnds(port_, shim.pid);
}

kj::Promise<ShimClient::Answer> ShimClient::hello() {
  return call([](schema::ToShim::Builder to) {
           to.initHello().setProtocol(schema::SHIM_PROTOCOL_VERSION);
         })
      .then([](Answer&& answer) {
        auto packet = **answer;
        KJ_REQUIRE(!packet.isRefused(), "the shim refused the connection",
                   packet.getRefused().getMessage());
        KJ_REQUIRE(
            packet.isHello() && packet.getHello().getProtocol() == schema::SHIM_PROTOCOL_VERSION,
            "the shim that runs speaks another version of the protocol than this platform; stop "
            "its instances with the "
            "version that started them",
            schema::SHIM_PROTOCOL_VERSION);
        return kj::mv(answer);
      });
}

kj::Promise<ShimClient::Answer> ShimClient::call(Fill fill, kj::ArrayPtr<const int> descriptors) {
  return request(fill, descriptors).then([](kj::Vector<Answer>&& answers) {
    return kj::mv(answers.back());
  });
}

kj::Promise<kj::Vector<ShimClient::Answer>> ShimClient::callForMany(Fill fill) {
  return request(fill, nullptr);
}

kj::Promise<kj::Vector<ShimClient::Answer>> ShimClient::request(
    Fill& fill, kj::ArrayPtr<const int> descriptors) {
  KJ_IF_MAYBE(reason, lostReason_) return kj::cp(*reason);
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::ToShim>();
  auto id = ++lastId_;
  root.setId(id);
  fill(root);
  send(capnp::messageToFlatArray(message), descriptors);
  auto paf = kj::newPromiseAndFulfiller<kj::Vector<Answer>>();
  waiting_.emplace(id, Waiter{{}, kj::mv(paf.fulfiller)});
  return kj::mv(paf.promise);
}

void ShimClient::send(kj::ArrayPtr<const capnp::word> words, kj::ArrayPtr<const int> descriptors) {
  KJ_REQUIRE(words.asBytes().size() <= SHIM_PACKET_MAX,
             "a request to the shim is larger than 64 KiB", words.asBytes().size());
  KJ_REQUIRE(descriptors.size() <= DESCRIPTORS_MAX, "too many descriptors for one request",
             descriptors.size());
  if (outgoing_.empty() && trySend(words, descriptors)) return;
  if (outgoing_.size() >= SHIM_QUEUE_MAX) {
    kj::throwFatalException(
        KJ_EXCEPTION(OVERLOADED, "too many requests wait for the shim", SHIM_QUEUE_MAX));
  }
  bool idle = outgoing_.empty();
  auto copies = kj::heapArrayBuilder<kj::AutoCloseFd>(descriptors.size());
  for (int descriptor: descriptors) {
    int copy;
    KJ_SYSCALL(copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    copies.add(copy);
  }
  outgoing_.push_back({kj::heapArray(words), copies.finish()});
  if (idle)
    flushing_ = flush().eagerlyEvaluate([this](kj::Exception&& error) { lose(kj::mv(error)); });
}

// False: the socket is full.
bool ShimClient::trySend(kj::ArrayPtr<const capnp::word> words,
                         kj::ArrayPtr<const int> descriptors) {
  auto bytes = words.asBytes();
  iovec part{const_cast<kj::byte*>(bytes.begin()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptors.size() > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    auto header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors.begin(), descriptors.size() * sizeof(int));
  }
  ssize_t sent;
  KJ_NONBLOCKING_SYSCALL(sent = sendmsg(socket_, &message, MSG_NOSIGNAL));
  return sent >= 0;
}

kj::Promise<void> ShimClient::flush() {
  return observer_.whenBecomesWritable().then([this]() -> kj::Promise<void> {
    while (!outgoing_.empty()) {
      auto& next = outgoing_.front();
      int descriptors[DESCRIPTORS_MAX];
      for (size_t i = 0; i < next.descriptors.size(); i++) descriptors[i] = next.descriptors[i];
      if (!trySend(next.words, kj::arrayPtr(descriptors, next.descriptors.size()))) return flush();
      outgoing_.pop_front();
    }
    return kj::READY_NOW;
  });
}

kj::Promise<void> ShimClient::receive() {
  return observer_.whenBecomesReadable().then([this] {
    while (receiveOne()) {
    }
    return receive();
  });
}

// False: nothing is there to receive. Throws DISCONNECTED at the end.
bool ShimClient::receiveOne() {
  auto bytes = buffer_.asBytes();
  ssize_t size;
  KJ_NONBLOCKING_SYSCALL(size = recv(socket_, bytes.begin(), bytes.size(), 0));
  if (size < 0) return false;
  if (size == 0)
    kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "the shim closed the connection"));
  KJ_REQUIRE(size % sizeof(capnp::word) == 0, "the shim sent a packet that is not whole words",
             size);
  dispatch(kj::heap<ShimPacket>(kj::heapArray(buffer_.slice(0, size / sizeof(capnp::word)))));
  return true;
}

void ShimClient::dispatch(Answer packet) {
  auto root = **packet;
  if (root.getId() == 0) return onFact_(root);
  auto found = waiting_.find(root.getId());
  if (found == waiting_.end()) return;
  bool more = root.getMore();
  found->second.answers.add(kj::mv(packet));
  if (more) return;
  found->second.fulfiller->fulfill(kj::mv(found->second.answers));
  waiting_.erase(found);
}

void ShimClient::lose(kj::Exception&& why) {
  if (lostReason_ != nullptr) return;
  auto reason =
      kj::Exception(kj::Exception::Type::DISCONNECTED, __FILE__, __LINE__,
                    kj::str("the connection to the shim is lost: ", why.getDescription()));
  lostReason_ = kj::cp(reason);
  for (auto& [id, waiter]: waiting_) waiter.fulfiller->reject(kj::cp(reason));
  waiting_.clear();
  lostFulfiller_->fulfill(kj::mv(reason));
}

void startShim(const std::string& binary, const std::string& dir) {
  int made = mkdir(dir.c_str(), 0700);
  KJ_REQUIRE(made == 0 || errno == EEXIST, "the shim's folder cannot be made", dir,
             strerror(errno));
  int words[2];
  KJ_SYSCALL(pipe2(words, O_CLOEXEC));
  kj::AutoCloseFd read(words[0]), write(words[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  KJ_DEFER(posix_spawn_file_actions_destroy(&actions));
  posix_spawn_file_actions_adddup2(&actions, write, 2);
  const char* argv[] = {binary.c_str(), "--dir", dir.c_str(), "--daemon", nullptr};
  char* envp[] = {nullptr};
  pid_t pid;
  int error = posix_spawn(&pid, binary.c_str(), &actions, nullptr, const_cast<char**>(argv), envp);
  KJ_REQUIRE(error == 0, "the shim cannot be run", binary, strerror(error));
  write = nullptr;
  char text[1024];
  ssize_t bytes;
  KJ_SYSCALL(bytes = ::read(read, text, sizeof(text)));
  int status;
  KJ_SYSCALL(waitpid(pid, &status, 0));
  auto said = kj::str(kj::arrayPtr(text, bytes));
  KJ_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the shim did not start", said, status);
}

}  // namespace meridian::container
