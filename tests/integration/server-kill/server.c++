#include "tests/integration/server-kill/server.h"

#include <fcntl.h>
#include <kj/async-io.h>
#include <kj/debug.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>
#include <vector>

#include "runtime/actor/actor-system.h"
#include "runtime/actor/host.h"
#include "runtime/actor/shard-thread.h"
#include "runtime/rpc/role-directory.h"
#include "runtime/rpc/stream-wire.h"
#include "runtime/rpc/vat.h"
#include "runtime/store/lmdb-store.h"
#include "tests/integration/server-kill/served-actors.h"

namespace meridian::killed {

namespace {

constexpr char SERVING[] = "serving\n";

std::vector<actor::ActorKind> kinds() {
  std::vector<actor::ActorKind> kinds;
  kinds.push_back(actor::actorKind([]() { return kj::heap<CounterActor>(); }));
  kinds.push_back(actor::actorKind([]() { return kj::heap<BankActor>(); }));
  return kinds;
}

kj::Promise<void> acceptForever(kj::ConnectionReceiver& receiver, rpc::Vat& vat, env::Clock& clock) {
  return receiver.accept().then([&receiver, &vat, &clock](kj::Own<kj::AsyncIoStream>&& stream) {
    vat.accept(rpc::newStreamWire(vat.shard(), clock, kj::mv(stream), kj::str("client"), {}));
    return acceptForever(receiver, vat, clock);
  });
}

}  // namespace

void serve(const std::string& folder, const std::string& socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  actor::ActorSystem system;
  actor::ShardLoop loop(system);
  auto store = store::openLmdbStore(folder);
  rpc::RoleDirectory directory;
  actor::Host host(loop.shard(), 0, *store, loop.clock(), Random(store->term()), directory, kinds());
  rpc::Vat vat(host);
  auto& waitScope = loop.io().waitScope;
  auto address = loop.io().provider->getNetwork().parseAddress(kj::str("unix:", socket.c_str())).wait(waitScope);
  auto receiver = address->listen();
  printf("%s", SERVING);
  fflush(stdout);
  acceptForever(*receiver, vat, loop.clock()).wait(waitScope);
}

// =======================================================================================

ServerProcess::ServerProcess(const std::string& folder, const std::string& socket) {
  unlink(socket.c_str());
  int pipeEnds[2];
  KJ_SYSCALL(pipe2(pipeEnds, O_CLOEXEC));
  output_ = pipeEnds[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], STDOUT_FILENO);
  std::string program = "/proc/self/exe", verb = "--serve", where = folder, at = socket;
  char* arguments[] = {program.data(), verb.data(), where.data(), at.data(), nullptr};
  int failed = posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipeEnds[1]);
  if (failed != 0) {
    close(output_);
    KJ_FAIL_SYSCALL("posix_spawn", failed);
  }
}

ServerProcess::~ServerProcess() {
  close(output_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool ServerProcess::saysWithin(short events, std::chrono::microseconds limit) {
  pollfd poll{output_, events, 0};
  timespec wait{limit.count() / 1'000'000, limit.count() % 1'000'000 * 1'000};
  return ppoll(&poll, 1, &wait, nullptr) == 1;
}

bool ServerProcess::servesWithin(std::chrono::microseconds limit) {
  char line[sizeof SERVING];
  return saysWithin(POLLIN, limit) && read(output_, line, sizeof line) > 0;
}

bool ServerProcess::endsWithin(std::chrono::microseconds limit) { return saysWithin(0, limit); }

void ServerProcess::kill() {
  int status;
  auto pid = std::exchange(pid_, -1);
  ::kill(pid, SIGKILL);
  KJ_SYSCALL(waitpid(pid, &status, 0));
  KJ_REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the server has ended by itself", status);
}

}  // namespace meridian::killed
