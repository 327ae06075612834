#include "runtime/container/shim/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/match.h"
#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

constexpr size_t EXECS_MAX = 512;  // at once
constexpr size_t EXITS_MAX = 64 * 1024;  // unacknowledged; above it nothing is launched
constexpr uint64_t LOG_BYTES_MAX = 1024 * 1024;  // of the shim's own log, twice
constexpr Duration RECORD_RETRY = std::chrono::seconds(1);

std::string readBootId() {
  kj::AutoCloseFd fd(need(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC), "read the boot id"));
  char text[64];
  auto size = need(read(fd, text, sizeof text), "read the boot id");
  return {text, static_cast<size_t>(std::max<ssize_t>(0, size - 1))};
}

kj::AutoCloseFd watchSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  return kj::AutoCloseFd(need(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "watch signals"));
}

size_t descriptorsFor(const Command& command) {
  if (std::holds_alternative<Launch>(command)) return 1;
  if (std::holds_alternative<Exec>(command)) return 3;
  return 0;
}

Failure stale(const InstanceKey& asked, Generation last) {
  return {Refusal::STALE, toText(asked) + " is not above generation " + std::to_string(last.value())};
}

Failure notFound(const InstanceKey& key) { return {Refusal::NOT_FOUND, toText(key) + " does not run here"}; }

}  // namespace

Shim::Shim(ShimOptions options, container::CgroupTree& cgroups)
    : options_(std::move(options)),
      cgroups_(cgroups),
      log_(options_.dir, "log", "log.1", LOG_BYTES_MAX),
      exits_(options_.dir),
      bootId_(readBootId()),
      signals_(watchSignals()) {
  for (auto& record : exits_.unacknowledged()) generations_.remember(record.key.container, record.key.generation);
  loop_.watch(options_.listener, EPOLLIN, [this](uint32_t) { accept(); });
  loop_.watch(signals_, EPOLLIN, [this](uint32_t) { onSignal(); });
  note("ShimStarted pid=" + std::to_string(getpid()) + " last_exit=" + std::to_string(exits_.lastNumber()) +
       " torn_bytes=" + std::to_string(exits_.tornBytes()));
}

void Shim::run() {
  loop_.run([this]() { afterBatch(); },
            [this](const std::exception& error) { note(std::string("EventFailed why=\"") + error.what() + "\""); });
  note("ShimEnded");
}

// ---- the client ----

