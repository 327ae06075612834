#include "sim/toys/register-actor.h"

namespace meridian::sim {

kj::Promise<void> RegisterActor::read(ReadContext context) {
  context.getResults().setWas(value());
  return kj::READY_NOW;
}

kj::Promise<void> RegisterActor::write(WriteContext context) {
  context.getResults().setWas(value());
  storage().put("value", context.getParams().getValue());
  return kj::READY_NOW;
}

kj::Promise<void> RegisterActor::compareAndSet(CompareAndSetContext context) {
  auto was = value();
  context.getResults().setWas(was);
  if (was == context.getParams().getExpected()) storage().put("value", context.getParams().getValue());
  return kj::READY_NOW;
}

kj::Promise<void> RegisterActor::through(ThroughContext context) {
  context.getResults().setRegister(env().actor<toys::Register>(context.getParams().getName()));
  return kj::READY_NOW;
}

}  // namespace meridian::sim
