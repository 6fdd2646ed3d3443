// purpose: shows which deadlines pass when a tick timer is advanced, in which order, and once.
// layer: tests; includes mneme and the tests' support.
// threads: none; until_test has those.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/tick_timer_test
#include <cstddef>
#include <mneme/waiting/tick_timer.hpp>
#include <optional>
#include <vector>

#include "support/names.hpp"

using namespace tests::names;
using mneme::TickTimer;

namespace {

using Ticks = TickTimer<>::Ticks;

/// A heap without room, and tasks that wait for some until a deadline.
struct Waits {
  TestHeap heap{32_words};
  TickTimer<> timer;
  std::optional<mneme::Allocation<>> hog{granted(heap.allocate(bytes(30_words)))};
  std::vector<int> order;  // of those that timed out
  std::vector<Task> tasks;

  ~Waits() {
    tasks.clear();
    hog.reset();
  }

  static Task wait(Waits& own, Ticks when, int name) {
    const auto block = co_await own.heap.allocate(bytes(8)).until(own.timer.at(when));
    if (!block && block.error() == AllocError::timed_out) own.order.push_back(name);
  }
  void begin(Ticks when, int name) { tasks.push_back(wait(*this, when, name)); }
  void advance(Ticks now) {
    timer.advance(now);
    heap.poll();
  }
};

}  // namespace

TEST_CASE("deadlines pass earliest first, whatever the order of arrival") {
  Waits waits;
  waits.begin(30, 3);
  waits.begin(10, 1);
  waits.begin(20, 2);
  waits.begin(40, 4);
  waits.advance(9);
  CHECK(waits.order.empty());
  waits.advance(10);
  CHECK(waits.order == std::vector{1});
  waits.advance(35);
  CHECK(waits.order == std::vector{1, 2, 3});
  CHECK(waits.timer.now() == 35);
  CHECK(waits.heap.counters().waiting == 1);
}

TEST_CASE("equal deadlines pass in the order of arrival") {
  Waits waits;
  for (int name = 1; name <= 3; ++name) waits.begin(10, name);
  waits.begin(5, 0);
  waits.advance(10);
  CHECK(waits.order == std::vector{0, 1, 2, 3});
}

TEST_CASE("a deadline that is past ends the wait at once") {
  Waits waits;
  waits.timer.advance(100);
  waits.begin(100, 1);
  waits.begin(50, 2);
  CHECK(waits.order == std::vector{1, 2});
  CHECK(waits.heap.counters().waiting == 0);
}

TEST_CASE("the counter may wrap") {
  Waits waits;
  waits.timer.advance(0xFFFF'FFF0U);
  waits.begin(5, 2);
  waits.begin(0xFFFF'FFFAU, 1);
  waits.advance(0xFFFF'FFFFU);
  CHECK(waits.order == std::vector{1});
  waits.advance(4);
  CHECK(waits.order == std::vector{1});
  waits.advance(5);
  CHECK(waits.order == std::vector{1, 2});
}

TEST_CASE("a grant removes its deadline, at the beginning of the list, in it, and at its end") {
  Waits waits;
  waits.begin(10, 1);
  waits.begin(20, 2);
  waits.begin(30, 3);
  waits.tasks.erase(waits.tasks.begin() + 1);
  waits.tasks.erase(waits.tasks.begin() + 1);
  waits.hog.reset();
  waits.heap.poll();
  waits.advance(100);
  CHECK(waits.order.empty());
}