void Shim::accept() {
  kj::AutoCloseFd socket(accept4(options_.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.get() < 0) return;
  if (client_) loseClient("another has come");
  ++clientNumber_;
  greeted_ = false;
  client_ = std::make_unique<Client>(
      loop_, kj::mv(socket),
      Client::Handlers{[this](auto bytes, auto descriptors, bool fits) { received(bytes, std::move(descriptors), fits); },
                       [this](const char* why) { loseClient(why); }});
}

void Shim::loseClient(const char* why) {
  note("ClientLost client=" + std::to_string(clientNumber_) + " why=\"" + why + "\"");
  client_->close();
  lostClients_.push_back(std::move(client_));
}

void Shim::send(Packet packet) {
  if (client_ && greeted_) client_->send(kj::mv(packet));
}

void Shim::answer(const Asker& asker, Packet packet) {
  if (asker.client == clientNumber_) send(kj::mv(packet));
}

void Shim::received(kj::ArrayPtr<const kj::byte> bytes, Client::Descriptors descriptors, bool fits) {
  try {
    if (!fits) throw BadRequest(0, "the packet is larger than 65536 bytes or carries more than 3 descriptors");
    auto request = decode(bytes);
    auto wanted = descriptorsFor(request.command);
    if (descriptors.size() != wanted) {
      throw BadRequest(request.id, "the packet carries " + std::to_string(descriptors.size()) +
                                       " descriptors; this request takes " + std::to_string(wanted));
    }
    if (!greeted_ && !std::holds_alternative<Hello>(request.command)) {
      throw BadRequest(request.id, "hello must come first");
    }
    obey(request.id, std::move(request.command), std::move(descriptors));
  } catch (const BadRequest& error) {
    note("BadRequest why=\"" + std::string(error.what()) + "\"");
    client_->send(encodeRefused(error.id, {Refusal::PROTOCOL, error.what()}));
    if (error.id == 0 && client_) loseClient("it does not speak the protocol");
  }
}

void Shim::obey(uint64_t id, Command command, Client::Descriptors descriptors) {
  std::visit(
      Match{[&](Hello&) {
              greeted_ = true;
              send(encodeHello(id, bootId_, getpid(), exits_.lastNumber()));
            },
            [&](Launch& asked) { launch(id, std::move(asked), descriptors[0]); },
            [&](Exec& asked) { exec(id, std::move(asked), {descriptors[0], descriptors[1], descriptors[2]}); },
            [&](Signal& asked) { signal(id, asked); },
            [&](Kill& asked) { kill(id, asked.key); },
            [&](ListInstances&) { list(id); },
            [&](Exits& asked) {
              std::vector<ExitRecord> since;
              for (auto& record : exits_.unacknowledged()) {
                if (record.number > asked.since) since.push_back(record);
              }
              for (auto& packet : encodeExits(id, since)) send(kj::mv(packet));
            },
            [&](Acknowledge& asked) { acknowledge(id, asked.number); },
            [&](Shutdown&) {
              shutdownAskers_.push_back({clientNumber_, id});
              shutDown();
            }},
      command);
}

// ---- requests ----

void Shim::launch(uint64_t id, Launch launch, int netns) {
  auto key = launch.key;
  auto refuse = [&](const Failure& why) { send(encodeRefused(id, why)); };
  if (auto live = instances_.find(key.container); live != instances_.end()) {
    auto& instance = *live->second;
    auto generation = instance.key().generation;
    if (key.generation > generation) {
      return refuse({Refusal::SETUP_FAILED, "generation " + std::to_string(generation.value()) + " still lives"});
    }
    bool ending = instance.state() == Instance::State::ENDING;
    if (key.generation < generation || ending) return refuse(stale(key, generation));
    if (instance.state() == Instance::State::RUNNING) return send(encodeLaunched(id, instance.report()));
    launchers_[&instance].push_back({clientNumber_, id});
    return;
  }
  auto last = generations_.last(key.container);
  if (key.generation <= last) return refuse(stale(key, last));
  if (shuttingDown_) return refuse({Refusal::SETUP_FAILED, "the shim is shutting down"});
  if (instances_.size() >= options_.instancesMax) {
    return refuse({Refusal::SETUP_FAILED, "at most " + std::to_string(options_.instancesMax) + " instances at once"});
  }
  if (exits_.unacknowledged().size() >= EXITS_MAX) {
    return refuse({Refusal::SETUP_FAILED, std::to_string(EXITS_MAX) + " exits wait to be acknowledged"});
  }
  try {
    auto instance = std::make_unique<Instance>(
        Machine{loop_, cgroups_, options_.bareMounts, options_.commandLine}, std::move(launch), netns, *this);
    launchers_[instance.get()].push_back({clientNumber_, id});
    instancesByPid_.emplace(instance->pid(), instance.get());
    instances_.emplace(key.container, std::move(instance));
  } catch (const std::system_error& error) {
    refuse({Refusal::SETUP_FAILED, error.what()});
  }
}

void Shim::exec(uint64_t id, Exec exec, const int (&stdio)[3]) {
  auto instance = find(exec.key);
  if (instance == nullptr || instance->state() != Instance::State::RUNNING) {
    return send(encodeRefused(id, notFound(exec.key)));
  }
  if (execs_.size() >= EXECS_MAX) {
    return send(encodeRefused(id, {Refusal::SETUP_FAILED, "at most " + std::to_string(EXECS_MAX) + " execs at once"}));
  }
  auto program = instance->program().program();
  program.argv = std::move(exec.argv);
  try {
    auto number = nextExec_++;
    auto child = instance->exec(ProgramImage(std::move(program)), stdio);
    auto process = std::make_unique<ExecProcess>(loop_, number, std::move(child), *this);
    execsByPid_.emplace(process->helper(), process.get());
    execs_.emplace(number, Execution{std::move(process), instance, {clientNumber_, id}});
  } catch (const std::system_error& error) {
    send(encodeRefused(id, {Refusal::SETUP_FAILED, error.what()}));
  }
}

void Shim::signal(uint64_t id, const Signal& signal) {
  bool found = std::visit(
      Match{[&](const InstanceKey& key) {
              auto instance = find(key);
              if (instance == nullptr || instance->state() != Instance::State::RUNNING) return false;
              instance->signal(signal.number);
              return true;
            },
            [&](uint64_t number) {
              auto exec = execs_.find(number);
              if (exec == execs_.end() || exec->second.process->ending()) return false;
              exec->second.process->signal(signal.number);
              return true;
            }},
      signal.target);
  send(found ? encodeDone(id) : encodeRefused(id, {Refusal::NOT_FOUND, "nothing to signal runs here under that name"}));
}

void Shim::kill(uint64_t id, const InstanceKey& key) {
  auto instance = find(key);
  if (instance == nullptr) return send(encodeRefused(id, notFound(key)));
  instance->kill();
  send(encodeDone(id));
}

void Shim::list(uint64_t id) {
  listers_.push_back({clientNumber_, id});
  answerLists();
}

// A list is whole: it waits for what is just starting. Else a platform that has just come back would take the disk and the network of
// such an instance for left over.
void Shim::answerLists() {
  if (listers_.empty()) return;
  std::vector<InstanceReport> all;
  for (auto& [container, instance] : instances_) {
    if (instance->state() == Instance::State::STARTING) return;
    if (instance->hasRun()) all.push_back(instance->report());
  }
  for (auto& asker : std::exchange(listers_, {})) {
    for (auto& packet : encodeInstances(asker.request, all)) answer(asker, kj::mv(packet));
  }
}

void Shim::acknowledge(uint64_t id, uint64_t number) {
  try {
    exits_.acknowledge(number);
  } catch (const std::system_error& error) {
    note(std::string("ExitsFileNotShrunk why=\"") + error.what() + "\"");
  }
  send(encodeDone(id));
}

void Shim::shutDown() {
  shuttingDown_ = true;
  for (auto& [container, instance] : instances_) instance->kill();
}

Instance* Shim::find(const InstanceKey& key) {
  auto found = instances_.find(key.container);
  return found == instances_.end() || found->second->key() != key ? nullptr : found->second.get();
}

// ---- processes ----

void Shim::onSignal() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGTERM) shutDown();
  }
  reap();
}

