// SimNetwork: wires between named processes. Messages of one direction of a wire keep their order; everything else is the seed's:
//
//   late        a message, and with it all behind it, takes seconds; a wire dialled anew overtakes it
//   lost        the wire breaks at that message: what was sent before still arrives, the message and all later ones do not, and
//               each end learns of it in its own time
//   partition   what is sent from one process to another, in one or both directions, waits until it heals; the sender loses
//               patience and gives the wire up
//   death       the wires of a process break; what it had sent may or may not still arrive
//
// Thread: the loop's. The stage outlives the network, and the network all its wires.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/base/random.h"
#include "runtime/rpc/wire.h"
#include "sim/world/stage.h"

namespace meridian::sim {

struct Weather {
  Duration latencyMax = std::chrono::milliseconds(1);
  double lateRate = 0;                                   // of messages
  Duration lateMax = std::chrono::seconds(5);
  double lossRate = 0;                                   // of messages
  Duration noticeMax = std::chrono::seconds(3);          // of a break
  Duration patience = std::chrono::seconds(8);           // with a partition
};

class SimNetwork {
 public:
  using Accept = kj::Function<void(kj::Own<rpc::Wire>)>;

  SimNetwork(Stage& stage, Random random): stage_(stage), random_(random) {}

  void setWeather(Weather weather) { weather_ = weather; }

  // The process takes wires from now on, and from leave() on no more.
  void listen(const std::string& name, Accept accept);
  void leave(const std::string& name);

  // A wire that queues until it is connected, and breaks if nobody is there.
  kj::Own<rpc::Wire> dial(const std::string& from, const std::string& to);

  // One direction.
  void cut(const std::string& from, const std::string& to);
  void healAll();

 private:
  struct Item;
  struct Stream;
  struct Connection;
  class SimWire;

  void send(const std::shared_ptr<Stream>& stream, Item item);
  void travel(const std::shared_ptr<Stream>& stream, Item item);
  void arrive(const std::shared_ptr<Stream>& stream, Item item);
  void breakOff(Stream& stream, Duration delay);
  void lose(Stream& stream);
  void losePatience(const std::shared_ptr<Stream>& stream);
  bool isCut(const Stream& stream) const;
  Duration latency();

  Stage& stage_;
  Random random_;
  Weather weather_;
  std::map<std::string, Accept> listeners_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::map<uint64_t, std::weak_ptr<Connection>> connections_;
  uint64_t lastConnection_ = 0;
};

}  // namespace meridian::sim
