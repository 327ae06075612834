#include "tests/integration/store-crash/ledger-actor.h"

#include <cstring>

#include "tests/integration/store-crash/ledger-model.h"

namespace meridian::crash {

namespace {

constexpr uint64_t JOURNAL_ONE_IN = 3;
constexpr uint64_t ALARM_ONE_IN = 4;
constexpr Duration ALARM_AWAY = std::chrono::hours(24);   // never comes up; its rows belong to the turn

}  // namespace

uint64_t LedgerActor::turns() { return storage().get<uint64_t>("turns").orDefault(0); }

uint64_t LedgerActor::write(uint64_t salt) {
  uint64_t turn = turns() + 1;
  storage().put("turns", turn);
  for (const auto& [key, value] : changesOf(turn, salt)) {
    if (value) {
      storage().putBytes(key, *value);
    } else {
      storage().erase(key);
    }
  }
  if (salt % JOURNAL_ONE_IN == 0) storage().journal(env().self().name);
  if (salt % ALARM_ONE_IN == 0) storage().setAlarm(env().now() + ALARM_AWAY);
  return turn;
}

kj::Promise<void> LedgerActor::write(WriteContext context) {
  context.getResults().setTurns(write(context.getParams().getSalt()));
  return kj::READY_NOW;
}

kj::Promise<void> LedgerActor::tell(TellContext context) {
  auto params = context.getParams();
  auto turn = write(params.getSalt());
  context.getResults().setTurns(turn);
  auto request = params.getWitness().heardRequest();
  request.setLedger(env().self().name.c_str());
  request.setTurns(turn);
  return env().await(request.send().ignoreResult(), []() -> kj::Promise<void> { return kj::READY_NOW; });
}

kj::Promise<void> LedgerActor::pass(PassContext context) {
  auto params = context.getParams();
  auto salt = params.getSalt();
  write(salt);
  auto request = env().actor<Ledger>(params.getTo()).writeRequest();
  request.setSalt(salt + 1);
  return env().await(request.send(), [this, context, salt](auto&& answer) mutable -> kj::Promise<void> {
    context.getResults().setTurns(write(salt + 2));
    context.getResults().setTheirs(answer.getTurns());
    return kj::READY_NOW;
  });
}

kj::Promise<void> LedgerActor::read(ReadContext context) {
  Digest digest;
  std::vector<uint64_t> salts;
  for (const auto& [key, value] : storage().list({})) {
    if (key == "turns") continue;
    digest.add(key, value);
    if (!key.starts_with(SALT_PREFIX)) continue;
    KJ_REQUIRE(key == saltKey(salts.size() + 1) && value.size() == sizeof(uint64_t), "a turn has left no salt", key.c_str());
    memcpy(&salts.emplace_back(), value.data(), sizeof(uint64_t));
  }
  KJ_REQUIRE(salts.size() == turns(), "the number of turns is another", salts.size(), turns());
  auto results = context.getResults();
  results.setDigest(digest.value());
  auto list = results.initSalts(static_cast<unsigned>(salts.size()));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, salts[i]);
  return kj::READY_NOW;
}

kj::Promise<void> LedgerActor::clear(ClearContext) {
  for (const auto& entry : storage().list({})) storage().erase(entry.key);
  return kj::READY_NOW;
}

}  // namespace meridian::crash
