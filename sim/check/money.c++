#include "sim/check/money.h"

#include <cstring>

#include "sim/toys/account-actor.h"
#include "sim/world/stored-actor.h"

namespace meridian::sim {

void Money::requireConserved() {
  int64_t sum = 0;
  std::map<uint64_t, int64_t> owed;
  std::set<uint64_t> paid;
  for (auto& account: accounts_) {
    StoredActor stored(diskOf_(account), {"Account", account});
    sum += stored.get<int64_t>("balance").orDefault(AccountActor::OPENING);
    for (auto& entry: stored.list({.prefix = "owe/", .after = {}})) {
      Debt debt;
      memcpy(&debt, entry.value.data(), sizeof debt);
      owed[std::stoull(entry.key.substr(4))] = debt.amount;
    }
    for (auto& entry: stored.list({.prefix = "paid/", .after = {}})) {
      if (!paid.insert(std::stoull(entry.key.substr(5))).second) stage_.verdict.wrong("paid-twice", entry.key);
    }
  }
  for (auto& [transfer, amount]: owed) {
    if (!paid.contains(transfer)) sum += amount;
  }
  auto expected = AccountActor::OPENING * static_cast<int64_t>(accounts_.size());
  if (sum != expected) {
    stage_.verdict.wrong("conserved", "on the disks lie " + std::to_string(sum) + " of " + std::to_string(expected));
  }
}

bool Money::isPaid(uint64_t transfer, const std::string& payee) {
  return StoredActor(diskOf_(payee), {"Account", payee}).getBytes("paid/" + std::to_string(transfer)).has_value();
}

void Money::acknowledged(uint64_t transfer, const std::string& payee) {
  acknowledged_.emplace(transfer, payee);
  if (!isPaid(transfer, payee)) stage_.verdict.wrong("told-early", "transfer " + std::to_string(transfer) + " is acknowledged and not durable");
}

void Money::passed(uint64_t number, const std::vector<std::string>& path) {
  for (auto& account: path) {
    if (StoredActor(diskOf_(account), {"Account", account}).get<uint64_t>("passed").orDefault(0) >= number) continue;
    stage_.verdict.wrong("told-early", account + " has not durably noted " + std::to_string(number) + ", which is answered");
  }
}

void Money::requireAcknowledgedPaid() {
  for (auto& [transfer, payee]: acknowledged_) {
    if (!isPaid(transfer, payee)) stage_.verdict.wrong("lost", "transfer " + std::to_string(transfer) + " was acknowledged and is lost");
  }
}

}  // namespace meridian::sim
