#include "actors/placement/placement.h"

#include <capnp/message.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "actors/placement/feasible.h"
#include "actors/placement/placement-codec.h"
#include "actors/placement/score.h"
#include "runtime/base/random.h"

namespace meridian::placement {
namespace {

const Limits LIMITS;
const Policy POLICIES[] = {Policy::PACK, Policy::SPREAD};

Resources size(uint64_t cpuMicro, uint64_t memoryMib, uint64_t diskMb) {
  return {MicroCpu(cpuMicro), MemoryMib(memoryMib), DiskMb(diskMb)};
}

// The instance types of the platform.
const std::vector<Resources> SHAPES = {
    size(62'500, 256, 2'000),      size(250'000, 1'024, 4'000),    size(500'000, 4'096, 4'000),
    size(1'000'000, 6'144, 12'000), size(2'000'000, 8'192, 16'000), size(4'000'000, 12'288, 20'000)};

struct Cluster {
  struct Machine {
    std::string name;
    Resources total;
    Resources used;
  };
  std::vector<Machine> machines;

  std::vector<Candidate> candidates() const {
    std::vector<Candidate> result;
    for (auto& [name, total, used]: machines) result.push_back({name, total, total - used});
    return result;
  }

  Machine& find(const std::string& name) {
    return *std::find_if(machines.begin(), machines.end(), [&](auto& machine) { return machine.name == name; });
  }
};

Cluster randomCluster(Random& random) {
  Cluster cluster;
  auto count = 1 + random.below(30);
  for (uint64_t i = 0; i < count; ++i) {
    auto scale = 1 + random.below(16);
    // Some machines have no disk for instances, some pairs are equal.
    cluster.machines.push_back({"m" + std::to_string(i),
        size(scale * 1'000'000, scale * 4'096, random.below(8) == 0 ? 0 : scale * 40'000), {}});
  }
  return cluster;
}

Resources randomShape(Random& random) {
  auto shape = SHAPES[random.below(SHAPES.size())];
  return random.below(8) == 0 ? size(shape.cpu.value(), shape.memory.value(), 0) : shape;
}

std::vector<std::string> randomAvoid(Random& random, const Cluster& cluster) {
  std::vector<std::string> avoid;
  while (random.below(3) == 0) avoid.push_back(cluster.machines[random.below(cluster.machines.size())].name);
  return avoid;
}

template <typename T>
void shuffle(std::vector<T>& items, Random& random) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
}

const std::vector<Considered>& considered(const Decision& decision) {
  return std::visit([](auto& outcome) -> const std::vector<Considered>& { return outcome.considered; }, decision);
}

Decision decideOn(const std::vector<Candidate>& candidates, const Resources& need, Policy policy,
                  const std::vector<std::string>& avoid = {}, const Limits& limits = LIMITS) {
  return decide(candidates, {"machine", need, avoid}, policy, limits);
}

TEST_CASE("no machine of a random cluster is ever oversold, and a refusal means that none had room") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    auto cluster = randomCluster(random);
    auto policy = POLICIES[seed % 2];
    size_t refusals = 0;
    while (refusals < 5) {
      auto need = randomShape(random);
      auto avoid = randomAvoid(random, cluster);
      auto decision = decideOn(cluster.candidates(), need, policy, avoid);
      if (auto* plan = std::get_if<Plan>(&decision)) {
        REQUIRE(std::find(avoid.begin(), avoid.end(), plan->chosen) == avoid.end());
        auto& machine = cluster.find(plan->chosen);
        machine.used = machine.used + need;
        REQUIRE(fits(machine.used, machine.total));
      } else {
        ++refusals;
        for (auto& machine: cluster.machines) {
          bool avoided = std::find(avoid.begin(), avoid.end(), machine.name) != avoid.end();
          REQUIRE((avoided || !fits(need, machine.total - machine.used)));
        }
      }
    }
  }
}

TEST_CASE("a decision does not depend on the order of the candidates") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    auto cluster = randomCluster(random);
    auto need = randomShape(random);
    auto avoid = randomAvoid(random, cluster);
    auto candidates = cluster.candidates();
    auto policy = POLICIES[seed % 2];
    auto expected = decideOn(candidates, need, policy, avoid);
    for (int i = 0; i < 5; ++i) {
      shuffle(candidates, random);
      REQUIRE(decideOn(candidates, need, policy, avoid) == expected);
    }
  }
}

TEST_CASE("every candidate of a decision has a reason, scores lie in 0 to 1 and the best comes first") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    auto cluster = randomCluster(random);
    auto avoid = randomAvoid(random, cluster);
    Limits all{.consideredMax = cluster.machines.size()};
    auto decision = decideOn(cluster.candidates(), randomShape(random), POLICIES[seed % 2], avoid, all);
    REQUIRE(considered(decision).size() == cluster.machines.size());
    double last = 1;
    for (auto& [name, score, reason]: considered(decision)) {
      REQUIRE(!reason.empty());
      if (score) {
        REQUIRE((*score >= 0 && *score <= last));
        last = *score;
      } else {
        last = -1;       // nothing feasible may follow
      }
    }
    if (auto* plan = std::get_if<Plan>(&decision)) REQUIRE(plan->chosen == plan->considered.front().name);
  }
}

TEST_CASE("a decision keeps the chosen, then the best, then the refused ones, up to the limit") {
  std::vector<Candidate> candidates = {
      {"a", SHAPES[5], SHAPES[0]}, {"b", SHAPES[5], SHAPES[5]}, {"c", SHAPES[5], SHAPES[4]}, {"d", SHAPES[0], SHAPES[0]}};
  auto decision = decideOn(candidates, SHAPES[1], Policy::PACK, {}, {.consideredMax = 3});
  auto& kept = considered(decision);
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].name == "c");
  CHECK(kept[1].name == "b");
  CHECK(kept[2].name == "a");
  CHECK(!kept[2].score);
}

