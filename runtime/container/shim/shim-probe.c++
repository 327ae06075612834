// The program in the test images: linked static, it looks around and tells on stdout what it finds, or behaves as a test
// wants it to. `shim-probe WORD [ARGUMENT]`.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern char** environ;

namespace {

std::string contents(const char* path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::string("<") + strerror(errno) + ">";
  std::string text;
  char buffer[4096];
  ssize_t size;
  while ((size = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, size);
  if (size < 0) text += std::string("<") + strerror(errno) + ">";
  close(fd);
  return text;
}

std::string oneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\0') c = ' ';
  }
  return text;
}

std::string names(const char* path) {
  DIR* folder = opendir(path);
  if (folder == nullptr) return std::string("<") + strerror(errno) + ">";
  std::string all;
  while (dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder)) all += std::string(entry->d_name) + " ";
  }
  closedir(folder);
  return all;
}

std::string canWrite(const char* path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return strerror(errno);
  close(fd);
  return "yes";
}

std::string canMake(const char* path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return strerror(errno);
  close(fd);
  return "yes";
}

// Everything an isolated process can say about its surroundings, one `key value` a line.
int look() {
  char host[65] = {};
  gethostname(host, sizeof host - 1);
  char cwd[256] = {};
  if (getcwd(cwd, sizeof cwd) == nullptr) return 1;
  rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  mode_t mask = umask(0);
  printf("pid %d\nppid %d\nsid %d\nhostname %s\ncwd %s\n", getpid(), getppid(), getsid(0), host, cwd);
  printf("umask %03o\nnofile %llu\n", mask, static_cast<unsigned long long>(files.rlim_cur));
  printf("fds %s\n", names("/proc/self/fd").c_str());
  printf("stdin %s\n", contents("/dev/stdin").empty() ? "empty" : "something");
  auto status = contents("/proc/self/status");
  for (auto word : {"Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "SigBlk",
                    "SigIgn"}) {
    auto at = status.find(std::string("\n") + word + ":");
    auto end = status.find('\n', at + 1);
    auto value = status.substr(at + strlen(word) + 2, end - at - strlen(word) - 2);
    for (char& c : value) {
      if (c == '\t') c = ' ';
    }
    printf("%s%s\n", word, value.c_str());
  }
  for (char** entry = environ; *entry != nullptr; ++entry) printf("env %s\n", *entry);
  printf("processes %s\n", names("/proc").c_str());
  printf("init_command %s\n", oneLine(contents("/proc/1/cmdline")).c_str());
  printf("init_fds %s\n", names("/proc/1/fd").c_str());
  printf("init_environ %s\n", contents("/proc/1/environ").c_str());
  printf("cgroup %s\n", oneLine(contents("/proc/self/cgroup")).c_str());
  printf("mounts %s\n", oneLine(contents("/proc/self/mountinfo")).c_str());
  printf("network %s\n", oneLine(names("/sys/class/net")).c_str());
  printf("kcore %zu\n", contents("/proc/kcore").size());
  printf("timer_list %zu\n", contents("/proc/timer_list").size());
  printf("firmware %s\n", names("/sys/firmware").c_str());
  printf("write_sysrq %s\nwrite_sysctl %s\nwrite_sys %s\n", canWrite("/proc/sysrq-trigger").c_str(),
         canWrite("/proc/sys/kernel/hostname").c_str(), canMake("/sys/x").c_str());
  printf("make_in_dev %s\nmake_in_shm %s\nmake_in_root %s\n", canMake("/dev/x").c_str(), canMake("/dev/shm/x").c_str(),
         canMake("/made").c_str());
  printf("dev %s\n", names("/dev").c_str());
  for (auto node : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}) {
    struct stat found;
    printf("node %s %o\n", node, stat(node, &found) == 0 ? found.st_mode : 0);
  }
  int pty = open("/dev/ptmx", O_RDWR | O_CLOEXEC);
  printf("ptmx %s\n", pty >= 0 ? "yes" : strerror(errno));
  int disk = mknod("/made-disk", S_IFBLK | 0600, 0xfe00) == 0 ? open("/made-disk", O_RDONLY | O_CLOEXEC) : -1;
  printf("own_disk_node %s\n", disk >= 0 ? "yes" : strerror(errno));
  printf("hosts %s\nresolv %s\n", oneLine(contents("/etc/hosts")).c_str(), oneLine(contents("/etc/resolv.conf")).c_str());
  fflush(stdout);
  for (auto path : {"/dev/stdout", "/dev/stderr"}) {
    FILE* stream = fopen(path, "w");
    if (stream == nullptr) {
      printf("reopen %s %s\n", path, strerror(errno));
      continue;
    }
    fprintf(stream, "reopened %s\n", path);
    fclose(stream);
  }
  return 0;
}

