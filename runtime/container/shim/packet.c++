#include "runtime/container/shim/packet.h"

#include <linux/limits.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <capnp/serialize.h>

#include "runtime/container/log-format.h"

namespace meridian::shim {

namespace {

constexpr size_t ARGUMENTS_MAX = 4096;   // entries of argv, and of env
constexpr size_t GROUPS_MAX = 64;
constexpr size_t LAYERS_MAX = 128;
constexpr size_t NAME_MAX_BYTES = 256;   // class, id
constexpr size_t HOSTNAME_MAX = 63;      // bytes; the kernel takes 64
constexpr size_t CGROUP_NAME_MAX = 200;  // bytes
constexpr size_t TAG_MAX = 4096;         // bytes
constexpr size_t PACKED_MAX = 48 * 1024;  // bytes of records in one packet, so that it stays below PACKET_MAX
constexpr const char* PATH_DEFAULT = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

std::string text(const char* field, capnp::Text::Reader reader) {
  std::string value(reader.begin(), reader.end());
  if (value.find('\0') != std::string::npos) refuse(std::string(field) + " holds a zero byte");
  return value;
}

std::string bounded(const char* field, capnp::Text::Reader reader, size_t min, size_t max) {
  auto value = text(field, reader);
  if (value.size() < min || value.size() > max) {
    refuse(std::string(field) + " has " + std::to_string(value.size()) + " bytes; allowed are " + std::to_string(min) +
           " to " + std::to_string(max));
  }
  return value;
}

std::string absolutePath(const char* field, capnp::Text::Reader reader) {
  auto value = bounded(field, reader, 1, PATH_MAX - 1);
  if (value[0] != '/') refuse(std::string(field) + " is \"" + value + "\"; it must be an absolute path");
  return value;
}

uint64_t atLeast(const char* field, uint64_t value, uint64_t min) {
  if (value < min) refuse(std::string(field) + " is " + std::to_string(value) + "; at least " + std::to_string(min));
  return value;
}

template <typename List>
List atMost(const char* field, List list, size_t max) {
  if (list.size() > max) {
    refuse(std::string(field) + " has " + std::to_string(list.size()) + " entries; at most " + std::to_string(max));
  }
  return list;
}

uint32_t userId(const char* field, uint32_t value) {
  if (value == UINT32_MAX) refuse(std::string(field) + " is 4294967295, which the kernel takes for \"no change\"");
  return value;
}

// Here and below each part is checked before the whole is put together: g++ 12 destroys the parts of a half-built aggregate
// wrongly when an initialiser throws.
InstanceKey key(schema::InstanceKey::Reader from) {
  InstanceKey key;
  auto container = from.getContainer();
  key.container.containerClass =
      ClassName(bounded("key.container.className", container.getClassName(), 1, NAME_MAX_BYTES));
  key.container.id = bounded("key.container.id", container.getId(), 1, NAME_MAX_BYTES);
  key.generation = Generation(atLeast("key.generation", from.getGeneration(), 1));
  return key;
}

std::vector<std::string> argv(capnp::List<capnp::Text>::Reader from) {
  std::vector<std::string> all;
  for (auto argument : atMost("argv", from, ARGUMENTS_MAX)) all.push_back(text("argv", argument));
  if (all.empty() || all[0].empty()) refuse("argv names no program");
  return all;
}

bool defines(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(), [&](const std::string& entry) {
    return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
  });
}

std::vector<std::string> env(capnp::List<schema::EnvVar>::Reader from, uid_t uid) {
  std::vector<std::string> all;
  for (auto entry : atMost("env", from, ARGUMENTS_MAX)) {
    auto name = text("env.name", entry.getName());
    if (name.empty() || name.find('=') != std::string::npos) {
      refuse("env.name is \"" + name + "\"; it must not be empty nor hold '='");
    }
    all.push_back(name + "=" + text("env.value", entry.getValue()));
  }
  if (!defines(all, "PATH")) all.push_back(PATH_DEFAULT);
  if (!defines(all, "HOME")) all.push_back(uid == 0 ? "HOME=/root" : "HOME=/");
  return all;
}

std::string workdir(capnp::Text::Reader from) {
  return from.size() == 0 ? "/" : absolutePath("workdir", from);
}

std::string cgroupName(capnp::Text::Reader from) {
  auto name = bounded("cgroup", from, 1, CGROUP_NAME_MAX);
  bool fine = name[0] != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (!fine) refuse("cgroup is \"" + name + "\"; allowed are A-Z a-z 0-9 . _ - and no leading dot");
  return name;
}

Program program(schema::Launch::Reader from) {
  Program program;
  program.uid = userId("uid", from.getUid());
  program.gid = userId("gid", from.getGid());
  program.argv = argv(from.getArgv());
  program.env = env(from.getEnv(), program.uid);
  program.workdir = workdir(from.getWorkdir());
  for (auto group : atMost("groups", from.getGroups(), GROUPS_MAX)) program.groups.push_back(userId("groups", group));
  return program;
}

Launch launch(schema::Launch::Reader from) {
  Launch launch;
  launch.key = key(from.getKey());
  launch.program = program(from);
  launch.hostname = bounded("hostname", from.getHostname(), 1, HOSTNAME_MAX);
  for (auto layer : atMost("layers", from.getLayers(), LAYERS_MAX)) launch.layers.push_back(absolutePath("layers", layer));
  if (launch.layers.empty()) refuse("layers is empty; an image has at least one");
  launch.writable = absolutePath("writable", from.getWritable());
  launch.cgroup = cgroupName(from.getCgroup());
  launch.limits.cpu = MicroCpu(atLeast("cpuMicro", from.getCpuMicro(), 1));
  launch.limits.memory = MemoryMib(atLeast("memoryMib", from.getMemoryMib(), 1));
  launch.limits.pids = static_cast<uint32_t>(atLeast("pidsMax", from.getPidsMax(), 1));
  launch.logDir = absolutePath("logDir", from.getLogDir());
  launch.logBytesMax = atLeast("logBytesMax", from.getLogBytesMax(), container::LOG_LINE_MAX);
  launch.resolvConf = text("resolvConf", from.getResolvConf());
  launch.hosts = text("hosts", from.getHosts());
  launch.tag = bounded("tag", from.getTag(), 0, TAG_MAX);
  return launch;
}

Exec exec(schema::Exec::Reader from) {
  Exec exec;
  exec.key = key(from.getKey());
  exec.argv = argv(from.getArgv());
  return exec;
}

Signal signal(schema::Signal::Reader from) {
  int number = from.getNumber();
  if (number < 1 || number > SIGRTMAX) {
    refuse("signal number is " + std::to_string(number) + "; allowed are 1 to " + std::to_string(SIGRTMAX));
  }
  switch (from.getTarget().which()) {
    case schema::Signal::Target::INSTANCE:
      if (number == SIGSTOP) refuse("SIGSTOP cannot be passed on to an instance");
      return {.target = key(from.getTarget().getInstance()), .number = number};
    case schema::Signal::Target::EXEC: return {.target = from.getTarget().getExec(), .number = number};
  }
  refuse("signal has an unknown target");
}

Command command(schema::ToShim::Reader from) {
  switch (from.which()) {
    case schema::ToShim::HELLO:
      if (from.getHello().getProtocol() != schema::SHIM_PROTOCOL_VERSION) {
        refuse("protocol is " + std::to_string(from.getHello().getProtocol()) + "; this shim speaks " +
               std::to_string(schema::SHIM_PROTOCOL_VERSION));
      }
      return Hello{};
    case schema::ToShim::LAUNCH: return launch(from.getLaunch());
    case schema::ToShim::EXEC: return exec(from.getExec());
    case schema::ToShim::SIGNAL: return signal(from.getSignal());
    case schema::ToShim::KILL: return Kill{key(from.getKill())};
    case schema::ToShim::LIST: return ListInstances{};
    case schema::ToShim::EXITS: return Exits{from.getExits()};
    case schema::ToShim::ACKNOWLEDGE: return Acknowledge{from.getAcknowledge()};
    case schema::ToShim::SHUTDOWN: return Shutdown{};
  }
  refuse("unknown kind of request");
}

void encode(const InstanceKey& key, schema::InstanceKey::Builder to) {
  auto container = to.initContainer();
  container.setClassName(key.container.containerClass.value());
  container.setId(key.container.id);
  to.setGeneration(key.generation.value());
}

void encode(const InstanceReport& instance, schema::Instance::Builder to) {
  encode(instance.key, to.initKey());
  to.setPid(instance.pid);
  to.setStartTime(instance.startTime);
  to.setStartedAtNs(toNs(instance.startedAt));
  to.setTag(instance.tag);
}

template <typename Fill>
Packet packet(uint64_t id, Fill&& fill) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::FromShim>();
  root.setId(id);
  fill(root);
  auto words = capnp::messageToFlatArray(message);
  return kj::heapArray(words.asBytes());
}