TEST_CASE("packing takes the fullest machine with room, spreading the emptiest") {
  std::vector<Candidate> candidates = {{"empty", SHAPES[5], SHAPES[5]}, {"half", SHAPES[5], SHAPES[4]}};
  CHECK(std::get<Plan>(decideOn(candidates, SHAPES[0], Policy::PACK)).chosen == "half");
  CHECK(std::get<Plan>(decideOn(candidates, SHAPES[0], Policy::SPREAD)).chosen == "empty");
}

TEST_CASE("equal scores break by name") {
  std::vector<Candidate> candidates = {{"m2", SHAPES[5], SHAPES[5]}, {"m1", SHAPES[5], SHAPES[5]}};
  for (auto policy: POLICIES) CHECK(std::get<Plan>(decideOn(candidates, SHAPES[0], policy)).chosen == "m1");
}

TEST_CASE("packing keeps room for large instances where spreading leaves none") {
  auto largeAfterSmall = [](Policy policy) {
    Cluster cluster;
    for (int i = 0; i < 10; ++i) cluster.machines.push_back({"m" + std::to_string(i), size(8'000'000, 32'768, 80'000), {}});
    auto place = [&](const Resources& need) {
      auto decision = decideOn(cluster.candidates(), need, policy);
      auto* plan = std::get_if<Plan>(&decision);
      if (plan == nullptr) return false;
      auto& machine = cluster.find(plan->chosen);
      machine.used = machine.used + need;
      return true;
    };
    for (int i = 0; i < 60; ++i) REQUIRE(place(SHAPES[2]));        // room for 80
    int large = 0;
    while (place(SHAPES[5])) ++large;
    return large;
  };
  CHECK(largeAfterSmall(Policy::PACK) > 0);
  CHECK(largeAfterSmall(Policy::SPREAD) == 0);
}

TEST_CASE("each obstacle is named with its numbers") {
  std::vector<std::string> avoid = {"m"};
  Resources total = SHAPES[5];
  struct Row {
    Candidate candidate;
    Request request;
    Obstacle obstacle;
    std::string text;
  };
  std::vector<Row> rows = {
      {{"m", total, total}, {"machine", SHAPES[0], avoid}, Obstacle::AVOIDED, "it refused this instance before"},
      {{"m", SHAPES[0], SHAPES[0]}, {"machine", SHAPES[1], {}}, Obstacle::TOO_SMALL,
       "too small: has 0.0625 vCPU, 256 MiB, 2000 MB in all"},
      {{"m", total, size(100, 12'288, 20'000)}, {"machine", SHAPES[0], {}}, Obstacle::CPU_SHORT,
       "cpu: 0.0625 vCPU needed, 0.0001 vCPU free"},
      {{"m", total, size(4'000'000, 255, 20'000)}, {"machine", SHAPES[0], {}}, Obstacle::MEMORY_SHORT,
       "memory: 256 MiB needed, 255 MiB free"},
      {{"m", total, size(4'000'000, 256, 1'999)}, {"machine", SHAPES[0], {}}, Obstacle::DISK_SHORT,
       "disk: 2000 MB needed, 1999 MB free"},
  };
  REQUIRE(rows.size() == OBSTACLES);
  for (auto& [candidate, request, expected, text]: rows) {
    auto found = obstacle(candidate, request);
    REQUIRE(found == expected);
    CHECK(describe(*found, candidate, request) == text);
  }
}

TEST_CASE("a refusal counts the obstacles; without candidates it says so") {
  std::vector<Candidate> candidates = {
      {"a", SHAPES[0], SHAPES[0]}, {"b", SHAPES[1], SHAPES[1]}, {"c", SHAPES[5], size(4'000'000, 1, 20'000)}};
  CHECK(std::get<Refusal>(decideOn(candidates, SHAPES[2], Policy::PACK)).reason ==
        "none of 3 machines can take 0.5 vCPU, 4096 MiB, 4000 MB: 2 too small, 1 short of memory");
  CHECK(std::get<Refusal>(decideOn({}, SHAPES[2], Policy::PACK)).reason == "there is no machine");
}

TEST_CASE("a resource of which a candidate has none has no say in its score") {
  Candidate noDisk{"m", size(1'000'000, 1'024, 0), size(500'000, 512, 0)};
  auto need = size(250'000, 256, 0);
  CHECK(packed(noDisk, need) == Approx(0.75));
  CHECK(roomy(noDisk, need) == Approx(0.25));
}

TEST_CASE("decisions survive the codec") {
  capnp::MallocMessageBuilder message;
  auto builder = message.initRoot<schema::Decision>();
  write(builder, Plan{"m1", "why", {{"m1", 0.5, "fits"}, {"m2", std::nullopt, "full"}}}, "here", instantFromNs(7));
  auto reader = builder.asReader();
  CHECK(reader.getTier() == "here");
  CHECK(reader.getAtNs() == 7);
  CHECK(reader.getChosen() == "m1");
  CHECK(reader.getReason() == "why");
  REQUIRE(reader.getCandidates().size() == 2);
  CHECK(reader.getCandidates()[0].getFeasible());
  CHECK(reader.getCandidates()[0].getScore() == 0.5);
  CHECK(!reader.getCandidates()[1].getFeasible());
  CHECK(reader.getCandidates()[1].getReason() == "full");

  write(message.initRoot<schema::Decision>(), Refusal{"full", {}}, "here", instantFromNs(8));
  CHECK(message.getRoot<schema::Decision>().getChosen() == "");
}

}  // namespace
}  // namespace meridian::placement
