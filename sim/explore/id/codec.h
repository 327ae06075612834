// A state as canonical bytes. States that behave alike share them:
//
//   - Instants are counted from now, and those too long ago to matter are alike.
//   - Generations and rounds of lists keep only their order: they are compared, and the highest is raised.
//   - Callers are told apart by what they wait for, and what is under way has no order.
//   - What only tells people something (decisions, details, times of day) is left out, so a state that is read back has none.
//
// About 60 to 150 bytes.
#pragma once

#include <string>
#include <string_view>

#include "sim/explore/id/state.h"

namespace meridian::explore::id {

// Whether generations keep their numbers, for people to read, or only their order.
enum class Numbers { ORDER_ONLY, KEPT };

// Throws CheckFailed when the state is beyond what the bytes can say: so many generations, so long a time.
std::string encode(const State& state, Numbers numbers = Numbers::ORDER_ONLY);
State decode(std::string_view bytes);

}  // namespace meridian::explore::id
