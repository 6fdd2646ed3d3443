// purpose: shows that a program can run single steps and read the events of each as values.
// layer: tests; includes the driver.
// threads: one.
// invariants: none.
// RUN: %runner %build/tests/event_test
#include "driver/execute/event.hpp"

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/execute/executor.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/parser.hpp"

using namespace mneme::driver;

namespace {

/// A script that is executed step by step.
class Steps {
 public:
  explicit Steps(std::string_view script, Kept kept = Kept::all)
      : source_(script, "test.mn"), parser_(source_) {
    executor_.keep_events(kept);
  }

  /// The events of the next step.
  std::span<const Event> next() {
    REQUIRE(parser_.next(op_));
    return executor_.step(op_);
  }
  std::span<const Event> skip(int count) {
    std::span<const Event> events;
    for (; count > 0; --count) events = next();
    return events;
  }
  Executor& executor() { return executor_; }

 private:
  Source source_;
  Parser parser_;
  Executor executor_;
  Op op_;
};

std::vector<EventKind> kinds_of(std::span<const Event> events) {
  std::vector<EventKind> kinds;
  for (const Event& event : events) kinds.push_back(event.kind);
  return kinds;
}

using Kinds = std::vector<EventKind>;

TEST_CASE("of a run that nobody reads, only failed expectations are kept") {
  constexpr std::string_view script =
      "heap 1K align=8\nalloc a 600\nalloc b 600\nexpect b freed\nfree a\nexpect used 0 live 1\n";
  Steps all(script);
  Steps few(script, Kept::failed_expectations);
  for (int step = 1; step <= 6; ++step) {
    const auto seen = few.next();
    const auto expected = all.next();
    if (step != 4 && step != 6) {
      CHECK(seen.empty());
      CHECK(expected.size() > 1);
      continue;
    }
    REQUIRE(kinds_of(seen) == Kinds{EventKind::expectation_failed});
    CHECK(seen[0].step->line == expected.back().step->line);
    CHECK(seen[0].column == expected.back().column);
    CHECK(seen[0].size == expected.back().size);
  }
  CHECK(few.executor().tally().expectations_failed == 2);
}

TEST_CASE("each step gives its result, with names, offsets, sizes and its line") {
  Steps steps("heap 1K align=8\nalloc a 600\nalloc b 500\nalloc c 4K\nfree a\n");
  const auto heap = steps.next();
  REQUIRE(kinds_of(heap) == Kinds{EventKind::step, EventKind::heap_made});
  CHECK(heap[1].size == 1024);
  const auto a = steps.next();
  REQUIRE(kinds_of(a) == Kinds{EventKind::step, EventKind::granted_at_once});
  CHECK((a[1].name == "a" && a[1].offset == 8 && a[1].step->line == 2));
  const auto b = steps.next();
  REQUIRE(kinds_of(b) == Kinds{EventKind::step, EventKind::waiting});
  CHECK((b[1].name == "b" && b[1].size == 500 && b[1].step->line == 3));
  const auto c = steps.next();
  REQUIRE(kinds_of(c) == Kinds{EventKind::step, EventKind::refused});
  CHECK(c[1].error == mneme::AllocError::too_large);
  const auto free = steps.next();
  REQUIRE(kinds_of(free) == Kinds{EventKind::step, EventKind::freed, EventKind::granted});
  CHECK((free[1].name == "a" && free[1].offset == 8));
  CHECK((free[2].name == "b" && free[2].offset == 8 && free[2].step->line == 5));
}

TEST_CASE("a poll reports the tasks that it resumes, then the events of their held steps") {
  Steps steps("heap 1K align=8\nalloc a 600\nalloc b 500\nresize b 400\nfree b\nfree a\npoll\n");
  CHECK(kinds_of(steps.skip(5)) == Kinds{EventKind::step, EventKind::held_until_grant});
  (void)steps.next();
  const auto poll = steps.next();
  REQUIRE(kinds_of(poll) == Kinds{EventKind::step, EventKind::polled, EventKind::resumed,
                                  EventKind::runs, EventKind::held_step, EventKind::resized,
                                  EventKind::held_step, EventKind::freed});
  CHECK((poll[1].size == 1 && poll[2].name == "b"));
  CHECK((poll[5].size == 400 && poll[5].step->line == 4));
  CHECK((poll[6].step->line == 5 && poll[6].step->name == "b"));
}

TEST_CASE("a step that fails keeps the events of the lines that were complete") {
  Steps steps("heap 1K align=8\nalloc a 1000\nalloc b 500\npush b\nfree a\npoll\n");
  (void)steps.skip(5);
  CHECK_THROWS_AS(steps.next(), ScriptError);
  CHECK(kinds_of(steps.executor().events()) ==
        Kinds{EventKind::step, EventKind::polled, EventKind::resumed, EventKind::runs});
}

TEST_CASE("a failed expectation is an event with the actual value, and not an exception") {
  Steps steps(
      "heap 1K align=8\nalloc a 600\nexpect used 608 live 2\nexpect a at 16\nexpect a freed\n");
  const auto figures = steps.skip(3);
  REQUIRE(kinds_of(figures) == Kinds{EventKind::step, EventKind::expectation_failed});
  CHECK((figures[1].offset == 1 && figures[1].size == 1 && figures[1].column == 22));
  const auto place = steps.next();
  REQUIRE(place.size() == 2);
  CHECK((place[1].state == State::granted && place[1].offset == 8));
  CHECK(steps.next()[1].state == State::granted);
  CHECK(steps.executor().tally().expectations_failed == 3);
}

TEST_CASE("at the end tasks run as long as they can, and a poll of no task is no event") {
  Steps steps("heap 1K align=8\nalloc a 600\nalloc b 500\nfree a\n");
  (void)steps.skip(4);
  const auto end = steps.executor().run_to_end();
  REQUIRE(kinds_of(end) ==
          Kinds{EventKind::end, EventKind::polled, EventKind::resumed, EventKind::runs});
  CHECK(end[1].step == nullptr);
  CHECK(steps.executor().run_to_end().empty());
  steps.executor().take_everything_back();
}

}  // namespace
