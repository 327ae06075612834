#include "sim/explore/transfer/space.h"

#include <kj/memory.h>

#include "runtime/base/check.h"
#include "sim/explore/transfer/life.h"

namespace meridian::explore::transfer {

namespace {

constexpr size_t TEXT_MAX = 255;       // bytes of a key or value of this world

struct State {
  Left left;
  std::string steps;                   // of the present life
};

void putText(std::string& bytes, const std::string& text) {
  check(text.size() <= TEXT_MAX, "keys and values of accounts are short");
  bytes.push_back(static_cast<char>(text.size()));
  bytes += text;
}

std::string takeText(std::string_view& bytes) {
  auto size = static_cast<uint8_t>(bytes.at(0));
  std::string text(bytes.substr(1, size));
  bytes.remove_prefix(1 + size);
  return text;
}

std::string encode(const State& state) {
  std::string bytes = {static_cast<char>(state.left.lives), static_cast<char>(state.left.wasTold),
                       static_cast<char>(state.left.rows.size())};
  for (auto& [key, value]: state.left.rows) {
    putText(bytes, key);
    putText(bytes, value);
  }
  return bytes + state.steps;
}

State decode(std::string_view bytes) {
  State state{{{}, static_cast<uint8_t>(bytes.at(0)), bytes.at(1) != 0}, ""};
  auto rows = static_cast<uint8_t>(bytes.at(2));
  bytes.remove_prefix(3);
  for (uint8_t i = 0; i < rows; ++i) {
    auto key = takeText(bytes);
    state.left.rows[key] = takeText(bytes);
  }
  state.steps = bytes;
  return state;
}

kj::Own<Life> live(actor::ActorSystem& system, const State& state, const Log& log) {
  auto life = kj::heap<Life>(system, state.left, log);
  for (auto step: state.steps) life->take(static_cast<Step>(step));
  return life;
}

Next next(const State& state, Step step, std::string flaw) {
  return {static_cast<uint16_t>(step), isEvent(step) ? Cost::EVENT : Cost::FREE,
          encode({state.left, state.steps + static_cast<char>(step)}), std::move(flaw)};
}

const char* toText(Step step) {
  switch (step) {
    case Step::RUN: return "the loop runs one event";
    case Step::COMMIT: return "the disk has written a batch, or has failed to";
    case Step::WAIT: return "time passes, nothing else being left";
    case Step::CRASH: return "EVENT crash of the server";
    case Step::NO_SPACE: return "EVENT the next batch will not fit on the disk";
    case Step::FLUSH: return "EVENT a commit begins before the loop is idle";
    case Step::READ: return "EVENT a client asks for the balance of who takes";
  }
  return "";
}

}  // namespace

std::string TransferSpace::start() { return encode({}); }

void TransferSpace::moves(std::string_view bytes, Events events, const std::function<void(Next&&)>& visit) {
  auto state = decode(bytes);
  Log log;
  auto life = live(system_, state, log);
  auto steps = life->steps();
  auto left = life->leaves();
  bool isUsed = false;
  for (auto step: steps) {
    if (isEvent(step) && events == Events::LEFT_OUT) continue;
    if (step == Step::CRASH) {
      visit({static_cast<uint16_t>(step), Cost::EVENT, encode({left, ""}), ""});
      continue;
    }
    if (isUsed) {
      life = nullptr;
      life = live(system_, state, log);
    }
    isUsed = true;
    visit(next(state, step, life->take(step)));
  }
}

std::string TransferSpace::flawAtRest(std::string_view bytes) {
  Log log;
  return live(system_, decode(bytes), log)->flawAtRest();
}

// The events of the loop are many and alike: a run of them is one line.
std::vector<std::string> TransferSpace::describe(const std::vector<uint16_t>& moves) {
  std::vector<std::string> lines;
  size_t runs = 0;
  auto tellRuns = [&] {
    if (runs > 0) lines.push_back("the loop runs " + std::to_string(runs) + (runs == 1 ? " event" : " events"));
    runs = 0;
  };
  for (auto move: moves) {
    auto step = static_cast<Step>(move);
    if (step == Step::RUN) {
      ++runs;
      continue;
    }
    tellRuns();
    lines.push_back(toText(step));
  }
  tellRuns();
  return lines;
}

}  // namespace meridian::explore::transfer
