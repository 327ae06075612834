#include "runtime/image/image-store.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/image/image-refused.h"
#include "runtime/image/layout-builder.h"

namespace meridian::image {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Unpacks the builder's image and answers its root folder.
fs::path unpack(LayoutBuilder& layout) {
  layout.finishImage();
  return ImageStore(layout.images()).resolve("oci:" + layout.dir().string()).image.layers.at(0);
}

// The refusal of an image with these layers; it must leave no tree behind.
std::string refusalOf(LayoutBuilder& layout) {
  layout.finishImage();
  ImageStore store(layout.images());
  std::string why;
  try {
    store.resolve("oci:" + layout.dir().string());
  } catch (const ImageRefused& refused) {
    why = refused.what();
  }
  CHECK(fs::is_empty(layout.images()));
  return why;
}

TEST_CASE("layers are applied in order, whatever their compression") {
  LayoutBuilder layout;
  layout.addLayer({folder("etc/"), file("etc/a", "one"), file("etc/b", "one")});
  layout.addLayer({file("etc/a", "two")}, Compression::GZIP);
  layout.addLayer({file("etc/c", "three"), file("usr/share/grüße", "deep")}, Compression::ZSTD);
  auto root = unpack(layout);
  CHECK(read(root / "etc/a") == "two");
  CHECK(read(root / "etc/b") == "one");
  CHECK(read(root / "etc/c") == "three");
  CHECK(read(root / "usr/share/grüße") == "deep");
}

TEST_CASE("a whiteout removes what the layers below have, not what its own layer adds") {
  LayoutBuilder layout;
  layout.addLayer({file("gone", "x"), file("dir/gone/deep", "x"), file("replaced/old", "x")});
  layout.addLayer(
      {file(".wh.gone"), file("dir/.wh.gone"), file("replaced/new", "y"), file(".wh.replaced")});
  auto root = unpack(layout);
  CHECK_FALSE(fs::exists(root / "gone"));
  CHECK_FALSE(fs::exists(root / "dir/gone"));
  CHECK(fs::exists(root / "dir"));
  CHECK_FALSE(fs::exists(root / "replaced/old"));
  CHECK(read(root / "replaced/new") == "y");
}

TEST_CASE("an opaque folder keeps only what its own layer has, before and after the mark") {
  LayoutBuilder layout;
  layout.addLayer({file("dir/old", "x"), file("dir/sub/old", "x"), file("other", "x")});
  layout.addLayer({file("dir/sub/first", "y"), file("dir/.wh..wh..opq"), file("dir/second", "y")});
  auto root = unpack(layout);
  CHECK_FALSE(fs::exists(root / "dir/old"));
  CHECK_FALSE(fs::exists(root / "dir/sub/old"));
  CHECK(read(root / "dir/sub/first") == "y");
  CHECK(read(root / "dir/second") == "y");
  CHECK(fs::exists(root / "other"));
}

TEST_CASE("an entry of another type replaces what was there") {
  LayoutBuilder layout;
  layout.addLayer({file("a/b/c", "x"), file("d", "x"), symlink("e", "d")});
  layout.addLayer({file("a", "file"), folder("d"), file("e", "own")});
  auto root = unpack(layout);
  CHECK(read(root / "a") == "file");
  CHECK(fs::is_directory(root / "d"));
  CHECK(read(root / "e") == "own");
  CHECK_FALSE(fs::is_symlink(root / "e"));
}

TEST_CASE("hard links, modes, times and extended attributes are kept") {
  LayoutBuilder layout;
  auto attributed = file("attributed", "x");
  attributed.mode = 04755;
  attributed.xattrs["user.colour"] = "blue";
  layout.addLayer({attributed, hardlink("linked", "attributed")});
  auto root = unpack(layout);
  struct stat first, second;
  REQUIRE(stat((root / "attributed").c_str(), &first) == 0);
  REQUIRE(stat((root / "linked").c_str(), &second) == 0);
  CHECK(first.st_ino == second.st_ino);
  CHECK((first.st_mode & 07777) == 04755);
  CHECK(first.st_mtime == 1'000'000'000);
  char value[16];
  REQUIRE(getxattr((root / "attributed").c_str(), "user.colour", value, sizeof(value)) == 4);
  CHECK(std::string(value, 4) == "blue");
}

TEST_CASE("a link that stays inside may be part of a path") {
  LayoutBuilder layout;
  layout.addLayer({folder("usr/bin"), symlink("bin", "usr/bin")});
  layout.addLayer({file("bin/tool", "x")});
  CHECK(read(unpack(layout) / "usr/bin/tool") == "x");
}

TEST_CASE("paths that lead outside refuse the image") {
  LayoutBuilder layout;
  auto outside = layout.root() / "outside";
  fs::create_directories(outside);
  std::ofstream(outside / "victim") << "safe";
  SECTION("absolute") { layout.addLayer({file("/etc/passwd", "x")}); }
  SECTION("upwards") { layout.addLayer({file("a/../../x", "x")}); }
  SECTION("through an absolute link") {
    layout.addLayer({symlink("out", outside), file("out/victim", "x")});
  }
  SECTION("through a link upwards") {
    layout.addLayer({symlink("out", "../../../outside"), file("out/victim", "x")});
  }
  SECTION("through a link of a lower layer") {
    layout.addLayer({symlink("out", outside)});
    layout.addLayer({file("out/victim", "x")});
  }
  SECTION("through a chain of links") {
    layout.addLayer({symlink("a", "b"), symlink("b", outside), file("a/victim", "x")});
  }
  SECTION("folders through a link") {
    layout.addLayer({symlink("out", outside), folder("out/new")});
  }
  SECTION("a whiteout through a link") {
    layout.addLayer({symlink("out", outside), file("out/.wh.victim")});
  }
  SECTION("an opaque mark through a link") {
    layout.addLayer({symlink("out", outside), file("out/.wh..wh..opq")});
  }
  SECTION("a whiteout of the parent") { layout.addLayer({file("a/.wh...", "")}); }
  SECTION("a hard link upwards") { layout.addLayer({hardlink("x", "../../outside/victim")}); }
  SECTION("an absolute hard link") {
    layout.addLayer({hardlink("x", (outside / "victim").string())});
  }
  SECTION("a hard link through a link") {
    layout.addLayer({symlink("out", outside), hardlink("x", "out/victim")});
  }
  CHECK(refusalOf(layout) != "");
  CHECK(read(outside / "victim") == "safe");
  CHECK(std::distance(fs::directory_iterator(outside), {}) == 1);
}

TEST_CASE("a link at the end of a path is replaced, not followed") {
  LayoutBuilder layout;
  auto victim = layout.root() / "victim";
  std::ofstream(victim) << "safe";
  layout.addLayer({symlink("out", victim)});
  layout.addLayer({file("out", "inside")});
  CHECK(read(unpack(layout) / "out") == "inside");
  CHECK(read(victim) == "safe");
}

TEST_CASE("what an overlay file system would read as an order refuses the image") {
  LayoutBuilder layout;
  SECTION("a character device 0:0") {
    auto device = file("gone");
    device.type = S_IFCHR;
    layout.addLayer({device});
  }
  SECTION("a redirect") {
    auto redirect = folder("dir");
    redirect.xattrs["trusted.overlay.redirect"] = "/etc";
    layout.addLayer({redirect});
  }
  CHECK(refusalOf(layout).find("reserved") != std::string::npos);
}

TEST_CASE("a blob that is not what its digest says refuses the image") {
  LayoutBuilder layout;
  layout.addLayer({file("a", "content")}, Compression::GZIP);
  SECTION("other bytes") {
    auto bytes = read(layout.blob(0));
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(layout.blob(0), std::ios::binary) << bytes;
  }
  SECTION("bytes after the end") { std::ofstream(layout.blob(0), std::ios::app) << "more"; }
  SECTION("bytes missing") { fs::resize_file(layout.blob(0), fs::file_size(layout.blob(0)) - 1); }
  SECTION("no file") { fs::remove(layout.blob(0)); }
  CHECK(refusalOf(layout).find("layer") != std::string::npos);
}

TEST_CASE("tags choose an image; without one the only image or the latest is taken") {
  LayoutBuilder layout;
  layout.addLayer({file("v", "one")});
  layout.finishImage("v1");
  layout.addLayer({file("v", "two")});
  layout.finishImage("v2");
  ImageStore store(layout.images());
  auto reference = "oci:" + layout.dir().string();
  CHECK(read(fs::path(store.resolve(reference + ":v1").image.layers[0]) / "v") == "one");
  CHECK(read(fs::path(store.resolve(reference + ":v2").image.layers[0]) / "v") == "two");
  CHECK_THROWS_AS(store.resolve(reference), ImageRefused);
  CHECK_THROWS_AS(store.resolve(reference + ":v3"), ImageRefused);
  layout.addLayer({file("v", "three")});
  layout.finishImage("latest");
  CHECK(read(fs::path(store.resolve(reference).image.layers[0]) / "v") == "three");
}

TEST_CASE("an image for another machine is refused") {
  LayoutBuilder layout;
  layout.addLayer({file("a")});
  layout.finishImage("", "s390x");
  CHECK_THROWS_AS(ImageStore(layout.images()).resolve("oci:" + layout.dir().string()),
                  ImageRefused);
}

TEST_CASE("the config says what runs") {
  LayoutBuilder layout;
  layout.addLayer({file("a")});
  layout.setConfig(
      R"({"config":{"Entrypoint":["/serve"],"Cmd":["--port","80"],"Env":["A=1","B=x=y","A=2"],"User":"web","WorkingDir":"/srv"}})");
  layout.finishImage();
  ImageStore store(layout.images());
  auto resolved = store.resolve("oci:" + layout.dir().string());
  auto image = store.find(resolved.imageId);
  REQUIRE(image);
  CHECK(image->entrypoint == std::vector<std::string>{"/serve", "--port", "80"});
  CHECK(image->env == std::vector<EnvVar>{{"B", "x=y"}, {"A", "2"}});
  CHECK(image->user == "web");
  CHECK(image->workdir == "/srv");
  CHECK(image->layers == resolved.image.layers);
}

TEST_CASE(
    "resolving again unpacks nothing; what an interrupted unpacking left is removed at the start") {
  LayoutBuilder layout;
  layout.addLayer({file("a", "x")});
  auto root = unpack(layout);
  std::ofstream(root / "mark") << "same tree";
  fs::create_directories(layout.images() / ".unpacking-sha256-0/root");
  ImageStore store(layout.images());
  CHECK(store.resolve("oci:" + layout.dir().string()).image.layers.at(0) == root.string());
  CHECK(read(root / "mark") == "same tree");
  CHECK(std::distance(fs::directory_iterator(layout.images()), {}) == 1);
}

TEST_CASE("a rootfs image is a folder as it lies") {
  LayoutBuilder layout;
  ImageStore store(layout.images());
  auto dir = layout.root() / "rootfs";
  CHECK_THROWS_AS(store.resolve("rootfs:" + dir.string()), ImageRefused);
  fs::create_directories(dir);
  auto resolved = store.resolve("rootfs:" + dir.string());
  CHECK(resolved.image.layers == std::vector{dir.string()});
  CHECK(store.find(resolved.imageId));
  fs::remove(dir);
  CHECK_FALSE(store.find(resolved.imageId));
}

}  // namespace
}  // namespace meridian::image
