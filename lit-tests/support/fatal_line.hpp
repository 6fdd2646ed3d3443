// purpose: the fatal line of a piece of code, caught in a child process, for tests in one program.
// layer: tests; includes check.
// threads: none; the caller has started none when it forks.
// invariants: the child ends at the line, or returns an empty one; the parent is never harmed.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <mneme/check.hpp>
#include <string>

namespace mneme::test {

/// Where the child's handler writes its line.
inline int fatal_pipe = -1;

/// The line with which `misuse()` stops the program; empty if it does not stop it.
template <class F>
[[nodiscard]] std::string fatal_line_of(F misuse) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    fatal_pipe = ends[1];
    set_fatal_handler([](const char* line) noexcept {
      const auto written = ::write(fatal_pipe, line, std::strlen(line));
      _exit(written < 0 ? 1 : 0);
    });
    misuse();
    _exit(0);
  }
  ::close(ends[1]);
  std::string line;
  char letter = 0;
  while (::read(ends[0], &letter, 1) == 1) line += letter;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? line : "the child died: " + line;
}

}  // namespace mneme::test
