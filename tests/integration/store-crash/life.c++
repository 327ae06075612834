#include "tests/integration/store-crash/life.h"

#include <fcntl.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace meridian::crash {

End live(const std::function<int()>& life) {
  int pipeEnds[2];
  KJ_SYSCALL(pipe2(pipeEnds, O_CLOEXEC));
  pid_t child;
  KJ_SYSCALL(child = fork());
  if (child == 0) {
    dup2(pipeEnds[1], STDERR_FILENO);
    int code = BAD;
    KJ_IF_MAYBE(exception, kj::runCatchingExceptions([&] { code = life(); })) {
      fprintf(stderr, "%s\n", exception->getDescription().cStr());
    }
    _exit(code);
  }
  kj::AutoCloseFd words(pipeEnds[0]);
  close(pipeEnds[1]);
  End end;
  char buffer[4096];
  for (ssize_t size; (size = read(words, buffer, sizeof buffer)) > 0;) end.lastWords.append(buffer, size);
  int status;
  KJ_SYSCALL(waitpid(child, &status, 0));
  KJ_REQUIRE(WIFEXITED(status), "the process was ended by a signal", status);
  end.exitCode = WEXITSTATUS(status);
  return end;
}

}  // namespace meridian::crash
