#include "sim/check/books.h"

#include "actors/class/class-record.h"
#include "actors/location/location-record.h"
#include "actors/supervisor/supervisor-record.h"
#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "sim/world/stored-actor.h"

namespace meridian::sim {

void Books::read() {
  for (auto& name: StoredActor::list(server_, "ContainerClass")) readClass(name);
  for (auto& name: StoredActor::list(server_, "LocationScheduler")) readLocation(name);
  readJournal();
}

// A commit may hold a grant and a lowered maximum, in either order: the larger one counts.
void Books::readClass(const std::string& name) {
  StoredActor stored(server_, {"ContainerClass", name});
  auto state = container_class::load(stored);
  auto& max = maxInstances_[name];
  auto allowed = max;
  max = 0;
  if (auto configured = std::get_if<container_class::Configured>(&state.ownership)) max = configured->spec.maxInstances;
  allowed = std::max(allowed, max);

  ClassName containerClass(name);
  for (auto& [id, permit]: state.permits) {
    bool isNew = !permits_.contains({containerClass, id});
    if (isNew && state.permits.size() > allowed) {
      stage_.verdict.wrong("permits", name + " has given " + std::to_string(state.permits.size()) + " permits, the last to " + id +
                                          "; allowed are " + std::to_string(allowed));
    }
  }
  std::erase_if(permits_, [&](auto& entry) { return entry.first.containerClass == containerClass; });
  for (auto& [id, permit]: state.permits) permits_.emplace(ContainerId{containerClass, id}, permit.generation);
}

void Books::readLocation(const std::string& name) {
  StoredActor stored(server_, {"LocationScheduler", name});
  auto state = location::load(stored);
  reservations_.clear();
  std::map<std::string, Resources> promised;
  for (auto& [container, reservation]: state.reservations) {
    auto& machine = reservation.machine.value();
    reservations_.emplace(container, Reservation{reservation.generation, machine});
    promised[machine] = promised[machine] + reservation.need;
  }
  for (auto& [machine, sum]: promised) {
    if (fits(sum, state.machines.at(MachineId(machine)).capacity)) continue;
    stage_.verdict.wrong("reservations", "machine " + machine + " is promised to more than fit it: " + describe());
  }
}

void Books::readJournal() {
  auto& journal = server_.contents().journal;
  for (auto entry = journal.upper_bound(lastEvent_); entry != journal.end(); ++entry) {
    lastEvent_ = entry->first;
    auto opened = actor::open(entry->second);
    auto event = opened->get<schema::Event>();
    InstanceKey key{actor::read(event.getContainer()), Generation(event.getGeneration())};
    stage_.say("server", toText(key) + " " + actor::text(event.getKind()) + " " + actor::text(event.getDetail()));
    if (event.getKind() == "draining") drains_.emplace(key, instantFromNs(event.getAtNs()));
  }
}

bool Books::hasPermit(const InstanceKey& key) const {
  auto found = permits_.find(key.container);
  return found != permits_.end() && found->second == key.generation;
}

bool Books::hasReservation(const InstanceKey& key, const std::string& machine) const {
  auto found = reservations_.find(key.container);
  return found != reservations_.end() && found->second.generation == key.generation && found->second.machine == machine;
}

std::string Books::describe() const {
  std::string text = "permits";
  for (auto& [container, generation]: permits_) text += " " + toText(InstanceKey{container, generation});
  text += ", reservations";
  for (auto& [container, held]: reservations_) text += " " + toText(InstanceKey{container, held.generation}) + "@" + held.machine;
  return text;
}

std::optional<Instant> Books::drainsSince(const InstanceKey& key) const {
  auto found = drains_.find(key);
  if (found == drains_.end()) return std::nullopt;
  return found->second;
}

supervisor::State Books::supervisorOf(const ContainerId& container) const {
  auto bytes = StoredActor(server_, {"Supervisor", toText(container)}).getBytes("record");
  return bytes ? supervisor::decode(*bytes) : supervisor::State{};
}

}  // namespace meridian::sim
