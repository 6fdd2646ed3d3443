// purpose: shows that a run ends with an error if the memory or the state of the heap is wrong.
// layer: tests; includes the driver.
// threads: one.
// invariants: none; the region is written from outside, unseen by all tools.
// RUN: %build/tests/corruption_is_found_test
// REQUIRES: release || debug || gcc
// It finds the region among the program's mappings; tools would add mappings of their own.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "driver/execute/executor.hpp"
#include "driver/language/parser.hpp"

using mneme::driver::Corruption;
using mneme::driver::Executor;
using mneme::driver::Op;
using mneme::driver::Parser;
using mneme::driver::Source;

namespace {

constexpr std::uint64_t region_bytes = 320U << 10U;  // like no other mapping of the program

/// Where this program has mappings of the region's size.
std::set<std::uint64_t> candidates() {
  std::set<std::uint64_t> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    char dash = 0;
    words >> std::hex >> start >> dash >> end;
    if (end - start == region_bytes) found.insert(start);
  }
  return found;
}

/// A run that stops before its last step, so that a word of its region can be overwritten.
class Run {
 public:
  explicit Run(std::string_view script) : source_(script, "test.mn") {
    const auto before = candidates();
    step();  // heap
    for (const std::uint64_t start : candidates()) {
      if (!before.contains(start)) region_ = start;
    }
    REQUIRE(region_ != 0);
  }

  void step() {
    REQUIRE(parser_.next(op_));
    (void)executor_.step(op_);
  }

  void finish() {
    (void)executor_.run_to_end();
    executor_.take_everything_back();
  }

  /// Makes the hole at 72, the last one, claim to be 16 bytes long, so that neither its link nor
  /// the word behind it contradicts: first fit believes it.
  void shorten_hole() const {
    write(72 + 8, 16 ^ region_bytes * 0x9E37'79B9'7F4A'7C15);
    write(72 + 16, read(0));
  }

  [[nodiscard]] std::uint64_t read(std::uint64_t offset) const {
    std::uint64_t word = 0;
    const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    CHECK(::pread(memory, &word, sizeof word, static_cast<off_t>(region_ + offset)) == 8);
    (void)::close(memory);
    return word;
  }

  /// Writes by a system call, so that no tool sees it.
  void write(std::uint64_t offset, std::uint64_t word) const {
    const int memory = ::open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
    CHECK(::pwrite(memory, &word, sizeof word, static_cast<off_t>(region_ + offset)) == 8);
    (void)::close(memory);
  }

 private:
  Source source_;
  Parser parser_{source_, {}};
  Executor executor_;
  Op op_;
  std::uint64_t region_ = 0;
};

TEST_CASE("an overwritten byte is found when its block is freed") {
  Run run("heap 320K raw=first-fit align=8\nalloc a 64\nalloc b 64\nfree b\nfree a\n");
  run.step();
  run.step();
  run.write(8 + 16, 0);
  run.step();
  CHECK_THROWS_WITH_AS(run.step(), "byte 16 of 'a' (allocated on line 2) was overwritten",
                       Corruption);
}

TEST_CASE("a result that differs from the oracle's is detected") {
  Run run("heap 320K raw=first-fit align=8\nalloc a 64\nalloc b 64\n");
  run.step();
  run.shorten_hole();
  CHECK_THROWS_WITH_AS(run.step(), "model mismatch: the result is waiting, expected granted",
                       Corruption);
}

TEST_CASE("counters that differ from the oracle's, and broken holes, are detected") {
  Run run("heap 320K raw=first-fit align=8\nalloc a 64\npoll\n");
  run.step();
  run.shorten_hole();
  CHECK_THROWS_WITH_AS(run.step(), "the holes do not sum to the free bytes", Corruption);
}

TEST_CASE("a largest hole that differs from the oracle's is detected by 'stat' and 'expect'") {
  for (const std::string_view question : {"stat\n", "expect largest 1\n"}) {
    const std::string script =
        "heap 320K raw=first-fit align=8\nalloc a 64\n" + std::string(question);
    Run run(script);
    run.step();
    run.shorten_hole();
    CHECK_THROWS_WITH_AS(run.step(), "model mismatch: largest is 16, expected 327608", Corruption);
  }
}

TEST_CASE("a block whose resize waited is checked when it moves, not only afterwards") {
  // A move refills bytes 56 to 60 of the 61, which would hide a change of them.
  for (const std::uint64_t at : {16U, 56U}) {
    CAPTURE(at);
    Run run(
        "heap 320K raw=first-fit align=8\nalloc a 61\nalloc b 326000\nresize a 64K\nfree "
        "b\npoll\n");
    for (int i = 0; i < 3; ++i) run.step();
    run.write(8 + at, 0);
    run.step();  // frees b, which grants the resize
    CHECK_THROWS_WITH_AS(
        run.step(), doctest::Contains("of 'a' (allocated on line 2) was overwritten"), Corruption);
  }
}

TEST_CASE("a block is checked before it is resized or leaked, and after it is owned again") {
  struct Scene {
    std::string_view script;
    int steps;  // before the write
  };
  for (const auto& [script, steps] :
       {Scene{"heap 320K align=8\nalloc a 61\nresize a 200\n", 1},
        Scene{"heap 320K align=8\nalloc a 61\nalloc b 8\nresize a 200\n", 2},
        Scene{"heap 320K align=8\nalloc a 61\nresize a 57\n", 1},
        Scene{"heap 320K align=8\nalloc a 61\nleak a\n", 1},
        Scene{"heap 320K align=8\nalloc a 61\nleak a\nunleak a\n", 2}}) {
    CAPTURE(script);
    Run run(script);
    for (int i = 0; i < steps; ++i) run.step();
    run.write(8 + 56, 0);
    CHECK_THROWS_WITH_AS(run.step(), "byte 56 of 'a' (allocated on line 2) was overwritten",
                         Corruption);
  }
}

TEST_CASE("each owner of a shared block checks it, and each kind of owner does") {
  for (const std::string_view script :
       {"heap 320K align=8\narc a\nclone a b\ndrop a\n",
        "heap 320K align=8\nalloc b 8\narray a 4\nfree a\n",
        "heap 320K align=8\nalloc b 8\nalloc a 8\nfree a defer\n"}) {
    CAPTURE(script);
    Run run(script);
    run.step();
    run.step();
    const bool is_shared = script.contains("arc");
    run.write(is_shared ? 16 : 24, 0);
    CHECK_THROWS_WITH_AS(run.step(), doctest::Contains("was overwritten"), Corruption);
  }
}

TEST_CASE("at the end all bytes are checked, also those of a block whose resize still waits") {
  for (const std::string_view script :
       {"heap 320K align=8\nalloc a 64\nalloc b 64\npoll\n",
        "heap 320K align=8\nalloc a 64\nalloc b 326000\nresize a 64K\n",
        "heap 320K align=8\nalloc a 64\nalloc b 64\nleak a\n"}) {
    CAPTURE(script);
    Run run(script);
    for (int i = 0; i < 3; ++i) run.step();
    run.write(8 + 16, 0);
    CHECK_THROWS_WITH_AS(run.finish(), "byte 16 of 'a' (allocated on line 2) was overwritten",
                         Corruption);
  }
}

}  // namespace
