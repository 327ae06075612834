#include "runtime/actor/durable-actor.h"

#include <kj/debug.h>

namespace meridian::actor {

kj::Promise<void> DurableActorBase::alarm(AlarmInfo) {
  KJ_FAIL_REQUIRE("an actor that sets an alarm implements alarm()", env_->self().kind.c_str());
}

}  // namespace meridian::actor