void Shim::reap() {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (auto instance = instancesByPid_.extract(pid)) {
      instance.mapped()->reaped(status);
    } else if (auto exec = execsByPid_.extract(pid)) {
      exec.mapped()->reaped(pid, status);
    } else if (!execs_.empty()) {
      strays_.emplace(pid, status);
    }
  }
}

void Shim::instanceRunning(Instance& instance) {
  generations_.remember(instance.key().container, instance.key().generation);
  for (auto& asker : launchers_[&instance]) answer(asker, encodeLaunched(asker.request, instance.report()));
  launchers_.erase(&instance);
  answerLists();
}

void Shim::instanceGone(Instance& instance) { gone_.push_back(&instance); }

std::optional<Ending> Shim::execCloned(ExecProcess& exec) {
  if (auto stray = strays_.extract(exec.pid())) return endingOf(stray.mapped());
  execsByPid_.emplace(exec.pid(), &exec);
  return std::nullopt;
}

void Shim::execSettled(ExecProcess& exec) {
  auto& asker = execs_.at(exec.number()).asker;
  answer(asker, exec.failure() ? encodeRefused(asker.request, *exec.failure())
                               : encodeExecStarted(asker.request, exec.number(), exec.pid()));
}

void Shim::execGone(ExecProcess& exec) { goneExecs_.push_back(exec.number()); }

// ---- after each batch of events ----

void Shim::afterBatch() {
  forgetExecs();
  recordExits();
  lostClients_.clear();
  if (!shuttingDown_ || !instances_.empty()) return;
  for (auto& asker : shutdownAskers_) answer(asker, encodeDone(asker.request));
  loop_.stop();
}

void Shim::forgetExecs() {
  for (auto number : goneExecs_) {
    auto exec = execs_.extract(number);
    auto& [process, instance, asker] = exec.mapped();
    if (!process->failure()) answer(asker, encodeExecExited(number, *process->ending()));
    instance->execEnded();
  }
  goneExecs_.clear();
  if (execs_.empty()) strays_.clear();
}

// One sync for all of the batch; only then is anyone told.
void Shim::recordExits() {
  if (gone_.empty() || recordRetry_) return;
  std::vector<ExitRecord> records;
  for (auto instance : gone_) {
    if (instance->hasRun()) records.push_back(instance->exit());
  }
  try {
    if (!records.empty()) exits_.append(records);
  } catch (const std::system_error& error) {
    note(std::string("ExitsNotRecorded why=\"") + error.what() + "\"");
    recordRetry_ = true;
    loop_.after(RECORD_RETRY, [this]() { recordRetry_ = false; });
    return;
  }
  for (auto& record : records) send(encodeExited(record));
  for (auto instance : std::exchange(gone_, {})) forget(*instance);
}

void Shim::forget(Instance& instance) {
  if (auto waiting = launchers_.extract(&instance)) {
    for (auto& asker : waiting.mapped()) answer(asker, encodeRefused(asker.request, *instance.failure()));
    note("LaunchFailed instance=" + toText(instance.key()) + " why=\"" + instance.failure()->message + "\"");
  }
  if (instance.droppedLogBytes() > 0) {
    note("LogIncomplete instance=" + toText(instance.key()) + " dropped_bytes=" + std::to_string(instance.droppedLogBytes()));
  }
  instances_.erase(instance.key().container);
  answerLists();
}

void Shim::note(const std::string& event) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char at[24];
  snprintf(at, sizeof at, "%lld.%06ld ", static_cast<long long>(now.tv_sec), now.tv_nsec / 1000);
  auto line = at + event;
  std::replace(line.begin(), line.end(), '\n', ' ');
  log_.append(line + "\n");
}

}  // namespace meridian::shim
