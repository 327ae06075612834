#include "runtime/platform/embedded-platform.h"

#include <kj/debug.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include "actors/fleet/container-status.h"
#include "runtime/platform/stop-all.h"
#include "runtime/rpc/lasting-reference.h"
#include "runtime/store/lmdb-store.h"

namespace meridian::platform {

namespace {

constexpr kj::StringPtr LOCATION = "local"_kj;
constexpr kj::StringPtr MACHINE = "machine-1"_kj;
constexpr kj::StringPtr GATEWAY = "gateway-1"_kj;
constexpr kj::StringPtr VERSION = MERIDIAN_VERSION ""_kj;

Random seededByKernel() {
  uint64_t seed;
  KJ_SYSCALL(getrandom(&seed, sizeof(seed), 0));
  return Random(seed);
}

}  // namespace

EmbeddedPlatform::EmbeddedPlatform(const StateFolder& state, PlatformOptions options)
    : state_(state), options_(kj::mv(options)), loop_(system_), spareMemory_(loop_.clock()), random_(seededByKernel()), down_(nullptr),
      images_(state.at("images")), imageWorker_(loop_.io().unixEventPort, 1),
      driver_(*loop_.io().lowLevelProvider, loop_.io().unixEventPort, images_,
              {.stateFolder = state.path(), .shimBinary = options_.shimBinary}),
      driverVat_(loop_.shard()), serverStore_(store::openLmdbStore(state.at("server"))),
      agentStore_(store::openLmdbStore(state.at("agent"))),
      server_(loop_.shard(), *serverStore_, loop_.clock(), random_.fork(),
              {.agent = [this](kj::StringPtr) { return server_.vat().dial(agent_.vat(), rpc::Stores::APART); },
               .gateway = [this](kj::StringPtr) { return server_.vat().dial(gatewayVat_, rpc::Stores::APART); }}),
      agent_(loop_.shard(), *agentStore_, loop_.clock(), random_.fork(),
             {MachineId(MACHINE.cStr()), LocationId(LOCATION.cStr()), options_.capacity},
             {.server = [this]() { return agent_.vat().dial(server_.vat(), rpc::Stores::APART); },
              .driver = [this]() { return agent_.vat().dial(driverVat_, rpc::Stores::APART); }}),
      gatewayVat_(loop_.shard()), clientVat_(loop_.shard()),
      driverToAgent_(driverVat_, loop_.clock(), [this]() { return driverVat_.dial(agent_.vat(), rpc::Stores::APART); }),
      gatewayToServer_(gatewayVat_, loop_.clock(), [this]() { return gatewayVat_.dial(server_.vat(), rpc::Stores::APART); }),
      clientToServer_(clientVat_, loop_.clock(), [this]() { return clientVat_.dial(server_.vat(), rpc::Stores::APART); }),
      gateway_(
          GatewayId(GATEWAY.cStr()),
          [this](const ContainerId& container) {
            return gatewayToServer_.actor("Supervisor", toText(container).c_str()).castAs<schema::Supervisor>();
          },
          loop_.clock(), loop_.io().provider->getNetwork()) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  downFulfiller_ = kj::mv(paf.fulfiller);
  down_ = paf.promise.fork();

  driverVat_.offer("driver", driver_.client());
  driver_.setMachine(rpc::newLastingReference([this]() { return driverToAgent_.actor("Machine", MACHINE); }).castAs<schema::Machine>());
  agent_.vat().offer("images", image::serveImages(images_, imageWorker_, [this](DiskMb size) { driver_.prime(size); }));
  server_.resolveImagesAt(MachineId(MACHINE.cStr()));
  gatewayVat_.offer(kj::str("gateway/", GATEWAY), gateway_.capability());
}

EmbeddedPlatform::~EmbeddedPlatform() noexcept(false) = default;

kj::Promise<void> EmbeddedPlatform::listen() {
  return loop_.io().provider->getNetwork().parseAddress(options_.http.host.c_str(), options_.http.port).then(
      [this](kj::Own<kj::NetworkAddress>&& address) {
        receiver_ = address->listen();
        httpAddress_ = options_.http.host + ":" + std::to_string(receiver_->getPort());
      });
}

kj::Promise<void> EmbeddedPlatform::open() {
  return driver_.open().then([this]() { return agent_.join(); });
}

kj::Promise<void> EmbeddedPlatform::serve() {
  return openGateway().then([this]() {
    schema::Fleet::Client fleet = kj::heap<fleet::FleetServer>(server_.host(), fleetPlatform());
    server_.vat().offer("fleet", fleet);
    operatorSocket_ = kj::heap<OperatorSocket>(*loop_.io().lowLevelProvider, server_.vat(), loop_.clock(), state_.socketPath(),
                                               kj::mv(fleet));
  });
}

kj::Promise<void> EmbeddedPlatform::openGateway() {
  auto global = gatewayToServer_.actor("GlobalScheduler", "global").castAs<schema::GlobalScheduler>();
  return gateway_
      .connect(kj::mv(global),
               [this](kj::StringPtr name) { return gatewayToServer_.actor("Application", name).castAs<schema::Application>(); })
      .then([this]() {
        serving_ = gateway_.serve(kj::mv(receiver_)).eagerlyEvaluate([](kj::Exception&& error) {
          spdlog::error("gateway-failed reason={}", error.getDescription().cStr());
        });
      });
}

fleet::Platform EmbeddedPlatform::fleetPlatform() {
  return {VERSION.cStr(), httpAddress_, options_.mode, [this]() {
            return stopEverything().then([this]() {
              // The answer leaves before the process does.
              loop_.clock().after(std::chrono::milliseconds(20)).then([this]() { downFulfiller_->fulfill(); }).detach([](auto&&) {});
            });
          }, [this]() { return agentStore_->counters().batches; }};
}

schema::Fleet::Client EmbeddedPlatform::fleet() { return clientToServer_.service("fleet").castAs<schema::Fleet>(); }

kj::Promise<void> EmbeddedPlatform::stopEverything() {
  return stopAll(server_.host(), [this](const std::string& name) {
           return clientToServer_.actor("Supervisor", name.c_str()).castAs<schema::Supervisor>();
         })
      .then([this]() { return killEverything(); });
}

kj::Promise<void> EmbeddedPlatform::whenBroken() {
  auto failure = [this](const char* role) {
    return [this, role](env::StoreState state) -> kj::Promise<void> {
      auto what = state == env::StoreState::DEPOSED ? "was opened by another process" : "contradicts itself on disk";
      return kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__, kj::str("the store ", state_.at(role), " ", what));
    };
  };
  return server_.host().whenStoreStops().then(failure("server")).exclusiveJoin(agent_.host().whenStoreStops().then(failure("agent")));
}

kj::Promise<void> EmbeddedPlatform::killEverything() {
  KJ_IF_MAYBE(shutdown, shutdown_) return shutdown->addBranch();
  return shutdown_.emplace(driver_.shutdown().fork()).addBranch();
}

kj::Promise<void> EmbeddedPlatform::leaveRunning() { return driver_.drain(); }

}  // namespace meridian::platform
