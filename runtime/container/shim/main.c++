// meridian-shim: see runtime/container/shim/shim.h.
//
//     meridian-shim --dir DIR [--daemon]
//
// DIR exists and is the shim's alone: shim.sock (0600), exits, log, lock, and the empty folder root. With --daemon the command
// returns when the shim accepts connections (status 0) or cannot start (status 1, one line on stderr), and the shim runs in
// a session of its own, so that neither the end of its starter nor a signal to its process group reaches it.
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "runtime/container/cgroup.h"
#include "runtime/container/shim/shim.h"
#include "runtime/container/shim/system.h"

namespace meridian::shim {
namespace {

constexpr size_t SOCKET_PATH_MAX = sizeof(sockaddr_un::sun_path) - 1;
constexpr size_t DESCRIPTORS_RESERVED = 768;   // the shim's own, and one of each exec
constexpr size_t DESCRIPTORS_OF_INSTANCE = 6;  // two pipes, log, reports, out-of-memory event, and one to spare
constexpr size_t INSTANCES_MAX = 4096;

struct Arguments {
  std::string dir;
  bool daemon = false;
};

[[noreturn]] void usage() {
  fputs("usage: meridian-shim --dir DIR [--daemon]\n", stderr);
  exit(2);
}

Arguments parse(int argc, char** argv) {
  static const option OPTIONS[] = {{"dir", required_argument, nullptr, 'd'}, {"daemon", no_argument, nullptr, 'b'}, {}};
  Arguments arguments;
  for (int option; (option = getopt_long(argc, argv, "", OPTIONS, nullptr)) != -1;) {
    if (option == 'd') {
      arguments.dir = optarg;
    } else if (option == 'b') {
      arguments.daemon = true;
    } else {
      usage();
    }
  }
  if (arguments.dir.empty() || optind != argc) usage();
  return arguments;
}

std::string absolute(const std::string& dir) {
  char path[PATH_MAX];
  if (realpath(dir.c_str(), path) == nullptr) need(-1, dir.c_str());
  return path;
}

// Descriptors, signals and limits as the shim wants them, whoever started it.
void settle() {
  need(syscall(SYS_close_range, 3, ~0u, 0), "close inherited descriptors");
  for (int number = 1; number <= SIGRTMAX; ++number) signal(number, SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  need(sigprocmask(SIG_SETMASK, &all, nullptr), "block signals");
  umask(077);
}

size_t raiseDescriptorLimit() {
  rlimit files;
  need(getrlimit(RLIMIT_NOFILE, &files), "read the limit of open files");
  files.rlim_cur = files.rlim_max;
  need(setrlimit(RLIMIT_NOFILE, &files), "raise the limit of open files");
  if (files.rlim_cur < DESCRIPTORS_RESERVED + DESCRIPTORS_OF_INSTANCE) {
    throw std::runtime_error("the limit of open files is " + std::to_string(files.rlim_cur) + ", needed are at least " +
                             std::to_string(DESCRIPTORS_RESERVED + DESCRIPTORS_OF_INSTANCE));
  }
  return std::min<size_t>(INSTANCES_MAX, (files.rlim_cur - DESCRIPTORS_RESERVED) / DESCRIPTORS_OF_INSTANCE);
}

kj::AutoCloseFd lock(const std::string& dir) {
  auto path = dir + "/lock";
  kj::AutoCloseFd fd(need(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path.c_str()));
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) throw std::runtime_error("another shim runs in " + dir);
  return fd;
}

kj::AutoCloseFd listenAt(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  kj::AutoCloseFd fd(need(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "make the socket"));
  if (unlink(path.c_str()) < 0 && errno != ENOENT) need(-1, path.c_str());
  auto before = umask(0177);  // so that it is 0600 from the beginning
  need(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), path.c_str());
  umask(before);
  need(listen(fd, 4), path.c_str());
  return fd;
}

container::CgroupLayout findCgroups() {
  auto readFile = [](const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  auto layout = container::chooseCgroupLayout(readFile("/proc/self/mountinfo"), readFile);
  if (!layout) throw std::runtime_error("no cgroup hierarchy with the controllers memory, cpu and pids is mounted");
  return *layout;
}

// In the child the rest of the program goes on; the parent waits for its word and exits. Returns where the child gives it.
kj::AutoCloseFd daemonise() {
  int word[2];
  need(pipe2(word, O_CLOEXEC), "make a pipe");
  pid_t child = need(fork(), "fork");
  if (child > 0) {
    close(word[1]);
    char text[1024];
    auto size = read(word[0], text, sizeof text);
    if (size == 1 && text[0] == '\0') _exit(0);
    if (size > 0) fwrite(text, 1, size, stderr);
    if (size <= 0) fputs("meridian-shim: ended while it was starting\n", stderr);
    _exit(1);
  }
  close(word[0]);
  need(setsid(), "make a session");
  // Not a session leader, so that it never gets a terminal.
  if (need(fork(), "fork") > 0) _exit(0);
  need(chdir("/"), "chdir");
  int null = need(open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
  for (int stream = 0; stream < 3; ++stream) need(dup2(null, stream), "set the standard streams");
  close(null);
  return kj::AutoCloseFd(word[1]);
}

// `ready`: where to say so, or -1.
void serve(const std::string& dir, int ready, kj::ArrayPtr<char> commandLine) {
  auto socketPath = dir + "/shim.sock";
  if (socketPath.size() > SOCKET_PATH_MAX) {
    throw std::runtime_error("the socket path " + socketPath + " has " + std::to_string(socketPath.size()) +
                             " bytes, allowed are 107");
  }
  auto lockFd = lock(dir);
  auto instancesMax = raiseDescriptorLimit();
  auto mountPoint = dir + "/root";
  if (mkdir(mountPoint.c_str(), 0700) < 0 && errno != EEXIST) need(-1, mountPoint.c_str());

  container::CgroupTree cgroups(findCgroups(), container::cgroupTreeName(dir));
  cgroups.removeAll();  // of an earlier shim that died: the kernel has ended what was in them
  cgroups.adopt(getpid());
  {
    Shim shim({dir, listenAt(socketPath), instancesMax, makeBareMounts(mountPoint), commandLine}, cgroups);
    if (ready >= 0) need(write(ready, "", 1), "tell that the shim is ready");
    shim.run();
  }
  unlink(socketPath.c_str());
  cgroups.release(getpid());
  cgroups.removeTree();
}

int run(int argc, char** argv) {
  auto arguments = parse(argc, argv);
  kj::AutoCloseFd ready;
  try {
    auto dir = absolute(arguments.dir);
    settle();
    if (arguments.daemon) ready = daemonise();
    kj::ArrayPtr<char> commandLine(argv[0], argv[argc - 1] + strlen(argv[argc - 1]));
    serve(dir, ready.get(), commandLine);
    return 0;
  } catch (const std::exception& error) {
    // A daemon's starter prints it, while there is one.
    dprintf(ready.get() < 0 ? STDERR_FILENO : ready.get(), "meridian-shim: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace meridian::shim

int main(int argc, char** argv) { return meridian::shim::run(argc, argv); }
