// purpose: shows that a try says why it fails, and takes no lock that is held for lack of room.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last tests: some that try, and one that locks.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/try_allocate_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mneme/waiting/try_allocate.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/names.hpp"

using namespace tests::names;

TEST_CASE("it says why it fails") {
  TestHeap heap(32_words);
  CHECK(heap.try_allocate(bytes(64_words), 1).error() == AllocError::too_large);
  CHECK(heap.try_allocate({.size = 8, .align = 3}, 1).error() == AllocError::bad_alignment);
  {
    const auto guard = heap.try_lock();
    CHECK(heap.try_allocate(bytes(8), 1).error() == AllocError::locked);
    CHECK(heap.try_allocate(bytes(8), 100).error() == AllocError::locked);
  }
  auto hog = heap.try_allocate(bytes(20_words), 1);
  REQUIRE(hog.has_value());
  CHECK(hog->layout() == bytes(20_words));
  CHECK(heap.try_allocate(bytes(20_words), 1).error() == AllocError::no_room);
  auto waits = heap.allocate(bytes(20_words));
  CHECK(!waits.poll());
  CHECK(heap.try_allocate(bytes(8), 1).error() == AllocError::waiters_first);
  heap.close();
  CHECK(heap.try_allocate(bytes(8), 1).error() == AllocError::closed);
  (void)waits.poll();
}

TEST_CASE("no attempts find the heap locked") {
  TestHeap heap(32_words);
  CHECK(heap.try_allocate(bytes(8), 0).error() == AllocError::locked);
}

TEST_CASE("what was deferred is reclaimed first, and goes to those who wait first") {
  TestHeap heap(32_words);
  void* const block = heap.try_allocate(bytes(30_words));
  heap.defer_free(block, bytes(30_words));
  CHECK(heap.try_allocate(bytes(30_words), 1).has_value());
  void* const again = heap.try_allocate(bytes(30_words));
  auto waits = heap.allocate(bytes(30_words));
  CHECK(!waits.poll());
  heap.defer_free(again, bytes(30_words));
  CHECK(heap.try_allocate(bytes(8), 1).error() == AllocError::waiters_first);
  CHECK(waits.state() == mneme::RequestState::granted);
}

TEST_CASE("each request can be tried instead, and says why it fails") {
  TestHeap heap(32_words);
  const auto box = heap.make<int>(7).try_now(1);
  CHECK(**box == 7);
  CHECK(heap.make_array<char>(5).try_now(1)->size() == 5);
  CHECK(heap.make_fixed_vec<char>(5).try_now(1)->capacity() == 5);
  CHECK(**heap.make_arc<int>(8).try_now(1) == 8);
  CHECK(heap.allocate(bytes(8)).try_now(1)->layout() == bytes(8));
  CHECK(heap.make_array<int>(SIZE_MAX).try_now(1).error() == AllocError::too_large);
  {
    const auto guard = heap.try_lock();
    CHECK(heap.make<int>(7).try_now(3).error() == AllocError::locked);
  }
  auto hog = granted(heap.allocate(bytes(25_words)));
  CHECK(heap.make_array<char>(9_words).try_now(1).error() == AllocError::no_room);
  auto waits = heap.allocate(bytes(25_words));
  CHECK(!waits.poll());
  CHECK(heap.make<int>(7).try_now(1).error() == AllocError::waiters_first);
}

TEST_CASE(
    "a request that was tried in vain still has its arguments, and one that was not is over") {
  TestHeap heap(32_words);
  auto request = heap.make<std::unique_ptr<int>>(std::make_unique<int>(7));
  auto guard = heap.try_lock();
  CHECK(request.try_now(1).error() == AllocError::locked);
  CHECK(request.state() == RequestState::idle);
  guard.unlock();
  const auto box = request.try_now(1);
  CHECK(***box == 7);
  CHECK(failed(request) == AllocError::cancelled);
  auto waits = heap.make<Probe>(3);
  guard = heap.try_lock();
  CHECK(!waits.try_now(1));
  CHECK(!waits.poll());
  guard.unlock();
  CHECK(granted(waits)->value == 3);
  Probe::throw_after = 0;
  CHECK_THROWS(heap.make<Probe>(4).try_now(1).value().reset());
  Probe::throw_after = -1;
  CHECK(heap.counters().live == 1);
}

#if MNEME_CHECKED > 0
TEST_CASE("to try a request that has begun is fatal") {
  CHECK(mneme::test::fatal_line_of([] {
          TestHeap heap(32_words);
          auto guard = heap.try_lock();
          auto waits = heap.make<int>(7);
          (void)waits.poll();
          if (waits.try_now(1)) return;
        }) == "mneme: fatal: try_now of a request that has begun");
}
#endif

TEST_CASE("try_make has memory at once, or says why not") {
  TestHeap heap(32_words);
  {
    const auto hog = granted(heap.allocate(bytes(20_words)));
    const auto box = heap.try_make<Probe>(3);
    REQUIRE(box.has_value());
    CHECK((*box)->value == 3);
    using Much = std::array<char, 20_words>;
    CHECK(heap.try_make<Much>().error() == AllocError::no_room);
    using TooMuch = std::array<char, 40_words>;
    CHECK(heap.try_make<TooMuch>().error() == AllocError::too_large);
    const auto guard = heap.try_lock();
    CHECK(heap.try_make<int>(1).error() == AllocError::locked);
  }
  CHECK(heap.try_make_array<int>(SIZE_MAX / 2).error() == AllocError::too_large);
  CHECK(heap.try_make_array<int>(3)->size() == 3);
  Probe::throw_after = 0;
  CHECK_THROWS(heap.try_make<Probe>(1).value().reset());
  CHECK(heap.stats().live == 0);
  auto number = std::make_unique<int>(2);
  {
    const auto guard = heap.try_lock();
    CHECK(!heap.try_make<std::unique_ptr<int>>(std::move(number)));
  }
  const auto own = heap.try_make<std::unique_ptr<int>>(std::move(number));  // which is still there
  CHECK(**own.value() == 2);
  heap.close();
  CHECK(heap.try_make<int>(1).error() == AllocError::closed);
}

TEST_CASE("threads that try a nearly empty heap never find it full") {
  TestHeap heap(4096);
  std::atomic<int> found{0};
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < tests::rounds(2000); ++round) {
          const auto block = heap.try_allocate(bytes(64), 10000);
          (block ? found : wrong) += block || block.error() != AllocError::locked ? 1 : 0;
        }
      });
    }
  }
  CHECK(wrong == 0);
  CHECK(found > 0);
}

TEST_CASE("it tries the lock until that is free, within its bound") {
  TestHeap heap(32_words);
  auto guard = heap.try_lock();
  std::jthread unlocks([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    guard.unlock();
  });
  CHECK(heap.try_allocate(bytes(8), static_cast<unsigned>(-1)).has_value());
}
