#include "runtime/container/shim/rootfs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/container/shim/system.h"

namespace meridian::shim {

namespace {

constexpr unsigned long LOCKED = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr size_t OPTION_MAX = 255;  // bytes of one mount option's value, by the kernel
constexpr size_t FD_PATH_MAX = sizeof "/proc/self/fd/2147483647";

// The folder by a name that is short and has no special characters. The descriptor stays open until execve.
void nameByDescriptor(const std::string& folder, char (&name)[FD_PATH_MAX], Reporter& reporter) {
  auto fd = reporter.need(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), folder.c_str());
  snprintf(name, sizeof name, "/proc/self/fd/%ld", fd);
}

void setPart(int overlay, const char* option, const std::string& folder, Reporter& reporter) {
  char name[FD_PATH_MAX];
  nameByDescriptor(folder, name, reporter);
  reporter.need(fsconfig(overlay, FSCONFIG_SET_STRING, option, name, 0), option);
}

// All in one option where they fit, which every kernel takes; one by one else, which is newer (6.5).
void setLayers(int overlay, const std::vector<std::string>& layers, Reporter& reporter) {
  if (layers.size() * FD_PATH_MAX > OPTION_MAX) {
    for (auto& layer : layers) setPart(overlay, "lowerdir+", layer, reporter);
    return;
  }
  char all[OPTION_MAX + 1] = "";
  for (auto& layer : layers) {
    char name[FD_PATH_MAX];
    nameByDescriptor(layer, name, reporter);
    if (all[0] != '\0') strcat(all, ":");
    strcat(all, name);
  }
  reporter.need(fsconfig(overlay, FSCONFIG_SET_STRING, "lowerdir", all, 0), "lowerdir");
}

// A mount that is attached nowhere yet.
int makeOverlay(const RootPlan& plan, Reporter& reporter) {
  int overlay = static_cast<int>(reporter.need(fsopen("overlay", FSOPEN_CLOEXEC), "open the overlay file system"));
  setLayers(overlay, plan.layers, reporter);
  setPart(overlay, "upperdir", plan.upper, reporter);
  setPart(overlay, "workdir", plan.work, reporter);
  reporter.need(fsconfig(overlay, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "make the overlay");
  return static_cast<int>(reporter.need(fsmount(overlay, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV), "mount the overlay"));
}

void enterOverlay(int overlay, int bareMounts, Reporter& reporter) {
  reporter.need(setns(bareMounts, CLONE_NEWNS), "enter the bare mount namespace");
  reporter.need(unshare(CLONE_NEWNS), "make a mount namespace");
  reporter.need(move_mount(overlay, "", AT_FDCWD, "/root", MOVE_MOUNT_F_EMPTY_PATH), "attach the overlay");
  reporter.need(chdir("/root"), "enter the overlay");
  reporter.need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  reporter.need(umount2(".", MNT_DETACH), "detach the bare root");
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

// In a child, so that the shim's own root and working directory stay what they are. The child tells errno, 0 if all is well.
kj::AutoCloseFd makeBareMounts(const std::string& folder) {
  int word[2];
  need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, word), "make a socket pair");
  kj::AutoCloseFd ours(word[0]), theirs(word[1]);
  pid_t child = need(fork(), "fork");
  if (child == 0) {
    ours = nullptr;
    bool made = unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                mount("tmpfs", folder.c_str(), "tmpfs", LOCKED, "size=4k,mode=700") == 0 && chdir(folder.c_str()) == 0 &&
                mkdir("root", 0700) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0;
    int error = made ? 0 : errno;
    send(theirs, &error, sizeof error, MSG_NOSIGNAL);
    recv(theirs, &error, sizeof error, 0);  // until the namespace is held
    _exit(0);
  }
  theirs = nullptr;
  int error = EPIPE;
  recv(ours, &error, sizeof error, 0);
  auto path = "/proc/" + std::to_string(child) + "/ns/mnt";
  kj::AutoCloseFd mounts(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (error == 0 && mounts.get() < 0) error = errno;
  ours = nullptr;
  waitpid(child, nullptr, 0);
  if (error != 0) throw std::system_error(error, std::generic_category(), "make a bare mount namespace");
  return mounts;
}

void enterRoot(const RootPlan& plan, Reporter& reporter) {
  enterOverlay(makeOverlay(plan, reporter), plan.bareMounts, reporter);
  mountDev(reporter);
  mountProcAndSys(reporter);
  writeEtc("/etc/resolv.conf", plan.resolvConf, reporter);
  writeEtc("/etc/hosts", plan.hosts, reporter);
}

}  // namespace meridian::shim
