#include "runtime/cli/fleet-client.h"

#include <cerrno>
#include <cstring>
#include <kj/io.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/cli/failure.h"
#include "runtime/cli/state-folder.h"

namespace meridian::cli {

namespace {

// A list of a million containers stays readable. The platform is no stranger: it is root's, behind a 0600 socket.
constexpr uint64_t ANSWER_MAX_WORDS = uint64_t(1) << 27;

// Null and errno, when nobody serves the path.
kj::AutoCloseFd tryConnect(const std::string& path) {
  kj::AutoCloseFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (fd.get() >= 0 && ::connect(fd.get(), generic, sizeof(address)) == 0) return fd;
  int error = errno;
  fd = nullptr;
  errno = error;
  return fd;
}

std::string joined(const std::vector<std::string>& folders) {
  std::string text;
  for (const auto& folder : folders) text.append(text.empty() ? "" : " or ").append(folder);
  return text;
}

kj::AutoCloseFd connectToFirst(const std::vector<std::string>& folders) {
  for (const auto& folder : folders) {
    auto path = socketPath(folder);
    if (auto fd = tryConnect(path); fd != nullptr) return fd;
    if (errno == EACCES || errno == EPERM) {
      throw Failure("may not use " + path + ": " + std::strerror(errno) +
                    "; run as the user that runs the platform");
    }
    if (errno != ENOENT && errno != ECONNREFUSED && errno != ENOTDIR) {
      throw Failure("cannot connect to " + path + ": " + std::strerror(errno));
    }
  }
  throw Failure("no platform is running in " + joined(folders) +
                "; start one with `meridian dev` or `meridian up`, or name its folder: meridian --state DIR VERB");
}

capnp::ReaderOptions readerOptions() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = ANSWER_MAX_WORDS;
  return options;
}

schema::Fleet::Client bootstrap(capnp::RpcSystem<capnp::rpc::twoparty::VatId>& rpc) {
  capnp::MallocMessageBuilder message;
  auto server = message.initRoot<capnp::rpc::twoparty::VatId>();
  server.setSide(capnp::rpc::twoparty::Side::SERVER);
  return rpc.bootstrap(server).castAs<schema::Fleet>();
}

}  // namespace

FleetClient::FleetClient(const std::vector<std::string>& folders)
    : io_(kj::setupAsyncIo()),
      stream_(io_.lowLevelProvider->wrapSocketFd(connectToFirst(folders))),
      network_(*stream_, capnp::rpc::twoparty::Side::CLIENT, readerOptions()),
      rpc_(capnp::makeRpcClient(network_)),
      fleet_(bootstrap(rpc_)) {}

schema::Container::Client FleetClient::container(const ContainerId& id) {
  auto request = fleet_.containerRequest();
  write(id, request.initKey());
  return request.send().getContainer();
}

kj::Promise<void> FleetClient::lost() {
  return network_.onDisconnect().then([]() -> kj::Promise<void> {
    return KJ_EXCEPTION(DISCONNECTED, "the platform closed the connection");
  });
}

pid_t FleetClient::platformProcess() {
  ucred platform{};
  kj::uint size = sizeof(platform);
  stream_->getsockopt(SOL_SOCKET, SO_PEERCRED, &platform, &size);
  return platform.pid;
}

void write(const ContainerId& id, schema::ContainerKey::Builder builder) {
  builder.setClassName(id.containerClass.value());
  builder.setId(id.id);
}

}  // namespace meridian::cli