volatile sig_atomic_t lastSignal = 0;

// Says "up", then waits for signals: tells each, and ends with 7 at SIGTERM.
int serve() {
  struct sigaction action {};
  action.sa_handler = [](int number) { lastSignal = number; };
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  for (int number : {SIGTERM, SIGUSR1, SIGHUP}) sigaction(number, &action, nullptr);
  puts("up");
  fflush(stdout);
  while (lastSignal != SIGTERM) {
    lastSignal = 0;
    sigsuspend(&before);
    printf("signal %d\n", static_cast<int>(lastSignal));
    fflush(stdout);
  }
  return 7;
}

// Touches so many MiB, in a child if told so, then says "ate" and waits.
int eat(size_t mib) {
  auto size = mib << 20;
  auto memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
  puts("ate");
  fflush(stdout);
  pause();
  return 0;
}

int eatInChild(size_t mib) {
  puts("up");
  fflush(stdout);
  if (fork() == 0) _exit(eat(mib));
  while (true) pause();
}

int forkUntilRefused() {
  int children = 0;
  pid_t pid;
  while ((pid = fork()) > 0) ++children;
  if (pid == 0) {
    pause();
    _exit(0);
  }
  printf("children %d %s\n", children, strerror(errno));
  return 0;
}

int spin() {
  puts("up");
  fflush(stdout);
  while (true) {
    if (getppid() == 1'000'000) return 1;
  }
}

// A grandchild whose parent is gone ends: it must vanish although this program waits for nobody.
int orphan() {
  int done[2];
  if (pipe(done) < 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) _exit(0);
    if (write(done[1], &grandchild, sizeof grandchild) < 0) _exit(1);
    _exit(0);
  }
  pid_t grandchild;
  if (read(done[0], &grandchild, sizeof grandchild) != sizeof grandchild) return 1;
  waitpid(child, nullptr, 0);
  while (kill(grandchild, 0) == 0) sched_yield();
  printf("reaped\n");
  return 0;
}

int lines(int count) {
  for (int i = 0; i < count; ++i) printf("line %d of some length to fill the log\n", i);
  printf("last without newline");
  fflush(stdout);
  fprintf(stderr, "error one\nerror two");
  return 0;
}

// stdin to stdout, a word to stderr, then the exit code.
int cat(int code) {
  char buffer[4096];
  ssize_t size;
  while ((size = read(0, buffer, sizeof buffer)) > 0) {
    if (write(1, buffer, size) != size) return 1;
  }
  fprintf(stderr, "cat ended\n");
  return code;
}

// Ends with output that nobody has read yet.
int fill() {
  std::string block(60 * 1024, 'x');
  block += "\nthe end\n";
  if (write(1, block.data(), block.size()) < 0) return 1;
  kill(getpid(), SIGKILL);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string word = argc > 1 ? argv[1] : "";
  int argument = argc > 2 ? atoi(argv[2]) : 0;
  if (word == "look") return look();
  if (word == "serve") return serve();
  if (word == "eat") return eat(argument);
  if (word == "eat-in-child") return eatInChild(argument);
  if (word == "fork-until-refused") return forkUntilRefused();
  if (word == "spin") return spin();
  if (word == "orphan") return orphan();
  if (word == "lines") return lines(argument);
  if (word == "cat") return cat(argument);
  if (word == "fill") return fill();
  if (word == "exit") return argument;
  fprintf(stderr, "unknown word\n");
  return 64;
}
