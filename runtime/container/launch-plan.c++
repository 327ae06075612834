#include "runtime/container/launch-plan.h"

#include <kj/debug.h>

#include <algorithm>

#include "runtime/actor/vocabulary.h"
#include "runtime/container/subnet.h"
#include "runtime/container/user.h"

namespace meridian::container {

namespace {

constexpr char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void writeArguments(schema::Launch::Builder launch, schema::LaunchSpec::Reader spec,
                    const env::Image& image) {
  auto entrypoint = spec.getSpec().getEntrypoint();
  if (entrypoint.size() > 0) {
    launch.setArgv(entrypoint);
    return;
  }
  if (image.entrypoint.empty()) {
    auto sentence = kj::str("neither the class nor its image ", spec.getSpec().getImage(),
                            " has an entrypoint: there is nothing to run");
    kj::throwFatalException(
        kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__, kj::mv(sentence)));
  }
  auto argv = launch.initArgv(image.entrypoint.size());
  for (size_t i = 0; i < image.entrypoint.size(); i++) argv.set(i, image.entrypoint[i].c_str());
}

void writeUser(schema::Launch::Builder launch, schema::LaunchSpec::Reader spec,
               const env::Image& image) {
  auto declared = actor::text(spec.getSpec().getUser());
  auto user = lookUpUser(declared.empty() ? image.user : declared,
                         readImageFile(image.layers, "/etc/passwd"),
                         readImageFile(image.layers, "/etc/group"));
  launch.setUid(user.uid);
  launch.setGid(user.gid);
  auto groups = launch.initGroups(user.groups.size());
  for (size_t i = 0; i < user.groups.size(); i++) groups.set(i, user.groups[i]);
}

std::string workdirOf(schema::ClassSpec::Reader spec, const env::Image& image) {
  if (spec.getWorkdir().size() > 0) return actor::text(spec.getWorkdir());
  return image.workdir.empty() ? "/" : image.workdir;
}

}  // namespace

std::vector<EnvVar> mergeEnv(const std::vector<std::vector<EnvVar>>& layers) {
  std::vector<EnvVar> merged;
  for (auto& layer: layers) {
    for (auto& variable: layer) {
      auto found = std::find_if(merged.begin(), merged.end(),
                                [&](auto& earlier) { return earlier.name == variable.name; });
      if (found == merged.end()) {
        merged.push_back(variable);
      } else {
        found->value = variable.value;
      }
    }
  }
  return merged;
}

std::vector<uint16_t> readinessPorts(schema::ClassSpec::Reader spec) {
  std::vector<uint16_t> ports;
  for (auto port: spec.getRequiredPorts()) ports.push_back(port);
  if (ports.empty() && spec.getDefaultPort() != 0) ports.push_back(spec.getDefaultPort());
  return ports;
}

std::vector<EnvVar> environmentOf(schema::LaunchSpec::Reader spec, const env::Image& image) {
  auto key = spec.getKey();
  return mergeEnv({{{"PATH", DEFAULT_PATH}},
                   image.env,
                   actor::read(spec.getSpec().getEnv()),
                   actor::read(spec.getExtraEnv()),
                   {{"MERIDIAN_ID", actor::text(key.getContainer().getId())},
                    {"MERIDIAN_CLASS", actor::text(key.getContainer().getClassName())},
                    {"MERIDIAN_GENERATION", std::to_string(key.getGeneration())},
                    {"MERIDIAN_LOCATION", actor::text(spec.getLocation())}}});
}

void planLaunch(schema::Launch::Builder launch, schema::LaunchSpec::Reader spec,
                const env::Image& image, const LaunchPieces& pieces) {
  auto container = actor::read(spec.getKey().getContainer());
  auto hostname = hostnameOf(container.id);
  auto env = environmentOf(spec, image);
  launch.setKey(spec.getKey());
  writeArguments(launch, spec, image);
  actor::write(launch.initEnv(env.size()), env);
  writeUser(launch, spec, image);
  launch.setWorkdir(workdirOf(spec.getSpec(), image).c_str());
  launch.setHostname(hostname.c_str());
  auto layers = launch.initLayers(image.layers.size());
  for (size_t i = 0; i < image.layers.size(); i++) layers.set(i, image.layers[i].c_str());
  launch.setWritable(pieces.writable.c_str());
  launch.setCgroup(cgroupNameOf(pieces.tag.disk, container).c_str());
  launch.setCpuMicro(spec.getSpec().getResources().getCpuMicro());
  launch.setMemoryMib(spec.getSpec().getResources().getMemoryMib());
  launch.setPidsMax(PIDS_MAX);
  launch.setLogDir(pieces.logFolder.c_str());
  launch.setLogBytesMax(LOG_FILE_BYTES_MAX);
  launch.setHosts(
      ("127.0.0.1 localhost\n" + addressText(pieces.tag.address) + " " + hostname + "\n").c_str());
  launch.setTag(toText(pieces.tag).c_str());
}

}  // namespace meridian::container