template <typename Record>
size_t packedBytes(const Record& record) {
  return 160 + record.key.container.containerClass.value().size() + record.key.container.id.size() + record.tag.size();
}

// Splits records over packets: `init` makes the list in a root and returns it.
template <typename Record, typename Init>
std::vector<Packet> packets(uint64_t id, const std::vector<Record>& records, Init&& init) {
  std::vector<Packet> all;
  size_t from = 0;
  do {
    size_t to = from;
    for (size_t bytes = 0; to < records.size(); ++to) {
      bytes += packedBytes(records[to]);
      if (bytes > PACKED_MAX) break;
    }
    all.push_back(packet(id, [&](schema::FromShim::Builder root) {
      auto list = init(root, static_cast<unsigned>(to - from));
      for (size_t i = from; i < to; ++i) encode(records[i], list[i - from]);
      root.setMore(to < records.size());
    }));
    from = to;
  } while (from < records.size());
  return all;
}

}  // namespace

Request decode(kj::ArrayPtr<const kj::byte> bytes) {
  uint64_t id = 0;
  try {
    if (bytes.size() % sizeof(capnp::word) != 0) refuse("the packet is no whole number of words");
    auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
    memcpy(words.begin(), bytes.begin(), bytes.size());
    capnp::FlatArrayMessageReader message(words);
    auto root = message.getRoot<schema::ToShim>();
    id = root.getId();
    if (id == 0) refuse("a request's id is above 0");
    auto asked = command(root);
    return {id, std::move(asked)};
  } catch (const std::invalid_argument& error) {
    throw BadRequest(id, error.what());
  } catch (const kj::Exception& error) {
    throw BadRequest(id, std::string("the packet does not parse: ") + error.getDescription().cStr());
  }
}

