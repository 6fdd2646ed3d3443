// purpose: shows that who goes on behind a bad step, as fuzzers do, goes on as if it was not there.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/a_step_that_makes_no_sense_changes_nothing_test
#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "driver/execute/executor.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"

using mneme::driver::Executor;
using mneme::driver::Op;
using mneme::driver::Output;
using mneme::driver::Parser;
using mneme::driver::ScriptError;
using mneme::driver::Source;

namespace {

/// The transcript of a script, without the numbers of lines; steps that make no sense are skipped,
/// and counted.
std::string transcript_of(std::string_view script, int* skipped = nullptr) {
  const auto close = [](std::FILE* file) { (void)std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::tmpfile(), close);
  REQUIRE(file != nullptr);
  Output output{file.get()};
  Source source(script, "test.mn");
  Parser parser(source, {});
  Executor executor(output, {});
  Op op;
  while (parser.next(op)) {
    try {
      executor.step(op);
    } catch (const ScriptError&) {
      if (skipped != nullptr) ++*skipped;
    }
  }
  executor.finish();
  output.flush();
  REQUIRE(std::fseek(file.get(), 0, SEEK_SET) == 0);
  std::string text;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), file.get()) != nullptr) {
    const std::string_view told = line.data();
    text += told.substr(told.find(": ") + 1);
  }
  return text;
}

constexpr std::string_view before =
    "heap 128 align=8\nalloc whole 120\nalloc later 56\narray numbers 2\nfree whole\n";
constexpr std::string_view behind = "expect later granted\npoll\nstat\nfree later\nfree numbers\n";

TEST_CASE("a step on a granted name, of a kind it is not, is not its task's turn") {
  const std::string right = std::string(before) + std::string(behind);
  const std::string expected = transcript_of(right);
  CHECK(expected.contains("poll -> ran later, numbers"));
  for (const std::string_view bad :
       {"push later\n", "clone later more\n", "resize numbers 4\n", "free numbers defer\n",
        "push numbers\n", "alloc another 8 guard\n", "free nobody\n", "unlock\n"}) {
    CAPTURE(bad);
    int skipped = 0;
    CHECK(transcript_of(std::string(before) + std::string(bad) + std::string(behind), &skipped) ==
          expected);
    CHECK(skipped == 1);
  }
}

}  // namespace
