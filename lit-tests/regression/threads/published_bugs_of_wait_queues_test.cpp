// RUN: %runner %build/tests/published_bugs_of_wait_queues_test
// RUN: %if valgrind %{ %helgrind %this %}
// purpose: shows that what was published of embassy, tokio and zephyr does not happen here.
// layer: tests; includes everything.
// threads: one case starts one.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <deque>
#include <thread>
#include <utility>

#include "support/effort.hpp"
#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout half{.size = 120, .align = 8};
constexpr Layout whole_heap{.size = 248, .align = 8};

struct World {
  alignas(64) std::byte region[256];
  Heap heap{region};
  void* held = heap.try_allocate(whole_heap);

  void release() { heap.free(std::exchange(held, nullptr), whole_heap); }
  ~World() {
    if (held != nullptr) release();
    CHECK(tests::whole(heap));
  }
};

TEST_CASE("embassy #6964: a cancelled head does not strand the rest") {
  World here;
  tests::Alarm woken;
  auto head = here.heap.allocate(whole_heap);
  auto second = here.heap.allocate(half);
  auto third = here.heap.allocate(half);
  REQUIRE_FALSE(head.poll().has_value());
  REQUIRE_FALSE(second.poll(woken.waker()).has_value());
  REQUIRE_FALSE(third.poll(woken.waker()).has_value());
  // Half of the region is free: not enough for the head, enough for the second.
  REQUIRE(here.heap.try_resize(here.held, whole_heap, half));
  CHECK(woken.rings() == 0);
  head.cancel();
  CHECK(woken.rings() == 1);
  here.heap.free(std::exchange(here.held, nullptr), half);
  CHECK(woken.rings() == 2);
}

TEST_CASE("tokio #5396, #5404: who asks again while all are woken is not woken in the same go") {
  World here;
  struct Again {
    Heap* heap;
    Request<>* next;
    int times = 0;
    static void wake(void* context) noexcept {
      auto* const self = static_cast<Again*>(context);
      ++self->times;
      (void)self->next->poll();  // a new request, in the midst of the close
    }
  };
  auto first = here.heap.allocate(whole_heap);
  auto second = here.heap.allocate(whole_heap);
  auto next = here.heap.allocate(whole_heap);
  Again again{&here.heap, &next};
  REQUIRE_FALSE(first.poll({.wake = &Again::wake, .context = &again}).has_value());
  REQUIRE_FALSE(second.poll().has_value());
  here.heap.close();
  CHECK(again.times == 1);
  CHECK(first.poll()->error() == AllocError::closed);
  CHECK(second.poll()->error() == AllocError::closed);
  CHECK(next.state() == RequestState::taken);  // it was told at once
  CHECK(here.heap.stats().waiting == 0);
}

TEST_CASE("dropping a woken, but unpolled request neither deadlocks nor keeps its memory") {
  World here;
  tests::Alarm woken;
  auto behind = here.heap.allocate(whole_heap);
  {
    auto request = here.heap.allocate(whole_heap);
    REQUIRE_FALSE(request.poll(woken.waker()).has_value());
    REQUIRE_FALSE(behind.poll(woken.waker()).has_value());
    here.release();
    CHECK(woken.rings() == 1);
  }
  CHECK(woken.rings() == 2);
  CHECK(behind.poll()->has_value());
}

TEST_CASE("zephyr #106659: a free resumes no task, nor runs one on its own stack") {
  World here;
  bool has_run = false;
  const auto take = [](Heap& heap, bool& ran) -> tests::Task {
    const auto block = co_await heap.allocate(whole_heap);
    ran = true;
  };
  const tests::Task task = take(here.heap, has_run);
  here.release();
  CHECK_FALSE(has_run);
  {
    const auto guard = here.heap.try_lock();
  }
  CHECK_FALSE(has_run);
  CHECK(here.heap.poll() == 1);
  CHECK(has_run);
}

TEST_CASE("zephyr #111656: a timeout that races with waking all leaves nobody behind") {
  for (int round = 0; round < tests::rounds(300); ++round) {
    alignas(64) std::byte region[256];
    Heap heap(region);
    void* const held = heap.try_allocate(whole_heap);
    tests::Alarm woken;
    auto first = heap.allocate(half);
    auto second = heap.allocate(half);
    REQUIRE_FALSE(first.poll(woken.waker()).has_value());
    REQUIRE_FALSE(second.poll(woken.waker()).has_value());
    {
      const std::jthread waking(
          [&] { round % 2 == 0 ? heap.close() : heap.free(held, whole_heap); });
      first.cancel();  // the timeout
    }
    if (round % 2 == 0) heap.free(held, whole_heap);
    CHECK(woken.rings() >= 1);
    CHECK(woken.rings() <= 2);
    CHECK(second.poll().has_value());
    CHECK(tests::whole(heap));
  }
}

TEST_CASE("the first waiter, woken, waits again: it is woken again") {
  World here;
  tests::Alarm woken;
  for (int round = 1; round <= 3; ++round) {
    auto request = here.heap.allocate(whole_heap);
    REQUIRE_FALSE(request.poll(woken.waker()).has_value());
    here.release();
    CHECK(woken.rings() == round);
    here.held = (*request.poll())->leak();  // and holds it now
  }
}

TEST_CASE("a small request behind a long wait is not overtaken, and not forgotten") {
  World here;
  tests::Alarm woken;
  auto large = here.heap.allocate(whole_heap);
  REQUIRE_FALSE(large.poll().has_value());
  std::deque<Request<>> small;
  for (int i = 0; i < 8; ++i) {
    small.emplace_back(here.heap, Layout{.size = 8, .align = 8});
    REQUIRE_FALSE(small.back().poll(woken.waker()).has_value());
  }
  here.release();
  CHECK(large.state() == RequestState::granted);
  CHECK(woken.rings() == 0);
  CHECK(large.poll()->has_value());  // and given back at once
  CHECK(woken.rings() == 8);
}

TEST_CASE("a waker that calls the heap, in any way, causes no deadlock") {
  World here;
  struct CallsBack {
    World* world;
    Request<>* other;
    int times = 0;
    static void wake(void* context) noexcept {
      const test::MayWait may_wait;
      auto* const self = static_cast<CallsBack*>(context);
      Heap& heap = self->world->heap;
      ++self->times;
      CHECK(heap.try_allocate(half) == nullptr);  // the heap is held by who wakes us
      CHECK_FALSE(heap.try_lock());
      CHECK(heap.poll() == 0);
      (void)heap.stats();
      CHECK(heap.validate() == nullptr);
      auto brief = heap.allocate(half);
      CHECK_FALSE(brief.poll().has_value());
      (void)self->other->poll();
    }
  };
  auto request = here.heap.allocate(half);
  auto other = here.heap.allocate(half);
  CallsBack back{&here, &other};
  REQUIRE_FALSE(request.poll({.wake = &CallsBack::wake, .context = &back}).has_value());
  here.release();
  CHECK(back.times == 1);
  CHECK(request.state() == RequestState::granted);
  CHECK(other.state() == RequestState::granted);
  CHECK_FALSE(here.heap.is_locked());
}

}  // namespace