Packet encodeDone(uint64_t id) {
  return packet(id, [](schema::FromShim::Builder root) { root.setDone(); });
}

Packet encodeRefused(uint64_t id, const Failure& why) {
  return packet(id, [&](schema::FromShim::Builder root) {
    auto refused = root.initRefused();
    refused.setCode(why.code);
    refused.setMessage(why.message);
  });
}

Packet encodeHello(uint64_t id, const std::string& bootId, pid_t pid, uint64_t lastExit) {
  return packet(id, [&](schema::FromShim::Builder root) {
    auto hello = root.initHello();
    hello.setProtocol(schema::SHIM_PROTOCOL_VERSION);
    hello.setBootId(bootId);
    hello.setPid(pid);
    hello.setLastExit(lastExit);
  });
}

Packet encodeLaunched(uint64_t id, const InstanceReport& instance) {
  return packet(id, [&](schema::FromShim::Builder root) { encode(instance, root.initLaunched()); });
}

Packet encodeExecStarted(uint64_t id, uint64_t exec, pid_t pid) {
  return packet(id, [&](schema::FromShim::Builder root) {
    auto started = root.initExecStarted();
    started.setExec(exec);
    started.setPid(pid);
  });
}

Packet encodeExited(const ExitRecord& record) {
  return packet(0, [&](schema::FromShim::Builder root) { encode(record, root.initExited()); });
}

Packet encodeExecExited(uint64_t exec, const Ending& ending) {
  return packet(0, [&](schema::FromShim::Builder root) {
    auto exited = root.initExecExited();
    exited.setExec(exec);
    exited.setCode(ending.code.value_or(-1));
    exited.setSignal(ending.signal.value_or(-1));
  });
}

std::vector<Packet> encodeInstances(uint64_t id, const std::vector<InstanceReport>& instances) {
  return packets(id, instances,
                 [](schema::FromShim::Builder root, unsigned size) { return root.initInstances(size); });
}

std::vector<Packet> encodeExits(uint64_t id, const std::vector<ExitRecord>& records) {
  return packets(id, records, [](schema::FromShim::Builder root, unsigned size) { return root.initExits(size); });
}

void encode(const ExitRecord& record, schema::ExitRecord::Builder to) {
  to.setNumber(record.number);
  encode(record.key, to.initKey());
  to.setCode(record.ending.code.value_or(-1));
  to.setSignal(record.ending.signal.value_or(-1));
  to.setOomKilled(record.oomKilled);
  to.setKilled(record.killed);
  to.setAtNs(toNs(record.at));
  to.setTag(record.tag);
}

ExitRecord decode(schema::ExitRecord::Reader from) {
  auto container = from.getKey().getContainer();
  auto some = [](int32_t value) { return value < 0 ? std::nullopt : std::optional<int32_t>(value); };
  return {.number = from.getNumber(),
          .key = {{ClassName(container.getClassName()), std::string(container.getId())},
                  Generation(from.getKey().getGeneration())},
          .ending = {.code = some(from.getCode()), .signal = some(from.getSignal())},
          .oomKilled = from.getOomKilled(),
          .killed = from.getKilled(),
          .at = instantFromNs(from.getAtNs()),
          .tag = from.getTag()};
}

}  // namespace meridian::shim
