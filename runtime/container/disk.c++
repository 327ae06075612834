#include "runtime/container/disk.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace meridian::container {

namespace {

constexpr uint64_t BYTES_PER_MB = 1'000'000;
constexpr int ATTACH_TRIES_MAX = 100;  // another program may take the free device first
constexpr char LOOP[] = "/dev/loop";

kj::AutoCloseFd openFile(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  KJ_SYSCALL(fd = open(path.c_str(), flags | O_CLOEXEC, mode), path);
  return kj::AutoCloseFd(fd);
}

// No journal: the disk dies with the instance. Few copies of metadata, tables left unwritten: that
// keeps a disk small and its mount quick.
void makeFileSystem(const std::string& path) {
  const char* argv[] = {"mkfs.ext4",
                        "-q",
                        "-F",
                        "-m",
                        "0",
                        "-O",
                        "^has_journal,^resize_inode,sparse_super2",
                        "-E",
                        "lazy_itable_init=1,nodiscard,num_backup_sb=0",
                        path.c_str(),
                        nullptr};
  const char* envp[] = {"PATH=/usr/sbin:/sbin:/usr/bin:/bin", nullptr};
  pid_t pid;
  int error = posix_spawn(&pid, "/usr/sbin/mkfs.ext4", nullptr, nullptr, const_cast<char**>(argv),
                          const_cast<char**>(envp));
  KJ_REQUIRE(error == 0, "mkfs.ext4 (package e2fsprogs) cannot be run", strerror(error));
  int status;
  KJ_SYSCALL(waitpid(pid, &status, 0));
  KJ_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0, "mkfs.ext4 failed", path, status);
}

// Copies what is not a hole.
void copySparse(const std::string& from, const kj::AutoCloseFd& to) {
  auto source = openFile(from, O_RDONLY);
  struct stat info;
  KJ_SYSCALL(fstat(source, &info));
  KJ_SYSCALL(ftruncate(to, info.st_size));
  off_t at = 0;
  while ((at = lseek(source, at, SEEK_DATA)) >= 0) {
    off_t end;
    KJ_SYSCALL(end = lseek(source, at, SEEK_HOLE));
    while (at < end) {
      off_t target = at;
      ssize_t copied;
      KJ_SYSCALL(copied = copy_file_range(source, &at, to, &target, end - at, 0));
      KJ_REQUIRE(copied > 0, "the disk template became shorter while it was copied", from);
    }
  }
  KJ_REQUIRE(errno == ENXIO, "lseek for data in the disk template failed", from, errno);
}

struct Loop {
  std::string path;
  kj::AutoCloseFd fd;  // the device detaches itself when this and the mount are gone
};

Loop attach(const kj::AutoCloseFd& image) {
  auto control = openFile("/dev/loop-control", O_RDWR);
  for (int attempt = 0; attempt < ATTACH_TRIES_MAX; attempt++) {
    int number;
    KJ_SYSCALL(number = ioctl(control, LOOP_CTL_GET_FREE));
    auto path = LOOP + std::to_string(number);
    int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENXIO)) continue;  // removed meanwhile
    KJ_SYSCALL(fd, path);
    kj::AutoCloseFd device(fd);
    struct loop_config config = {};
    config.fd = image.get();
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (ioctl(device, LOOP_CONFIGURE, &config) == 0) return {path, kj::mv(device)};
    KJ_REQUIRE(errno == EBUSY, "LOOP_CONFIGURE failed", path, strerror(errno));
  }
  KJ_FAIL_REQUIRE("no free loop device after many tries", ATTACH_TRIES_MAX);
}

void makeFolder(const std::string& path, mode_t mode) {
  KJ_SYSCALL(mkdir(path.c_str(), mode), path);
}

}  // namespace

void formatDisk(const std::string& path, DiskMb size) {
  auto unfinished = path + ".new";
  KJ_ON_SCOPE_FAILURE(unlink(unfinished.c_str()));
  {
    auto file = openFile(unfinished, O_RDWR | O_CREAT | O_TRUNC, 0600);
    KJ_SYSCALL(ftruncate(file, size.value() * BYTES_PER_MB), path);
  }
  makeFileSystem(unfinished);
  KJ_SYSCALL(rename(unfinished.c_str(), path.c_str()), path);
}

void makeDisk(const std::string& templatePath, const std::string& image,
              const std::string& mountPoint) {
  KJ_ON_SCOPE_FAILURE(removeDisk(image, mountPoint));
  auto file = openFile(image, O_RDWR | O_CREAT | O_EXCL, 0600);
  copySparse(templatePath, file);
  makeFolder(mountPoint, 0700);
  auto loop = attach(file);
  // No barriers: the disk does not outlive the machine, so nothing on it needs to reach the
  // machine's own disk in time.
  KJ_SYSCALL(mount(loop.path.c_str(), mountPoint.c_str(), "ext4", MS_NOATIME | MS_NODEV,
                   "noinit_itable,nobarrier"),
             image);
  makeFolder(mountPoint + "/upper", 0755);
  makeFolder(mountPoint + "/work", 0755);
}

void removeDisk(const std::string& image, const std::string& mountPoint) {
  // A container that is being set up at this moment may hold a copy of the mount; detached, it goes
  // when the copy goes.
  int result = umount2(mountPoint.c_str(), MNT_DETACH);
  KJ_REQUIRE(result == 0 || errno == EINVAL || errno == ENOENT, "umount failed", mountPoint,
             strerror(errno));
  result = rmdir(mountPoint.c_str());
  KJ_REQUIRE(result == 0 || errno == ENOENT, "rmdir failed", mountPoint, strerror(errno));
  result = unlink(image.c_str());
  KJ_REQUIRE(result == 0 || errno == ENOENT, "unlink failed", image, strerror(errno));
}

namespace {

template <typename Visit>
void forEachLoopDevice(Visit&& visit) {
  for (auto& entry: std::filesystem::directory_iterator("/sys/block")) {
    auto name = entry.path().filename().string();
    if (name.starts_with("loop")) visit(std::atoi(name.c_str() + 4));
  }
}

}  // namespace

int countLoopDevices() {
  int count = 0;
  forEachLoopDevice([&](int number) { count = std::max(count, number + 1); });
  return count;
}

void trimLoopDevices(int count) {
  auto control = openFile("/dev/loop-control", O_RDWR);
  forEachLoopDevice([&](int number) {
    if (number >= count) ioctl(control, LOOP_CTL_REMOVE, number);  // refused while somebody uses it
  });
}

}  // namespace meridian::container
