#include "sim/world/stored-actor.h"

namespace meridian::sim {

std::vector<std::string> StoredActor::list(const SimDisk& disk, std::string_view kind) {
  std::vector<std::string> names;
  auto prefix = actor::namePrefix(kind);
  auto& rows = disk.contents().rows;
  for (auto row = rows.lower_bound(prefix); row != rows.end() && row->first.starts_with(prefix); ++row) {
    names.push_back(row->first.substr(prefix.size()));
  }
  return names;
}

StoredActor::StoredActor(const SimDisk& disk, const actor::Address& address): disk_(disk) {
  auto found = disk_.contents().rows.find(actor::nameKey(address));
  if (found != disk_.contents().rows.end()) number_ = actor::decodeNumber(found->second);
}

std::optional<std::string> StoredActor::getBytes(std::string_view key) {
  if (!number_) return std::nullopt;
  auto found = disk_.contents().rows.find(actor::storageKey(*number_, key));
  if (found == disk_.contents().rows.end()) return std::nullopt;
  return found->second;
}

std::vector<actor::Storage::Entry> StoredActor::list(const Range& range) {
  std::vector<Entry> entries;
  if (!number_) return entries;
  auto prefix = actor::storageKey(*number_, range.prefix);
  auto head = actor::storageKey(*number_, "").size();
  auto& rows = disk_.contents().rows;
  for (auto row = rows.lower_bound(prefix); row != rows.end() && row->first.starts_with(prefix); ++row) {
    auto key = row->first.substr(head);
    if (key > range.after && entries.size() < range.limit) entries.push_back({key, row->second});
  }
  return entries;
}

}  // namespace meridian::sim
