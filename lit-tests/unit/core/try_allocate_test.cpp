// purpose: shows that a try says why it fails, and takes no lock that is held for lack of room.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last tests: some that try, and one that locks.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/try_allocate_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mneme/waiting/try_allocate.hpp>
#include <thread>
#include <vector>

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

TEST_CASE("threads that try a nearly empty heap never find it full") {
  TestHeap heap(4096);
  std::atomic<int> found{0};
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 2000; ++round) {
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
