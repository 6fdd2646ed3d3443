// RUN: %runner %build/tests/cancel_during_wake_test
// purpose: shows that requests may be destroyed while others are being woken or resumed.
// layer: tests; includes everything.
// threads: none.
// invariants: the heap is as new at the end.
#include <doctest/doctest.h>

#include <vector>

#include "support/coroutines.hpp"
#include "support/may_wait.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr Layout third{.size = 72, .align = 8};   // a block of 80 bytes
constexpr Layout whole{.size = 232, .align = 8};  // three of them

TEST_CASE("a resumed task destroys one that is ready, and one that waits") {
  alignas(64) std::byte region[240];
  Heap heap(region);
  std::vector<tests::OpenTask> tasks;
  int finished = 0;
  const auto take = [](Heap& here, int& count) -> tests::OpenTask {
    const auto block = co_await here.allocate(third);
    ++count;
  };
  const auto destroy = [](Heap& here, std::vector<tests::OpenTask>& others) -> tests::OpenTask {
    const auto block = co_await here.allocate(third);
    others[1].destroy();  // granted in the same go, and not resumed yet
    others[3].destroy();  // waits
  };
  void* const held = heap.try_allocate(whole);
  {
    tasks.push_back(destroy(heap, tasks));
    for (int i = 0; i < 4; ++i) tasks.push_back(take(heap, finished));
    heap.free(held, whole);
    CHECK(heap.stats().live == 3);
    while (heap.poll() > 0) {
    }
    CHECK(finished == 2);  // tasks 2 and 4
    tasks.clear();
  }
  CHECK(heap.stats().cancels == 2);
  CHECK(tests::whole(heap));
}

TEST_CASE("a waker cancels a request that waits behind, and one granted before") {
  alignas(64) std::byte region[240];
  Heap heap(region);
  struct Canceller {
    Request<>* others[2];
    static void wake(void* context) noexcept {
      const test::MayWait may_wait;
      for (Request<>* const other : static_cast<Canceller*>(context)->others) other->cancel();
    }
  };
  void* const held = heap.try_allocate(whole);
  {
    auto first = heap.allocate(third);
    auto second = heap.allocate(third);
    auto behind = heap.allocate(third);
    auto last = heap.allocate(third);
    Canceller canceller{{&first, &behind}};
    tests::Alarm last_woken;
    REQUIRE_FALSE(first.poll().has_value());
    REQUIRE_FALSE(second.poll({.wake = &Canceller::wake, .context = &canceller}).has_value());
    REQUIRE_FALSE(behind.poll().has_value());
    REQUIRE_FALSE(last.poll(last_woken.waker()).has_value());
    heap.free(held, whole);
    CHECK(first.state() == RequestState::cancelled);
    CHECK(second.state() == RequestState::granted);
    CHECK(behind.state() == RequestState::cancelled);
    CHECK(last_woken.rings() == 1);
    CHECK(heap.validate() == nullptr);
  }
  CHECK(tests::whole(heap));
}

TEST_CASE("a waker of a close cancels the others") {
  alignas(64) std::byte region[240];
  Heap heap(region);
  struct Canceller {
    Request<>* other;
    static void wake(void* context) noexcept { static_cast<Canceller*>(context)->other->cancel(); }
  };
  void* const held = heap.try_allocate(whole);
  {
    auto first = heap.allocate(third);
    auto second = heap.allocate(third);
    auto third_one = heap.allocate(third);
    Canceller canceller{&second};
    REQUIRE_FALSE(first.poll({.wake = &Canceller::wake, .context = &canceller}).has_value());
    REQUIRE_FALSE(second.poll().has_value());
    REQUIRE_FALSE(third_one.poll().has_value());
    heap.close();
    CHECK(first.poll()->error() == AllocError::closed);
    CHECK(second.poll()->error() == AllocError::cancelled);
    CHECK(third_one.poll()->error() == AllocError::closed);
  }
  heap.free(held, whole);
  CHECK(tests::whole(heap));
}

}  // namespace
