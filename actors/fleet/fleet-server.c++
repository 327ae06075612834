#include "actors/fleet/fleet-server.h"

#include <capnp/message.h>
#include <unistd.h>

#include "actors/fleet/container-status.h"
#include "actors/fleet/event-feed.h"
#include "runtime/actor/envelope.h"
#include "runtime/actor/vocabulary.h"
#include "schema/application.capnp.h"
#include "schema/driver.capnp.h"
#include "schema/global.capnp.h"
#include "schema/supervisor.capnp.h"

namespace meridian::fleet {

namespace {


std::string checkedAddress(schema::ContainerKey::Reader key) {
  auto className = key.getClassName();
  auto id = key.getId();
  KJ_REQUIRE(isName({className.begin(), className.size()}),
             "a class is named by 1 to 128 of A-Z a-z 0-9 . _ ~ -, and not by . or ..", className);
  KJ_REQUIRE(isName({id.begin(), id.size()}), "an ID has 1 to 128 of A-Z a-z 0-9 . _ ~ -, and is not . or ..", id);
  return kj::str(className, "/", id).cStr();
}

}  // namespace

// ---- deployments

kj::Promise<void> FleetServer::deploy(DeployContext context) {
  auto params = context.getParams();
  auto message = kj::heap<capnp::MallocMessageBuilder>();
  message->setRoot(params.getConfig());
  auto config = message->getRoot<schema::ApplicationConfig>();
  auto images = host_.serviceReference("images").castAs<schema::ImageStore>();

  kj::Vector<kj::Promise<kj::Maybe<kj::String>>> resolutions;
  for (auto spec : config.getClasses()) {
    auto request = images.resolveRequest();
    request.setImage(spec.getImage());
    request.setDiskMb(spec.getResources().getDiskMb());
    resolutions.add(request.send().then([spec](auto&& answer) mutable -> kj::Maybe<kj::String> {
      auto outcome = answer.getOutcome();
      if (outcome.isRefused()) {
        return kj::str("class ", spec.getClassName(), ": image ", spec.getImage(), ": ", outcome.getRefused());
      }
      spec.setImageId(outcome.getReady().getImageId());
      return nullptr;
    }));
  }
  return kj::joinPromises(resolutions.releaseAsArray())
      .then([this, context, config](kj::Array<kj::Maybe<kj::String>>&& refusals) mutable -> kj::Promise<void> {
        for (auto& refusal : refusals) {
          KJ_IF_MAYBE(why, refusal) {
            context.getResults().initOutcome().setRefused(*why);
            return kj::READY_NOW;
          }
        }
        auto request = actor<schema::Application>(config.getName().cStr()).deployRequest();
        request.setConfig(config);
        request.setForce(context.getParams().getForce());
        return request.send().then([this, context](auto&& answer) mutable -> kj::Promise<void> {
          auto outcome = answer.getOutcome();
          context.getResults().setOutcome(outcome);
          if (outcome.isRefused() || context.getParams().getReplace() == schema::Replace::LATER) return kj::READY_NOW;
          return rollOut(actor::text(context.getParams().getConfig().getName()), outcome.getVersion());
        });
      })
      .attach(kj::mv(message));
}

kj::Promise<void> FleetServer::rollOut(std::string application, uint32_t version) {
  // One after another, so that never more than one ID is away.
  kj::Promise<void> done = kj::READY_NOW;
  eachSupervisor(host_, [&](const std::string& name, schema::SupervisorRecord::Reader record) {
    if (stateOf(record) == schema::ContainerState::STOPPED) return;
    if (actor::text(record.getSpec().getApplication()) != application || record.getSpec().getVersion() >= version) return;
    done = done.then([this, name, version]() {
      auto request = actor<schema::Supervisor>(name).rolloutRequest();
      request.setVersion(version);
      return request.send().ignoreResult();
    });
  });
  return done;
}

kj::Promise<void> FleetServer::applications(ApplicationsContext context) {
  return actor<schema::GlobalScheduler>("global").applicationsRequest().send().then(
      [this, context](auto&& answer) mutable {
        kj::Vector<kj::Promise<capnp::Response<schema::Application::DescribeResults>>> descriptions;
        for (auto name : answer.getNames()) {
          descriptions.add(actor<schema::Application>(actor::text(name)).describeRequest().send());
        }
        return kj::joinPromises(descriptions.releaseAsArray()).then([context](auto&& descriptions) mutable {
          auto results = context.getResults().initApplications(static_cast<unsigned int>(descriptions.size()));
          for (unsigned int i = 0; i < results.size(); i++) results.setWithCaveats(i, descriptions[i].getStatus());
        });
      });
}

// ---- containers

kj::Promise<void> FleetServer::list(ListContext context) {
  auto filter = context.getParams().getFilter();
  capnp::MallocMessageBuilder scratch;
  std::vector<capnp::Orphan<schema::ContainerStatus>> found;
  eachSupervisor(host_, [&](const std::string& name, schema::SupervisorRecord::Reader record) {
    bool stopped = stateOf(record) == schema::ContainerState::STOPPED;
    if (stopped && (filter == schema::Filter::LIVE || !record.hasSpec())) return;   // Without a spec no class ever took it.
    auto status = scratch.getOrphanage().newOrphan<schema::ContainerStatus>();
    writeStatus(name, record, status.get());
    found.push_back(kj::mv(status));
  }, [&](const std::string& name) {
    auto status = scratch.getOrphanage().newOrphan<schema::ContainerStatus>();
    writeDamaged(name, status.get());
    found.push_back(kj::mv(status));
  });
  auto containers = context.getResults().initContainers(static_cast<unsigned int>(found.size()));
  for (unsigned int i = 0; i < containers.size(); i++) containers.setWithCaveats(i, found[i].getReader());
  return kj::READY_NOW;
}

kj::Promise<void> FleetServer::container(ContainerContext context) {
  auto name = checkedAddress(context.getParams().getKey());
  context.getResults().setContainer(actor<schema::Supervisor>(kj::mv(name)));
  return kj::READY_NOW;
}

kj::Promise<void> FleetServer::why(WhyContext context) {
  auto supervisor = actor<schema::Supervisor>(checkedAddress(context.getParams().getKey()));
  return supervisor.whyRequest().send().then(
      [context](auto&& answer) mutable { context.getResults().setDecisions(answer.getDecisions()); });
}

kj::Promise<void> FleetServer::events(EventsContext context) {
  auto params = context.getParams();
  auto feed = kj::heap<EventFeed>(host_, params.getAfter(), params.getSink());
  if (params.getFollow() == schema::Follow::YES) {
    context.getResults().setFollow(EventFeed::follow(kj::mv(feed)));
    return kj::READY_NOW;
  }
  auto written = feed->writeStored();
  return written.then([feed = kj::mv(feed)]() mutable { return feed->end().attach(kj::mv(feed)); });
}

// ---- the platform

kj::Promise<void> FleetServer::info(InfoContext context) {
  auto info = context.getResults().initInfo();
  info.setVersion(platform_.version);
  info.setPid(static_cast<uint32_t>(getpid()));
  info.setHttpAddress(platform_.httpAddress);
  info.setMode(platform_.mode);
  info.setServerCommits(host_.store().counters().batches);
  info.setAgentCommits(platform_.agentCommits());
  return kj::READY_NOW;
}

kj::Promise<void> FleetServer::down(DownContext) { return platform_.down(); }

}  // namespace meridian::fleet
