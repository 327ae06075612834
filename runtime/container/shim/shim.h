// Shim: the parent of all instances of a machine. It obeys one client at a time (schema/shim.capnp), reaps, keeps the exits
// and tells them, and goes on when the client is gone.
//
// Single-threaded; everything happens in one event loop. What blocks it: writes to log files and the sync of the exits file
// (once for all exits of a batch), and the cgroup files of a launch. Bounds: instances and execs at once (limited by open
// files too), remembered generations, unacknowledged exits, the client's queue.
//
// It ends by `shutdown` or by SIGTERM: kills all instances, waits until they are gone and recorded. If it dies otherwise,
// the kernel kills all instances with it: what the next shim's `list` and `exits` do not name is gone.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/container/shim/client.h"
#include "runtime/container/shim/exec-process.h"
#include "runtime/container/shim/exits-file.h"
#include "runtime/container/shim/generations.h"
#include "runtime/container/shim/instance.h"
#include "runtime/container/shim/rotating-file.h"

namespace meridian::shim {

struct ShimOptions {
  std::string dir;           // absolute; holds socket, exits and log
  kj::AutoCloseFd listener;  // bound and listening, non-blocking
  size_t instancesMax;
  kj::AutoCloseFd bareMounts;  // of makeBareMounts()
  kj::ArrayPtr<char> commandLine;
};

class Shim final: public InstanceObserver, public ExecObserver {
 public:
  Shim(ShimOptions options, container::CgroupTree& cgroups);
  KJ_DISALLOW_COPY(Shim);

  // Until shutdown; nothing lives then. All signals are blocked in this thread.
  void run();

 private:
  // A request that is answered later, to the client that made it if that is still the one.
  struct Asker {
    uint64_t client;
    uint64_t request;
  };

  struct Execution {
    std::unique_ptr<ExecProcess> process;
    Instance* instance;
    Asker asker;
  };

  ShimOptions options_;
  container::CgroupTree& cgroups_;
  EventLoop loop_;
  RotatingFile log_;
  ExitsFile exits_;
  std::string bootId_;
  kj::AutoCloseFd signals_;

  std::unique_ptr<Client> client_;
  std::vector<std::unique_ptr<Client>> lostClients_;  // destroyed after the batch
  uint64_t clientNumber_ = 0;
  bool greeted_ = false;

  std::map<ContainerId, std::unique_ptr<Instance>> instances_;  // at most one of an ID
  std::unordered_map<pid_t, Instance*> instancesByPid_;
  std::map<const Instance*, std::vector<Asker>> launchers_;  // who waits for it to run
  Generations generations_;
  std::map<uint64_t, Execution> execs_;
  std::unordered_map<pid_t, ExecProcess*> execsByPid_;
  std::unordered_map<pid_t, int> strays_;  // wait statuses of exec'd programs that ended before their names were told
  uint64_t nextExec_ = 1;
  std::vector<Instance*> gone_;  // not yet recorded
  std::vector<uint64_t> goneExecs_;
  bool recordRetry_ = false;

  bool shuttingDown_ = false;
  std::vector<Asker> listers_;   // who waits for a list
  std::vector<Asker> shutdownAskers_;

  void accept();
  void loseClient(const char* why);
  void send(Packet packet);
  void answer(const Asker& asker, Packet packet);

  void received(kj::ArrayPtr<const kj::byte> bytes, Client::Descriptors descriptors, bool fits);
  void obey(uint64_t id, Command command, Client::Descriptors descriptors);
  void launch(uint64_t id, Launch launch, int netns);
  void exec(uint64_t id, Exec exec, const int (&stdio)[3]);
  void signal(uint64_t id, const Signal& signal);
  void kill(uint64_t id, const InstanceKey& key);
  void list(uint64_t id);
  void answerLists();
  void acknowledge(uint64_t id, uint64_t number);
  void shutDown();
  Instance* find(const InstanceKey& key);

  void onSignal();
  void reap();
  void instanceRunning(Instance& instance) override;
  void instanceGone(Instance& instance) override;
  std::optional<Ending> execCloned(ExecProcess& exec) override;
  void execSettled(ExecProcess& exec) override;
  void execGone(ExecProcess& exec) override;

  void afterBatch();
  void forgetExecs();
  void recordExits();
  void forget(Instance& instance);
  void note(const std::string& event);
};

}  // namespace meridian::shim
