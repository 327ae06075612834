/* The floor under a container's start: the isolation steps of the shim as one straight C program, with nothing around
 * them. It starts ARGV in a fresh container RUNS times and prints the time from the first step to the execve of ARGV,
 * which it sees as the end of a close-on-exec pipe.
 *
 *     floor [--runs N] [--json] [--netns FILE] [--port N] ROOTFS SCRATCH ARGV...
 *
 * With --port it also prints how long after exec ARGV accepts connections there, and then kills it; without, ARGV exits
 * with 0 by itself.
 *
 * ROOTFS is the read-only image, SCRATCH an empty folder on the disk to test: a fresh upper and work for each run are made
 * there and left to the caller. Without --netns one network namespace is made and used for all runs, as the platform takes them from a pool.
 * The cgroup controllers memory, cpu and pids are taken from cgroup v2 where it has them, else from v1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_DEFAULT = 50, RUNS_MAX = 100000 };

static const uint64_t KEPT_CAPABILITIES =
    1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_FSETID | 1ull << CAP_FOWNER | 1ull << CAP_MKNOD |
    1ull << CAP_NET_RAW | 1ull << CAP_SETGID | 1ull << CAP_SETUID | 1ull << CAP_SETFCAP | 1ull << CAP_SETPCAP |
    1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_SYS_CHROOT | 1ull << CAP_KILL | 1ull << CAP_AUDIT_WRITE;

static void die(const char* step) {
  fprintf(stderr, "floor: %s: %s\n", step, strerror(errno));
  exit(1);
}

static void need(int result, const char* step) {
  if (result < 0) die(step);
}

static int64_t nowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* ---- cgroups: one fresh cgroup with three limits, and the process in it ---- */

static int cgroupV2;

static void put(const char* folder, const char* file, const char* text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
  close(fd);
}

static void cgroupFolders(char out[3][256], int* count) {
  static const char* controllers[] = {"memory", "cpu", "pids"};
  *count = cgroupV2 ? 1 : 3;
  for (int i = 0; i < *count; ++i) {
    snprintf(out[i], 256, "/sys/fs/cgroup%s%s/meridian-floor-%d", cgroupV2 ? "" : "/", cgroupV2 ? "" : controllers[i],
             getpid());
  }
}

static void makeCgroup(void) {
  char folders[3][256];
  int count;
  cgroupFolders(folders, &count);
  for (int i = 0; i < count; ++i) need(mkdir(folders[i], 0755), folders[i]);
  if (cgroupV2) {
    put(folders[0], "memory.max", "268435456");
    put(folders[0], "memory.swap.max", "0");
    put(folders[0], "memory.oom.group", "1");
    put(folders[0], "cpu.max", "100000 100000");
    put(folders[0], "pids.max", "1025");
  } else {
    put(folders[0], "memory.limit_in_bytes", "268435456");
    put(folders[0], "memory.memsw.limit_in_bytes", "268435456");
    put(folders[1], "cpu.cfs_period_us", "100000");
    put(folders[1], "cpu.cfs_quota_us", "100000");
    put(folders[2], "pids.max", "1025");
  }
}

/* On v2 the process is cloned into it. On v1 it moves itself by "0" in `tasks`, opened below the hierarchies' folders as it has
 * another root by then: the way that needs no RCU grace period. */
static int hierarchies[3];

static void openHierarchies(void) {
  static const char* paths[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids"};
  for (int i = 0; i < 3 && !cgroupV2; ++i) {
    need(hierarchies[i] = open(paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC), paths[i]);
  }
}

static void enterCgroup(pid_t floor) {
  char path[64];
  snprintf(path, sizeof path, "meridian-floor-%d/tasks", floor);
  for (int i = 0; i < 3 && !cgroupV2; ++i) {
    int fd = openat(hierarchies[i], path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) < 0) die(path);
    close(fd);
  }
}

