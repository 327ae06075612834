#include "runtime/container/shim/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

namespace meridian::shim {

namespace {

constexpr size_t MOUNT_OPTIONS_MAX = 4095;  // bytes; mount(2) takes one page
constexpr unsigned long LOCKED = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// The overlay's option parser splits at commas and colons and takes a backslash for quoting.
std::string quoted(const std::string& path) {
  std::string out;
  for (char c : path) {
    if (c == ',' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void mountOverlay(const RootPlan& plan, Reporter& reporter) {
  // Private, so that nothing mounted here is seen outside; then the old root goes away as a whole.
  reporter.need(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make the mount namespace private");
  auto point = plan.mountPoint.c_str();
  reporter.need(mount("overlay", point, "overlay", MS_NODEV, plan.overlayOptions.c_str()), "mount the overlay");
  reporter.need(chdir(point), "enter the overlay");
  reporter.need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  reporter.need(umount2(".", MNT_DETACH), "detach the host's root");
  reporter.need(chdir("/"), "enter the new root");
}

// A mount point of the image must be a real folder: a link would put our mount over something else of the image.
void makeMountPoint(const char* path, Reporter& reporter) {
  if (mkdir(path, 0755) == 0) return;
  struct stat found;
  if (errno != EEXIST) reporter.fail(path);
  reporter.need(lstat(path, &found), path);
  if (!S_ISDIR(found.st_mode)) {
    errno = ENOTDIR;
    reporter.fail(path);
  }
}

void mountDev(Reporter& reporter) {
  static constexpr struct {
    const char* path;
    int major;
    int minor;
  } NODES[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
               {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
  static constexpr const char* LINKS[][2] = {{"pts/ptmx", "/dev/ptmx"},
                                             {"/proc/self/fd", "/dev/fd"},
                                             {"/proc/self/fd/0", "/dev/stdin"},
                                             {"/proc/self/fd/1", "/dev/stdout"},
                                             {"/proc/self/fd/2", "/dev/stderr"}};
  makeMountPoint("/dev", reporter);
  reporter.need(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k"), "mount /dev");
  for (auto& node : NODES) {
    reporter.need(mknod(node.path, S_IFCHR | 0666, makedev(node.major, node.minor)), node.path);
  }
  for (auto& [target, path] : LINKS) reporter.need(symlink(target, path), path);
  reporter.need(mkdir("/dev/pts", 0755), "make /dev/pts");
  reporter.need(mkdir("/dev/shm", 0755), "make /dev/shm");
  reporter.need(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"),
                "mount /dev/pts");
  reporter.need(mount("tmpfs", "/dev/shm", "tmpfs", LOCKED, "mode=1777,size=64m"), "mount /dev/shm");
  unsigned long readOnly = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC;
  reporter.need(mount(nullptr, "/dev", nullptr, readOnly, nullptr), "make /dev read-only");
}

// Each of these may be missing on this kernel, which is as good.
void mask(Reporter& reporter) {
  static constexpr const char* FILES[] = {"/proc/kcore",         "/proc/keys",       "/proc/latency_stats",
                                          "/proc/sched_debug",   "/proc/timer_list", "/proc/timer_stats",
                                          "/proc/sysrq-trigger"};
  static constexpr const char* FOLDERS[] = {"/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware",
                                            "/sys/devices/virtual/powercap"};
  static constexpr const char* READ_ONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"};
  for (auto path : FILES) {
    if (mount("/dev/null", path, nullptr, MS_BIND, nullptr) < 0 && errno != ENOENT) reporter.fail(path);
  }
  for (auto path : FOLDERS) {
    if (mount("tmpfs", path, "tmpfs", MS_RDONLY | LOCKED, "size=0") < 0 && errno != ENOENT) reporter.fail(path);
  }
  for (auto path : READ_ONLY) {
    if (mount(path, path, nullptr, MS_BIND, nullptr) < 0) {
      if (errno == ENOENT) continue;
      reporter.fail(path);
    }
    reporter.need(mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | LOCKED, nullptr), path);
  }
}

void mountProcAndSys(Reporter& reporter) {
  makeMountPoint("/proc", reporter);
  makeMountPoint("/sys", reporter);
  reporter.need(mount("proc", "/proc", "proc", LOCKED, nullptr), "mount /proc");
  reporter.need(mount("sysfs", "/sys", "sysfs", MS_RDONLY | LOCKED, nullptr), "mount /sys");
  mask(reporter);
}

void writeEtc(const char* path, const std::string& text, Reporter& reporter) {
  if (text.empty()) return;
  if (mkdir("/etc", 0755) < 0 && errno != EEXIST) reporter.fail("make /etc");
  // Often a link of the image to where its own tools would write it.
  if (unlink(path) < 0 && errno != ENOENT) reporter.fail(path);
  int fd = static_cast<int>(reporter.need(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), path));
  reporter.need(fchmod(fd, 0644), path);
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) reporter.fail(path);
  close(fd);
}

}  // namespace

RootPlan planRoot(const Launch& launch, const std::string& mountPoint) {
  std::string options = "lowerdir=";
  for (auto& layer : launch.layers) {
    if (&layer != &launch.layers.front()) options += ':';
    options += quoted(layer);
  }
  options += ",upperdir=" + quoted(launch.writable + "/upper") + ",workdir=" + quoted(launch.writable + "/work");
  if (options.size() > MOUNT_OPTIONS_MAX) {
    throw std::system_error(E2BIG, std::generic_category(),
                            "the paths of layers and writable take " + std::to_string(options.size()) +
                                " bytes as mount options, allowed are " + std::to_string(MOUNT_OPTIONS_MAX));
  }
  return {mountPoint, std::move(options), launch.resolvConf, launch.hosts};
}

void enterRoot(const RootPlan& plan, Reporter& reporter) {
  mountOverlay(plan, reporter);
  mountDev(reporter);
  mountProcAndSys(reporter);
  writeEtc("/etc/resolv.conf", plan.resolvConf, reporter);
  writeEtc("/etc/hosts", plan.hosts, reporter);
}

}  // namespace meridian::shim
