#include "sim/explore/search.h"

#include <map>
#include <utility>

#include "sim/explore/visited.h"

namespace meridian::explore {

namespace {

struct Waiting {
  StateIndex index;
  std::string state;
};

// States to be expanded, all met with the same number of events: by the number of moves that led to them.
class Layer {
 public:
  void add(uint32_t moves, Waiting waiting) {
    bytes_ += cost(waiting);
    byMoves_[moves].push_back(std::move(waiting));
  }

  bool isEmpty() const { return byMoves_.empty(); }
  uint64_t bytes() const { return bytes_; }

  std::pair<uint32_t, Waiting> take(Order order) {
    auto bucket = order == Order::FEWEST_MOVES_FIRST ? byMoves_.begin() : std::prev(byMoves_.end());
    auto moves = bucket->first;
    auto taken = std::move(bucket->second.back());
    bucket->second.pop_back();
    bytes_ -= cost(taken);
    if (bucket->second.empty()) byMoves_.erase(bucket);
    return {moves, std::move(taken)};
  }

 private:
  static uint64_t cost(const Waiting& waiting) { return sizeof(Waiting) + waiting.state.capacity(); }

  std::map<uint32_t, std::vector<Waiting>> byMoves_;
  uint64_t bytes_ = 0;
};

class Search {
 public:
  Search(Space& space, const Bounds& bounds): space_(space), bounds_(bounds), until_(Clock::now() + bounds.timeMax) {}

  Result run() {
    auto start = space_.start();
    auto met = visited_.meet(hashOf(start), NO_STATE, 0);
    present_.add(0, {met.index, std::move(start)});
    for (events_ = 0;; ++events_) {
      if (!expandLayer() || !requireRest()) break;
      result_.events = events_;
      if (events_ == bounds_.events || following_.isEmpty()) break;
      present_ = std::exchange(following_, {});
    }
    result_.states = visited_.size();
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  // False: the search is over.
  bool expandLayer() {
    while (!present_.isEmpty()) {
      auto [moves, waiting] = present_.take(bounds_.order);
      result_.depth = std::max(result_.depth, moves);
      if (!expand(moves, waiting) || !isWithinBounds()) return false;
    }
    return true;
  }

  bool expand(uint32_t moves, const Waiting& waiting) {
    bool isAtRest = true;
    auto events = events_ < bounds_.events ? Events::TOO : Events::LEFT_OUT;
    space_.moves(waiting.state, events, [&](Next&& next) {
      if (result_.violation) return;
      ++result_.transitions;
      if (!next.flaw.empty()) return report(waiting.index, next.flaw, {next.move}, next.cost == Cost::EVENT ? 1 : 0);
      auto met = visited_.meet(hashOf(next.state), waiting.index, next.move);
      if (next.cost == Cost::FREE && std::exchange(isAtRest, false)) visited_.setFirstFree(waiting.index, met.index);
      if (!met.isNew) return;
      auto& layer = next.cost == Cost::FREE ? present_ : following_;
      next.state.shrink_to_fit();
      layer.add(moves + 1, {met.index, std::move(next.state)});
    });
    if (result_.violation) return false;
    if (!isAtRest) return true;
    auto flaw = space_.flawAtRest(waiting.state);
    if (!flaw.empty()) report(waiting.index, flaw, {}, 0);
    return flaw.empty();
  }

  void report(StateIndex index, const std::string& flaw, std::vector<uint16_t> last, uint32_t events) {
    auto path = visited_.pathTo(index);
    path.insert(path.end(), last.begin(), last.end());
    result_.violation = Violation{flaw, events_ + events, std::move(path)};
  }

  // From each state that was expanded the first free moves must end somewhere. Those of the next layer have none yet, and end there.
  bool requireRest() {
    settled_.assign(visited_.size(), Settled::NOT_LOOKED_AT);
    for (StateIndex first = 0; first < visited_.size(); ++first) {
      auto at = first;
      for (; at != NO_STATE && settled_[at] == Settled::NOT_LOOKED_AT; at = visited_.firstFree(at)) settled_[at] = Settled::ON_THE_WAY;
      if (at != NO_STATE && settled_[at] == Settled::ON_THE_WAY) {
        report(at, "it never comes to rest: what it does by itself leads round in a circle", {}, 0);
        return false;
      }
      for (at = first; at != NO_STATE && settled_[at] == Settled::ON_THE_WAY; at = visited_.firstFree(at)) settled_[at] = Settled::RESTS;
    }
    return true;
  }

  bool isWithinBounds() {
    auto bytes = visited_.size() * Visited::BYTES_PER_STATE + present_.bytes() + following_.bytes();
    if (bytes > bounds_.bytesMax) result_.cutShort = "memory: " + std::to_string(bounds_.bytesMax >> 20) + " MiB are used";
    if (Clock::now() > until_) result_.cutShort = "time: " + std::to_string(bounds_.timeMax.count()) + " ms are over";
    return result_.cutShort.empty();
  }

  enum class Settled : uint8_t { NOT_LOOKED_AT, ON_THE_WAY, RESTS };

  Space& space_;
  const Bounds bounds_;
  const Clock::time_point until_;
  Visited visited_;
  Layer present_, following_;
  std::vector<Settled> settled_;
  uint32_t events_ = 0;
  Result result_;
};

}  // namespace

Result search(Space& space, const Bounds& bounds) { return Search(space, bounds).run(); }

}  // namespace meridian::explore
