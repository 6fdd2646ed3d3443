// purpose: shows how a fatal line is made and ends the program, in child processes.
// layer: tests; includes check.
// threads: none.
// invariants: none.
// RUN: %runner %build/tests/check_test
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <mneme/check.hpp>
#include <string>

#include "support/fatal_line.hpp"

using mneme::fatal_unless;
using mneme::FatalLine;
using mneme::test::fatal_line_of;

TEST_CASE("a check that holds does nothing, also at compile time") {
  static_assert([] {
    fatal_unless(true, "never");
    return true;
  }());
  CHECK(fatal_line_of([] { fatal_unless(true, "never"); }).empty());
}

TEST_CASE("a check that does not hold gives the handler one line, without its end" *
          doctest::skip(!mneme::checks_enabled)) {
  CHECK(fatal_line_of([] { fatal_unless(false, "the sky fell"); }) == "mneme: fatal: the sky fell");
}

TEST_CASE("a line is put together from words and numbers") {
  CHECK(fatal_line_of([] { FatalLine{}.text("from ").number(0).text(" to ").number(7).stop(); }) ==
        "mneme: fatal: from 0 to 7");
  CHECK(fatal_line_of([] { FatalLine{}.number(SIZE_MAX).stop(); }) ==
        "mneme: fatal: " + std::to_string(SIZE_MAX));
  CHECK(fatal_line_of([] { FatalLine{}.text("").stop(); }) == "mneme: fatal: ");
}

TEST_CASE("a line is cut off at 191 characters") {
  const std::string line = fatal_line_of([] {
    FatalLine endless;
    for (int i = 0; i < 100; ++i) endless.text("0123456789").number(42);
    endless.stop();
  });
  CHECK(line.size() == 191);
  CHECK(line.starts_with("mneme: fatal: 01234567894201234567894"));
}

namespace {

/// How a child process that calls `stop` ends, and what it wrote to standard output and error.
template <class F>
int end_of(F stop, std::string& text) {
  int ends[2] = {-1, -1};
  REQUIRE(pipe(ends) == 0);
  std::fflush(stdout);  // what doctest printed is not the child's to print again
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    stop();
    _exit(0);
  }
  close(ends[1]);
  char letter = 0;
  while (read(ends[0], &letter, 1) == 1) text += letter;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("without a handler the line goes to standard error and the program aborts" *
          doctest::skip(!mneme::checks_enabled)) {
  std::string text;
  const int status = end_of([] { fatal_unless(false, "the sky fell"); }, text);
  CHECK(text.starts_with("mneme: fatal: the sky fell\n"));
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

TEST_CASE("what was printed before comes out before the line" *
          doctest::skip(!mneme::checks_enabled)) {
  std::string text;
  const auto stop = [] {
    std::printf("It was a fine day. ");
    fatal_unless(false, "the sky fell");
  };
  (void)end_of(stop, text);
  CHECK(text.starts_with("It was a fine day. mneme: fatal: the sky fell\n"));
}

TEST_CASE("a handler that returns does not let the program go on" *
          doctest::skip(!mneme::checks_enabled)) {
  std::string text;
  const auto stop = [] {
    mneme::set_fatal_handler([](const char*) noexcept {});
    fatal_unless(false, "ignored");
  };
  const int status = end_of(stop, text);
  // A trap, which some sanitizers report by an exit status of their own.
  if (WIFSIGNALED(status)) {
    CHECK((WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP));
  } else {
    CHECK(WEXITSTATUS(status) != 0);
  }
}
