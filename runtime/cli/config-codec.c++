#include "runtime/cli/config-codec.h"

namespace meridian::cli {

namespace {

schema::RestartPolicy toSchema(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::NEVER: return schema::RestartPolicy::NEVER;
    case RestartPolicy::ON_FAILURE: return schema::RestartPolicy::ON_FAILURE;
    case RestartPolicy::ALWAYS: return schema::RestartPolicy::ALWAYS;
  }
  KJ_UNREACHABLE;
}

void writeClass(const ClassConfig& config, const std::string& application,
                Duration stopGraceDefault, schema::ClassSpec::Builder builder) {
  builder.setClassName(config.className.value());
  builder.setApplication(application);
  builder.setImage(config.image);
  auto resources = builder.initResources();
  resources.setCpuMicro(config.resources.cpu.value());
  resources.setMemoryMib(config.resources.memory.value());
  resources.setDiskMb(config.resources.disk.value());
  builder.setMaxInstances(config.maxInstances);
  builder.setDefaultPort(config.defaultPort.value_or(0));
  auto ports = builder.initRequiredPorts(config.requiredPorts.size());
  for (size_t i = 0; i < config.requiredPorts.size(); ++i) ports.set(i, config.requiredPorts[i]);
  builder.setSleepAfterMs(toMs(config.sleepAfter));
  auto entrypoint = builder.initEntrypoint(config.entrypoint.size());
  for (size_t i = 0; i < config.entrypoint.size(); ++i) entrypoint.set(i, config.entrypoint[i]);
  auto env = builder.initEnv(config.env.size());
  for (size_t i = 0; i < config.env.size(); ++i) {
    env[i].setName(config.env[i].first);
    env[i].setValue(config.env[i].second);
  }
  builder.setUser(config.user.value_or(""));
  builder.setRestart(toSchema(config.restart));
  builder.setStopGraceMs(toMs(config.stopGrace.value_or(stopGraceDefault)));
  builder.setStartTimeoutMs(toMs(config.startTimeout));
}

}  // namespace

void write(const ApplicationConfig& config, Duration stopGraceDefault,
           schema::ApplicationConfig::Builder builder) {
  builder.setName(config.name);
  auto classes = builder.initClasses(config.classes.size());
  for (size_t i = 0; i < config.classes.size(); ++i) {
    writeClass(config.classes[i], config.name, stopGraceDefault, classes[i]);
  }
  auto routes = builder.initRoutes(config.routes.size());
  for (size_t i = 0; i < config.routes.size(); ++i) {
    routes[i].setPath(config.routes[i].path);
    routes[i].setClassName(config.routes[i].className.value());
  }
}

}  // namespace meridian::cli
