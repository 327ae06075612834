// Scores: how well a feasible candidate suits, each a number in [0, 1], 1 the best. A resource that a candidate has none of
// has no say.
#pragma once

#include "actors/placement/placement.h"

namespace meridian::placement {

// The share in use once the instance is there, the mean over CPU, memory and disk: 1 is a perfect fit.
double packed(const Candidate& candidate, const Resources& need);

// The free share once the instance is there, of whichever of CPU, memory and disk is scarcest.
double roomy(const Candidate& candidate, const Resources& need);

double score(Policy policy, const Candidate& candidate, const Resources& need);

}  // namespace meridian::placement
