#include "actors/application/phase-calls.h"

#include <algorithm>

#include "runtime/base/match.h"

namespace meridian::application {

namespace {

bool declares(const Config& config, const ClassName& name) {
  return std::any_of(config.classes.begin(), config.classes.end(), [&](auto& declaration) { return declaration.name == name; });
}

// Those of `config` that `other` does not declare.
std::vector<ClassName> onlyIn(const Config& config, const Config& other) {
  std::vector<ClassName> names;
  for (auto& declaration: config.classes) {
    if (!declares(other, declaration.name)) names.push_back(declaration.name);
  }
  return names;
}

// All of them, not only the new ones: a class of ours that another application got hold of is found out here.
std::vector<Call> claims(const Config& config) {
  std::vector<Call> calls;
  for (auto& declaration: config.classes) calls.push_back(Claim{declaration.name});
  return calls;
}

std::vector<Call> retirements(const Config& inForce, const Config& config, Force force) {
  std::vector<Call> calls;
  for (auto& name: onlyIn(inForce, config)) calls.push_back(Retire{name, force});
  return calls;
}

std::vector<Call> configurations(const State& state) {
  std::vector<Call> calls;
  for (auto& declaration: state.config->classes) calls.push_back(Configure{declaration.name, state.version});
  return calls;
}

std::vector<Call> pushes(const State& state, const Pushing& pushing) {
  std::vector<Call> calls;
  for (auto& gateway: pushing.gateways) calls.push_back(PushRoutes{gateway, state.version});
  if (declaresNothing(*state.config)) calls.push_back(Forget{});
  return calls;
}

// A claim is given back whatever permits are out: they are of an earlier owner's instances, and stay.
std::vector<Call> returns(const Config& inForce, const Config& refused) {
  std::vector<Call> calls;
  for (auto& name: onlyIn(refused, inForce)) calls.push_back(Retire{name, Force::YES});
  for (auto& name: onlyIn(inForce, refused)) calls.push_back(Claim{name});
  return calls;
}

}  // namespace

std::vector<Call> callsOf(const State& state) {
  return std::visit(Match{
      [&](const Settled&) { return std::vector<Call>{}; },
      [&](const Claiming& claiming) { return claims(*claiming.config); },
      [&](const Retiring& retiring) { return retirements(*state.config, *retiring.config, retiring.force); },
      [&](const Configuring&) { return configurations(state); },
      [&](const Announcing&) { return std::vector<Call>{Announce{}}; },
      [&](const Pushing& pushing) { return pushes(state, pushing); },
      [&](const GivingBack& back) { return returns(*state.config, *back.config); },
      [&](const Restoring&) { return configurations(state); },
  }, state.phase);
}

}  // namespace meridian::application
