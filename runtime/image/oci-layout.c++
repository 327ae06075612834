#include "runtime/image/oci-layout.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/image/image-refused.h"

namespace meridian::image {

namespace {

using Json = nlohmann::json;

#if defined(__x86_64__)
constexpr char ARCHITECTURE[] = "amd64";
#elif defined(__aarch64__)
constexpr char ARCHITECTURE[] = "arm64";
#endif

constexpr int INDEX_DEPTH_MAX = 3;  // an index may name further indexes
constexpr char TAG[] = "org.opencontainers.image.ref.name";

// Runs a function over a parsed document and turns what the JSON library throws, syntax or shape,
// into a refusal.
template <typename T>
T read(const std::string& bytes, const std::string& what,
       const std::function<T(const Json&)>& reader) {
  try {
    return reader(Json::parse(bytes));
  } catch (const Json::exception& error) {
    throw ImageRefused(what + " is not what the OCI image format asks for: " + error.what());
  }
}

Descriptor readDescriptor(const Json& json) {
  Descriptor descriptor{json.value("mediaType", ""), json.at("digest").get<std::string>(),
                        json.at("size").get<uint64_t>()};
  checkDigest(descriptor.digest);
  return descriptor;
}

// A descriptor without a platform is taken to suit.
bool suitsPlatform(const Json& descriptor) {
  auto platform = descriptor.find("platform");
  if (platform == descriptor.end()) return true;
  return platform->value("os", "linux") == "linux" &&
         platform->value("architecture", ARCHITECTURE) == ARCHITECTURE;
}

std::string tagOf(const Json& descriptor) {
  auto annotations = descriptor.find("annotations");
  return annotations == descriptor.end() ? "" : annotations->value(TAG, "");
}

bool isIndex(const Descriptor& descriptor) {
  return descriptor.mediaType == "application/vnd.oci.image.index.v1+json" ||
         descriptor.mediaType == "application/vnd.docker.distribution.manifest.list.v2+json";
}

Json choose(const Json& index, const OciReference& reference) {
  std::vector<Json> suitable, tagged;
  for (auto& descriptor: index.at("manifests")) {
    if (!suitsPlatform(descriptor)) continue;
    suitable.push_back(descriptor);
    if (tagOf(descriptor) == reference.tag.value_or("latest")) tagged.push_back(descriptor);
  }
  if (suitable.empty()) {
    throw ImageRefused("image layout " + reference.dir + ": it has no image for linux/" +
                       ARCHITECTURE);
  }
  if (!tagged.empty()) return tagged.front();
  if (!reference.tag && suitable.size() == 1) return suitable.front();
  throw ImageRefused("image layout " + reference.dir + ": no image for linux/" + ARCHITECTURE +
                     " has the tag \"" + reference.tag.value_or("latest") + "\"");
}

Descriptor findManifest(const OciReference& reference) {
  auto index = readDocument(reference.dir + "/index.json", "image index");
  OciReference wanted = reference;
  for (int depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
    auto found = read<Descriptor>(index, "image index", [&](const Json& json) {
      return readDescriptor(choose(json, wanted));
    });
    if (!isIndex(found)) return found;
    index = readBlob(reference.dir, found, "image index");
    wanted.tag.reset();  // the outer index has the tag, the inner one tells platforms apart
  }
  throw ImageRefused("image layout " + reference.dir + ": indexes are nested more than " +
                     std::to_string(INDEX_DEPTH_MAX) + " deep");
}

Descriptor readLayerDescriptor(const Json& json) {
  auto layer = readDescriptor(json);
  for (auto allowed:
       {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip"}) {
    if (layer.mediaType == allowed) return layer;
  }
  throw ImageRefused("layer " + layer.digest + ": media type \"" + layer.mediaType +
                     "\"; allowed are tar, tar+gzip and tar+zstd layers");
}

std::vector<std::string> readTexts(const Json& object, const char* key) {
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  return found->get<std::vector<std::string>>();
}

std::string readText(const Json& object, const char* key) {
  auto found = object.find(key);
  return found == object.end() || found->is_null() ? "" : found->get<std::string>();
}

std::vector<EnvVar> readEnv(const Json& object) {
  std::vector<EnvVar> env;
  for (auto& text: readTexts(object, "Env")) {
    auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw ImageRefused("image config: Env \"" + text + "\": allowed is NAME=VALUE");
    }
    auto name = text.substr(0, equals);
    std::erase_if(env, [&](auto& earlier) { return earlier.name == name; });
    env.push_back({name, text.substr(equals + 1)});
  }
  return env;
}

}  // namespace

OciImage readLayout(const OciReference& reference) {
  read<int>(readDocument(reference.dir + "/oci-layout", "image layout"), "image layout",
            [&](const Json& json) {
              auto version = json.at("imageLayoutVersion").get<std::string>();
              if (!version.starts_with("1.")) {
                throw ImageRefused("image layout " + reference.dir + ": version \"" + version +
                                   "\"; allowed is 1.x");
              }
              return 0;
            });
  auto manifest = findManifest(reference);
  auto document = readBlob(reference.dir, manifest, "image manifest");
  return read<OciImage>(document, "image manifest", [&](const Json& json) {
    OciImage image{manifest.digest,
                   {},
                   readBlob(reference.dir, readDescriptor(json.at("config")), "image config")};
    for (auto& layer: json.at("layers")) image.layers.push_back(readLayerDescriptor(layer));
    if (image.layers.size() > LAYERS_MAX) {
      throw ImageRefused("image " + image.digest + " has " + std::to_string(image.layers.size()) +
                         " layers; allowed are " + std::to_string(LAYERS_MAX));
    }
    parseConfig(
        image.config);  // a config that cannot be read refuses the image now, not at each launch
    return image;
  });
}

env::Image parseConfig(const std::string& document) {
  return read<env::Image>(document, "image config", [](const Json& json) {
    static const Json EMPTY = Json::object();
    auto found = json.find("config");
    const Json& config = found == json.end() || found->is_null() ? EMPTY : *found;
    env::Image image;
    image.entrypoint = readTexts(config, "Entrypoint");
    for (auto& argument: readTexts(config, "Cmd")) image.entrypoint.push_back(argument);
    image.env = readEnv(config);
    image.user = readText(config, "User");
    image.workdir = readText(config, "WorkingDir");
    return image;
  });
}

}  // namespace meridian::image
