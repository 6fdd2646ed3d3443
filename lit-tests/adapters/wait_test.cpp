// purpose: shows how a plain thread waits: until the grant, the deadline, or the end of the heap.
// layer: tests; includes mneme, its adapter and the tests' support.
// threads: one waits, one frees.
// invariants: each heap is whole at the end of its test; a wait that is over leaves nothing behind.
// RUN: %runner %build/tests/wait_test
// UNSUPPORTED: rtsan
// RealtimeSanitizer refuses the system call that wakes a thread, which neither waits nor allocates.
#include <chrono>
#include <cstddef>
#include <mneme/adapters/wait.hpp>
#include <thread>

#include "support/names.hpp"

using namespace tests::names;
using namespace std::chrono_literals;

TEST_CASE("a thread waits until another one frees") {
  TestHeap heap(32_words);
  for (int round = 0; round < 200; ++round) {
    auto hog = granted(heap.allocate(bytes(30_words)));
    std::jthread freer([&] { hog.reset(); });
    auto request = heap.make<std::size_t>(7U);
    auto box = mneme::wait(request);
    REQUIRE(box.has_value());
    CHECK(**box == 7);
  }
}

TEST_CASE("at the deadline the request leaves the queue, and the next one is considered") {
  TestHeap heap(32_words);
  auto hog = granted(heap.allocate(bytes(20_words)));
  auto large = heap.allocate(bytes(30_words));
  auto small = heap.allocate(bytes(2_words));
  CHECK(mneme::wait_for(large, 1ms).error() == AllocError::would_wait);
  CHECK(heap.stats().waiting == 0);
  CHECK(mneme::wait_for(small, 0s).has_value());
  CHECK(mneme::wait_until(large, std::chrono::steady_clock::now()).error() ==
        AllocError::cancelled);  // it is over
}

TEST_CASE("a deadline in the past still takes what is there") {
  TestHeap heap(32_words);
  auto request = heap.allocate(bytes(8));
  const auto past = std::chrono::steady_clock::now() - 1h;
  CHECK(mneme::wait_until(request, past).has_value());
}

TEST_CASE("close ends a wait, and what can never be is refused at once") {
  TestHeap heap(32_words);
  auto never = heap.allocate(bytes(64_words));
  CHECK(mneme::wait(never).error() == AllocError::too_large);
  const auto hog = granted(heap.allocate(bytes(30_words)));
  std::jthread closer([&] { heap.close(); });
  auto request = heap.allocate(bytes(30_words));
  CHECK(mneme::wait(request).error() == AllocError::closed);
}

TEST_CASE("deadlines that meet grants lose no memory") {
  TestHeap heap(32_words);
  auto work = [&](int seed) {
    for (int round = 0; round < 300; ++round) {
      auto request = heap.allocate(bytes(20_words));
      const auto block = mneme::wait_for(request, std::chrono::microseconds((round * seed) % 50));
      if (block) std::this_thread::yield();
    }
  };
  std::jthread first(work, 7);
  std::jthread second(work, 11);
}