static int cgroupForClone(void) {
  char folders[3][256];
  int count;
  cgroupFolders(folders, &count);
  int fd = open(folders[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
  need(fd, folders[0]);
  return fd;
}

static void removeCgroup(void) {
  char folders[3][256];
  int count;
  cgroupFolders(folders, &count);
  for (int i = 0; i < count; ++i) {
    for (int tries = 0; rmdir(folders[i]) < 0; ++tries) {
      if (errno != EBUSY || tries == 1000) die(folders[i]);
      usleep(100);
    }
  }
}

/* ---- the root file system ---- */

static void maskFile(const char* path) {
  if (mount("/dev/null", path, NULL, MS_BIND, NULL) < 0 && errno != ENOENT) die(path);
}

static void maskFolder(const char* path) {
  unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount("tmpfs", path, "tmpfs", flags, "size=0") < 0 && errno != ENOENT) die(path);
}

static void makeReadOnly(const char* path) {
  if (mount(path, path, NULL, MS_BIND, NULL) < 0) {
    if (errno == ENOENT) return;
    die(path);
  }
  need(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), path);
}

static void makeFolder(const char* path) {
  if (mkdir(path, 0755) < 0 && errno != EEXIST) die(path);
}

/* A mount namespace with nothing in it but an empty folder to mount a root on. The child starts from a copy of it: from a
 * copy of the machine's it would hold the disks of all other containers for a moment, and be slower the more there are. */
