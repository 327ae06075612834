// The shim's protocol as plain values: what a packet says (decode) and how an answer is written (encode). Everything that
// can be wrong with a request by itself is found here, so what is behind it only meets the world's faults.
// The wire is schema/shim.capnp.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <kj/array.h>

#include "runtime/container/cgroup-layout.h"
#include "runtime/container/shim/exit-record.h"
#include "schema/shim.capnp.h"

namespace meridian::shim {

inline constexpr size_t PACKET_MAX = 64 * 1024;  // bytes
inline constexpr size_t DESCRIPTORS_MAX = 3;     // with one packet

// Who the processes of an instance are and what they run in; exec'd processes get the same but for argv.
struct Program {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // NAME=value; PATH and HOME are always there
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string workdir;
};

struct Hello {};

struct Launch {
  InstanceKey key;
  Program program;
  std::string hostname;
  std::vector<std::string> layers;  // topmost first
  std::string writable;
  std::string cgroup;
  container::CgroupLimits limits;
  std::string logDir;
  uint64_t logBytesMax = 0;
  std::string resolvConf;
  std::string hosts;
  std::string tag;
};

struct Exec {
  InstanceKey key;
  std::vector<std::string> argv;
};

struct Signal {
  std::variant<InstanceKey, uint64_t> target;  // PID 1 of an instance, or the process of an exec
  int number;
};

struct Kill {
  InstanceKey key;
};

struct ListInstances {};

struct Exits {
  uint64_t since;
};

struct Acknowledge {
  uint64_t number;
};

struct Shutdown {};

using Command =
    std::variant<Hello, Launch, Exec, Signal, Kill, ListInstances, Exits, Acknowledge, Shutdown>;

struct Request {
  uint64_t id;
  Command command;
};

// The request cannot be obeyed whatever the state of the world: one sentence naming field, value and what is allowed.
// `id` is 0 if not even that could be read; then the client is not one of ours.
class BadRequest final: public std::runtime_error {
 public:
  BadRequest(uint64_t id, const std::string& why): runtime_error(why), id(id) {}
  uint64_t id;
};

// Throws BadRequest. `bytes` need not be aligned.
Request decode(kj::ArrayPtr<const kj::byte> bytes);

using Refusal = schema::Refusal::Code;

// Why a start came to nothing: which step, and errno's text.
struct Failure {
  Refusal code;
  std::string message;
};

struct InstanceReport {
  InstanceKey key;
  pid_t pid;
  uint64_t startTime;
  Instant startedAt;
  std::string tag;
};

using Packet = kj::Array<kj::byte>;

Packet encodeDone(uint64_t id);
Packet encodeRefused(uint64_t id, const Failure& why);
Packet encodeHello(uint64_t id, const std::string& bootId, pid_t pid, uint64_t lastExit);
Packet encodeLaunched(uint64_t id, const InstanceReport& instance);
Packet encodeExecStarted(uint64_t id, uint64_t exec, pid_t pid);
Packet encodeExited(const ExitRecord& record);
Packet encodeExecExited(uint64_t exec, const Ending& ending);

// As many packets as they need, all but the last with `more`.
std::vector<Packet> encodeInstances(uint64_t id, const std::vector<InstanceReport>& instances);
std::vector<Packet> encodeExits(uint64_t id, const std::vector<ExitRecord>& records);

void encode(const ExitRecord& record, schema::ExitRecord::Builder to);
ExitRecord decode(schema::ExitRecord::Reader from);

}  // namespace meridian::shim
