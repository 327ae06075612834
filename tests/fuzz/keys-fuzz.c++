// Keys and the small rows beside them, both ways. An input chooses one of them, then gives its bytes.
//
// What must hold: bytes that are no row are refused by a failed check or an exception, nothing worse; a row that is taken is written again as
// it was read; keys keep the order of what they are made of.
#include <kj/debug.h>

#include <string>
#include <utility>

#include "runtime/actor/store-keys.h"
#include "runtime/base/check.h"
#include "runtime/store/format.h"
#include "tests/fuzz/input.h"

namespace meridian::fuzz {
namespace {

template <typename Decode, typename Again>
void roundTrip(std::string_view bytes, Decode decode, Again again) {
  std::string written;
  try {
    written = again(decode(bytes));
  } catch (const CheckFailed&) {
    return;
  } catch (const kj::Exception&) {
    return;
  }
  require(bytes.starts_with(written), "a row is written again as it was read");
}

uint64_t number(Input& input) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) value = value << 8 | input.byte();
  return value;
}

void order(Input& input) {
  auto earlier = Instant(Duration(number(input) >> 1)), later = Instant(Duration(number(input) >> 1));
  auto one = actor::ActorNumber(number(input)), other = actor::ActorNumber(number(input));
  auto left = actor::alarmIndexKey(earlier, one), right = actor::alarmIndexKey(later, other);
  require((left < right) == (std::pair(earlier, one.value()) < std::pair(later, other.value())), "alarms are in the order of their times");
  require(actor::alarmIndexTime(left) == earlier, "an alarm's key tells its time");
  auto text = input.piece(), longer = input.piece();
  auto key = actor::storageKey(one, text), otherKey = actor::storageKey(other, longer);
  require((key == otherKey) == (one == other && text == longer), "each key of each actor has a place of its own");
  auto journal = number(input), nextJournal = number(input);
  auto at = store::journalKey(journal), next = store::journalKey(nextJournal);
  require((store::view(at) < store::view(next)) == (journal < nextJournal), "the journal is in the order of its numbers");
  require(store::journalNumber(store::view(at)) == journal, "a key of the journal tells its number");
}

void sealing(Input& input) {
  auto key = input.piece();
  auto value = input.piece();
  std::string sealed(store::sealedSize(value.size()), '\0');
  store::seal(sealed, key, value);
  require(store::unseal(key, sealed) == value, "what was sealed is there again");
  auto damaged = input.rest();
  if (damaged == sealed) return;
  bool taken = kj::runCatchingExceptions([&]() { store::unseal(key, damaged); }) == nullptr;
  require(!taken || damaged.size() != sealed.size() || damaged.substr(0, value.size()) != value, "a damaged checksum is not believed");
}

}  // namespace
}  // namespace meridian::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  using namespace meridian::fuzz;
  Input input(data, size);
  switch (input.below(7)) {
    case 0: roundTrip(input.rest(), actor::decodeNumber, actor::encodeNumber); break;
    case 1: roundTrip(input.rest(), actor::decodeAddress, actor::encodeAddress); break;
    case 2: roundTrip(input.rest(), actor::decodeAlarm, actor::encodeAlarm); break;
    case 3:
      roundTrip(input.rest(), [](std::string_view bytes) { return store::decodeMeta(bytes, "store"); },
                [](const store::Meta& meta) { return store::encode(meta); });
      break;
    case 4: {
      auto key = actor::alarmIndexPrefix() + std::string(input.rest());
      roundTrip(key, actor::alarmIndexTime, [](Instant at) { return actor::alarmIndexKey(at, {}).substr(0, 9); });
      break;
    }
    case 5: order(input); break;
    case 6: sealing(input); break;
  }
  return 0;
}