static int makeBareMounts(const char* scratch) {
  int before = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  need(before, "/proc/self/ns/mnt");
  need(unshare(CLONE_NEWNS), "unshare the mount namespace");
  need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
  need(mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=700"), "mount a bare root");
  int bare = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  need(bare, "/proc/self/ns/mnt");
  need(chdir(scratch), "chdir to the bare root");
  need(mkdir("root", 0700), "mkdir root");
  need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  need(umount2(".", MNT_DETACH), "detach the machine's root");
  need(setns(before, CLONE_NEWNS), "return to the mount namespace");
  close(before);
  return bare;
}

static int overlayPart(int overlay, const char* key, const char* folder, const char* name) {
  char path[1024], link[32];
  snprintf(path, sizeof path, "%s%s", folder, name);
  int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  need(fd, path);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  need(fsconfig(overlay, FSCONFIG_SET_STRING, key, link, 0), key);
  return fd;
}

static void enterRoot(int bareMounts, const char* rootfs, const char* writable) {
  int overlay = fsopen("overlay", FSOPEN_CLOEXEC);
  need(overlay, "fsopen overlay");
  overlayPart(overlay, "lowerdir", rootfs, "");
  overlayPart(overlay, "upperdir", writable, "/upper");
  overlayPart(overlay, "workdir", writable, "/work");
  need(fsconfig(overlay, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create the overlay");
  int root = fsmount(overlay, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
  need(root, "mount the overlay");
  need(setns(bareMounts, CLONE_NEWNS), "enter the bare mount namespace");
  need(unshare(CLONE_NEWNS), "copy the mount namespace");
  need(move_mount(root, "", AT_FDCWD, "/root", MOVE_MOUNT_F_EMPTY_PATH), "attach the overlay");
  need(chdir("/root"), "chdir to the root");
  need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  need(umount2(".", MNT_DETACH), "detach the bare root");
  need(chdir("/"), "chdir /");
}

static void mountDev(void) {
  static const struct {
    const char* path;
    int major, minor;
  } nodes[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
               {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
  static const char* links[][2] = {{"pts/ptmx", "/dev/ptmx"},
                                   {"/proc/self/fd", "/dev/fd"},
                                   {"/proc/self/fd/0", "/dev/stdin"},
                                   {"/proc/self/fd/1", "/dev/stdout"},
                                   {"/proc/self/fd/2", "/dev/stderr"}};
  makeFolder("/dev");
  need(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k"), "mount /dev");
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; ++i) {
    need(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].path);
  }
  for (size_t i = 0; i < sizeof links / sizeof *links; ++i) need(symlink(links[i][0], links[i][1]), links[i][1]);
  makeFolder("/dev/pts");
  makeFolder("/dev/shm");
  need(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"),
       "mount /dev/pts");
  need(mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m"), "mount /dev/shm");
  need(mount(NULL, "/dev", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL), "make /dev read-only");
}

static void mountProcAndSys(void) {
  makeFolder("/proc");
  makeFolder("/sys");
  need(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
  need(mount("sysfs", "/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /sys");
  static const char* files[] = {"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
                                "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats"};
  static const char* folders[] = {"/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware",
                                  "/sys/devices/virtual/powercap"};
  static const char* readOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"};
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) maskFile(files[i]);
  for (size_t i = 0; i < sizeof folders / sizeof *folders; ++i) maskFolder(folders[i]);
  for (size_t i = 0; i < sizeof readOnly / sizeof *readOnly; ++i) makeReadOnly(readOnly[i]);
}

static void putEtc(const char* path, const char* text) {
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
  close(fd);
}

/* ---- the process ---- */

static void dropPrivileges(void) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (!(KEPT_CAPABILITIES >> capability & 1)) need(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop a capability");
  }
  need(setgroups(0, NULL), "setgroups");
  need(setresgid(0, 0, 0), "setresgid");
  need(setresuid(0, 0, 0), "setresuid");
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  uint32_t low = (uint32_t)KEPT_CAPABILITIES, high = KEPT_CAPABILITIES >> 32;
  struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
  need(syscall(SYS_capset, &header, data), "capset");
  need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void becomeProgram(char** argv, int nullFd, int outFd, int errFd) {
  need(setsid(), "setsid");
  need(dup2(nullFd, 0), "stdin");
  need(dup2(outFd, 1), "stdout");
  need(dup2(errFd, 2), "stderr");
  need(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC), "close_range");
  struct rlimit files;
  need(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
  files.rlim_cur = files.rlim_max < 1024 ? files.rlim_max : 1024;
  need(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  umask(022);
  dropPrivileges();
  char* env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", NULL};
  execve(argv[0], argv, env);
  die("execve");
}

struct Options {
  int runs;
  int json;
  int netns;
  int bareMounts;
  int port;
  const char *rootfs, *scratch;
  char** argv;
};

static void startInContainer(const struct Options* options, const char* writable, pid_t floor, int go, int nullFd,
                             int outFd, int errFd) {
  need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "pdeathsig");
  need(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "session keyring");
  need(setns(options->netns, CLONE_NEWNET), "setns");
  need(sethostname("floor", 5), "sethostname");
  enterRoot(options->bareMounts, options->rootfs, writable);
  mountDev();
  mountProcAndSys();
  putEtc("/etc/resolv.conf", "");
  putEtc("/etc/hosts", "127.0.0.1 localhost\n");
  char byte;
  if (read(go, &byte, 1) != 1) die("wait for the cgroup");
  enterCgroup(floor);
  need(unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
  becomeProgram(options->argv, nullFd, outFd, errFd);
}

static void makeFolderIn(const char* folder, const char* name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  makeFolder(path);
}

/* Asked again and again, from inside the network namespace, where this process is too. */
static void awaitListening(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  for (int connected = -1; connected < 0;) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd, "socket");
    connected = connect(fd, (struct sockaddr*)&address, sizeof address);
    if (connected < 0 && errno != ECONNREFUSED) die("connect");
    close(fd);
  }
}

struct Times {
  int64_t exec, listen;
};

static struct Times runOnce(const struct Options* options, int run) {
  char writable[512];
  snprintf(writable, sizeof writable, "%s/%d", options->scratch, run);
  makeFolder(writable);
  makeFolderIn(writable, "upper");
  makeFolderIn(writable, "work");
  int execed[2], go[2], out[2], err[2];
  int nullFd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  need(nullFd, "/dev/null");
  int64_t start = nowNs();
  need(pipe2(execed, O_CLOEXEC), "pipe");
  need(pipe2(go, O_CLOEXEC), "pipe");
  need(pipe2(out, O_CLOEXEC), "pipe");
  need(pipe2(err, O_CLOEXEC), "pipe");
  struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC, .exit_signal = SIGCHLD};
  int cgroup = -1;
  if (cgroupV2) {
    makeCgroup();
    cgroup = cgroupForClone();
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = cgroup;
  }
  pid_t floor = getpid();
  pid_t pid = syscall(SYS_clone3, &args, sizeof args);
  need(pid, "clone3");
  if (pid == 0) startInContainer(options, writable, floor, go[0], nullFd, out[1], err[1]);
  close(execed[1]);
  if (cgroupV2) {
    close(cgroup);
  } else {
    makeCgroup();
  }
  if (write(go[1], "", 1) != 1) die("go");
  char byte;
  if (read(execed[0], &byte, 1) != 0) die("the child's pipe");
  struct Times times = {nowNs() - start, 0};
  if (options->port) {
    awaitListening(options->port);
    times.listen = nowNs() - start - times.exec;
    kill(pid, SIGKILL);
  }

  int status;
  close(out[1]);
  close(err[1]);
  need(waitpid(pid, &status, 0), "waitpid");
  if (!options->port && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    fprintf(stderr, "floor: the program did not exit with 0\n");
    exit(1);
  }
  removeCgroup();
  int fds[] = {nullFd, execed[0], go[0], go[1], out[0], err[0]};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; ++i) close(fds[i]);
  return times;
}

/* ---- the command ---- */

static int makeNetns(void) {
  int done[2];
  need(pipe2(done, O_CLOEXEC), "pipe");
  pid_t pid = fork();
  need(pid, "fork");
  if (pid == 0) {
    need(unshare(CLONE_NEWNET), "unshare the network namespace");
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(fd, "socket");
    need(ioctl(fd, SIOCSIFFLAGS, &loopback), "set lo up");
    if (write(done[1], "", 1) != 1) die("pipe");
    pause();
  }
  char byte, path[64];
  close(done[1]);
  if (read(done[0], &byte, 1) != 1) die("make a network namespace");
  snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  need(fd, path);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  close(done[0]);
  return fd;
}

static struct Options parse(int argc, char** argv) {
  struct Options options = {.runs = RUNS_DEFAULT, .netns = -1};
  int at = 1;
  for (; at < argc && strncmp(argv[at], "--", 2) == 0; ++at) {
    if (strcmp(argv[at], "--json") == 0) {
      options.json = 1;
    } else if (strcmp(argv[at], "--runs") == 0 && at + 1 < argc) {
      options.runs = atoi(argv[++at]);
    } else if (strcmp(argv[at], "--port") == 0 && at + 1 < argc) {
      options.port = atoi(argv[++at]);
    } else if (strcmp(argv[at], "--netns") == 0 && at + 1 < argc) {
      options.netns = open(argv[++at], O_RDONLY | O_CLOEXEC);
      need(options.netns, argv[at]);
    } else {
      break;
    }
  }
  if (argc - at < 3 || options.runs < 1 || options.runs > RUNS_MAX) {
    fprintf(stderr, "usage: floor [--runs 1..%d] [--json] [--netns FILE] [--port N] ROOTFS SCRATCH ARGV...\n", RUNS_MAX);
    exit(2);
  }
  options.rootfs = argv[at];
  options.scratch = argv[at + 1];
  options.argv = argv + at + 2;
  if (options.netns < 0) options.netns = makeNetns();
  need(setns(options.netns, CLONE_NEWNET), "setns");
  return options;
}

static int compareNs(const void* left, const void* right) {
  int64_t l = *(const int64_t*)left, r = *(const int64_t*)right;
  return (l > r) - (l < r);
}

int main(int argc, char** argv) {
  struct Options options = parse(argc, argv);
  cgroupV2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  options.bareMounts = makeBareMounts(options.scratch);
  openHierarchies();

  int64_t* exec = calloc(options.runs, sizeof *exec);
  int64_t* listening = calloc(options.runs, sizeof *listening);
  for (int i = 0; i < options.runs; ++i) {
    struct Times times = runOnce(&options, i);
    exec[i] = times.exec;
    listening[i] = times.listen;
  }
  qsort(exec, options.runs, sizeof *exec, compareNs);
  qsort(listening, options.runs, sizeof *listening, compareNs);
  const char* format = options.json ? "{\"runs\": %d, \"min_ns\": %lld, \"median_ns\": %lld, \"max_ns\": %lld, "
                                    : "floor: %d runs, exec reached after min %lld, median %lld, max %lld ns, ";
  printf(format, options.runs, (long long)exec[0], (long long)exec[options.runs / 2], (long long)exec[options.runs - 1]);
  printf(options.json ? "\"listen_median_ns\": %lld}\n" : "port open median %lld ns later\n",
         (long long)listening[options.runs / 2]);
  return 0;
}
