#include "runtime/container/shim/client.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace meridian::shim {

namespace {

Client::Descriptors takeDescriptors(msghdr& message) {
  Client::Descriptors all;
  for (auto header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
      int fd;
      memcpy(&fd, reinterpret_cast<const char*>(header) + at, sizeof fd);
      all.emplace_back(fd);
    }
  }
  return all;
}

}  // namespace

Client::Client(EventLoop& loop, kj::AutoCloseFd socket, Handlers handlers)
    : loop_(loop),
      socket_(kj::mv(socket)),
      handlers_(std::move(handlers)),
      token_(loop.watch(socket_, EPOLLIN, [this](uint32_t events) {
        if (events & EPOLLOUT) flush();
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive();
      })),
      buffer_(kj::heapArray<kj::byte>(PACKET_MAX)) {}

Client::~Client() { loop_.unwatch(token_); }

void Client::send(Packet packet) {
  if (closed_) return;
  queuedBytes_ += packet.size();
  queue_.push_back(kj::mv(packet));
  flush();
}

void Client::flush() {
  while (!queue_.empty()) {
    auto& packet = queue_.front();
    if (::send(socket_, packet.begin(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno != EAGAIN) return lose("it has disconnected");
      if (queuedBytes_ > CLIENT_QUEUE_MAX) return lose("it does not read its answers");
      break;
    }
    queuedBytes_ -= packet.size();
    queue_.pop_front();
  }
  if (bool blocked = !queue_.empty(); blocked != blocked_) {
    blocked_ = blocked;
    loop_.change(token_, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

// One packet, then the containers have their turn.
void Client::receive() {
  if (closed_) return;
  iovec bytes{buffer_.begin(), buffer_.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
  msghdr message{.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  auto size = recvmsg(socket_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return lose("it has disconnected");
  bool fits = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  handlers_.received(buffer_.slice(0, size), takeDescriptors(message), fits);
}

void Client::close() {
  closed_ = true;
  loop_.unwatch(token_);
}

void Client::lose(const char* why) {
  close();
  handlers_.lost(why);
}

}  // namespace meridian::shim
