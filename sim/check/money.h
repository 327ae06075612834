// Money: what lies in the accounts of all disks. A payer that has paid owes nothing more, and a payee knows what it was paid; so the
// balances, with what is owed and not yet paid, are the same sum in every durable state.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "sim/world/stage.h"
#include "sim/world/store.h"

namespace meridian::sim {

class Money {
 public:
  using DiskOf = std::function<const SimDisk&(const std::string& account)>;

  Money(Stage& stage, std::vector<std::string> accounts, DiskOf diskOf)
      : stage_(stage), accounts_(std::move(accounts)), diskOf_(std::move(diskOf)) {}

  // In the present durable state.
  void requireConserved();

  // The transfer was acknowledged: its payee has been paid, now and for ever.
  void acknowledged(uint64_t transfer, const std::string& payee);
  void requireAcknowledgedPaid();

  // A call that went through these accounts, each of which notes its number or a higher one, was answered.
  void passed(uint64_t number, const std::vector<std::string>& path);

 private:
  bool isPaid(uint64_t transfer, const std::string& payee);

  Stage& stage_;
  std::vector<std::string> accounts_;
  DiskOf diskOf_;
  std::map<uint64_t, std::string> acknowledged_;     // to whom
};

}  // namespace meridian::sim
