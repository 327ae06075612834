// Ledger: every request that somebody outside made, and whether it has ended. A request that its own process took into death has
// ended too: nobody waits for it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sim/world/stage.h"

namespace meridian::sim {

class Ledger {
 public:
  explicit Ledger(Stage& stage): stage_(stage) {}

  // Open until it is ended or dropped.
  class Entry {
   public:
    Entry(Ledger& ledger, uint64_t number): ledger_(ledger), number_(number) {}
    ~Entry() { end("gone"); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    void end(std::string_view outcome) { ledger_.end(number_, outcome); }

   private:
    Ledger& ledger_;
    uint64_t number_;
  };

  std::shared_ptr<Entry> begin(const std::string& who, const std::string& what) {
    auto number = ++begun_;
    open_.emplace(number, Open{who, what, stage_.time.now()});
    return std::make_shared<Entry>(*this, number);
  }

  // Complains about the requests that were made before `moment` and are still open.
  void requireEnded(Duration moment) {
    for (auto& [number, open]: open_) {
      if (open.since <= moment) stage_.verdict.fail(Failure::STUCK, "requests-end", open.who + ": " + open.what + " has not ended");
    }
  }

  size_t open() const { return open_.size(); }
  uint64_t begun() const { return begun_; }
  uint64_t served() const { return served_; }

 private:
  struct Open {
    std::string who;
    std::string what;
    Duration since;
  };

  void end(uint64_t number, std::string_view outcome) {
    auto found = open_.find(number);
    if (found == open_.end()) return;
    stage_.say(found->second.who, found->second.what + ": " + std::string(outcome));
    if (outcome == "served") ++served_;
    open_.erase(found);
  }

  Stage& stage_;
  std::map<uint64_t, Open> open_;
  uint64_t begun_ = 0;
  uint64_t served_ = 0;
};

}  // namespace meridian::sim
