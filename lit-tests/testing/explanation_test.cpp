// purpose: shows the sentences of an explanation, and schedules as text.
// layer: tests; includes testing.
// threads: one.
// invariants: none.
// RUN: %build/tests/explanation_test
// UNSUPPORTED: quarantine
// REQUIRES: full || release
#include <mneme/testing/explanation.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>

#include <mneme/testing/answer.hpp>
#include <mneme/testing/explained.hpp>
#include <mneme/testing/world.hpp>

namespace {

namespace t = mneme::testing;

TEST_CASE("numbers are grouped, and sums of bytes are in words") {
  CHECK(t::grouped(7) == "7");
  CHECK(t::grouped(44800) == "44,800");
  CHECK(t::grouped(2.1e20) == "2.1e+20");
  CHECK(t::bytes_text(1) == "1 byte");
}

TEST_CASE("a waiter lacks bytes, or one piece, or its turn") {
  const std::array<std::size_t, 2> holes{48, 432};
  CHECK(t::free_text(holes, 1024) == "  480 of 1024 bytes are free, in holes of 48 and 432.\n");
  CHECK(t::waiter_text("a", 0, 500, holes).find("exhaustion") != std::string::npos);
  CHECK(t::waiter_text("a", 0, 464, holes).find("fragmentation") != std::string::npos);
  CHECK(t::waiter_text("a", 1, 80, holes) ==
        "  a needs 80 bytes in one piece (would fit, but is not first)\n");
}

TEST_CASE("the title counts schedules, and the steps are in columns") {
  t::Verdict verdict{.kind = t::VerdictKind::deadlock,
                     .schedule = {{0, 0}},
                     .no_return = 1,
                     .shares = t::Shares{.schedules = 4, .bad = 2, .chance = 0.25}};
  CHECK(t::title_text(verdict) ==
        "deadlock: in 2 of 4 schedules; one random run in 4 hits it; the shortest has 1 "
        "step:\n");
  const std::array<t::StepLine, 2> lines{{{"a", "alloc", "waits"}, {"bb", "free", ""}}};
  CHECK(t::steps_text(lines, 1) ==
        "  !   1  a   alloc  waits  after this step no order helps\n      2  bb  free\n");
}

struct Named : t::World {
  explicit Named(std::size_t bytes) : World(bytes) {
    task("imu", walk());
    tasks("worker", 2, [this] { return walk(); });
  }
  Task walk() {
    co_await t::yield();
    co_await t::yield();
  }
};

TEST_CASE("a schedule is text, and read back") {
  Named world{256};
  world.begin(t::Switches::anywhere, 0);
  const t::Path path{{0, 0}, {0, 0}, {2, 1}};
  CHECK(t::schedule_text(world, path) == "imu*2 worker2/2");
  CHECK(t::path_of(world, "imu*2  worker2/2") == path);
  CHECK_THROWS_AS((void)t::path_of(world, "camera"), std::invalid_argument);
}

TEST_CASE("lines of source are shown where they can be read") {
  t::SourceLines lines;
  const auto here = std::source_location::current();
  CHECK(lines.at(here).find("explanation_test.cpp:" + std::to_string(here.line())) == 0);
  CHECK(lines.at(std::source_location{}).empty());
  std::ostringstream text;
  t::Answer answer;
  answer.text = "said";
  text << answer;
  CHECK(text.str() == "said");
}

}  // namespace
