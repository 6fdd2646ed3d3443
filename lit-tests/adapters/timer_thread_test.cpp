// purpose: shows that a timer thread ends waits at their deadlines, and only those.
// layer: tests; includes mneme, its adapter and the tests' support.
// threads: the timer's, and one that polls; in the last test one that frees, too.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/timer_thread_test
// UNSUPPORTED: rtsan
// RealtimeSanitizer refuses the mutex of a timer, which tasks lock, and no free does.
#include <chrono>
#include <cstddef>
#include <mneme/adapters/timer_thread.hpp>
#include <optional>
#include <string>
#include <thread>

#include "support/names.hpp"

using namespace tests::names;
using namespace std::chrono_literals;
using mneme::TimerThread;

namespace {

Task wait_for(Heap& heap, TimerThread& timer, std::chrono::microseconds time, std::string& order,
              char name) {
  const auto block = co_await heap.allocate(bytes(8)).until(timer.after(time));
  if (!block && block.error() == mneme::AllocError::timed_out) order += name;
  if (block) order += '+';
}

void poll_until(Heap& heap, const std::string& order, std::size_t count) {
  while (order.size() < count) {
    heap.poll();
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("deadlines pass in their order, and no earlier than they should") {
  TestHeap heap(32_words);
  TimerThread timer;
  std::string order;
  auto hog = granted(heap.allocate(bytes(31_words)));
  const auto begin = TimerThread::Clock::now();
  const auto never = wait_for(heap, timer, 1h, order, 'd');
  const auto late = wait_for(heap, timer, 60ms, order, 'c');
  const auto early = wait_for(heap, timer, 20ms, order, 'b');
  const auto past = wait_for(heap, timer, -1h, order, 'a');
  CHECK(order == "a");
  poll_until(heap, order, 3);
  CHECK(order == "abc");
  CHECK(TimerThread::Clock::now() - begin >= 60ms);
  hog.reset();
  poll_until(heap, order, 4);
  CHECK(order == "abc+");
}

TEST_CASE("a coroutine may be destroyed before its deadline") {
  TestHeap heap(32_words);
  std::string order;
  const auto hog = granted(heap.allocate(bytes(31_words)));
  TimerThread timer;
  (void)wait_for(heap, timer, 1h, order, 'a');
  CHECK(order.empty());
}

TEST_CASE("deadlines that meet grants resume every coroutine once") {
  TestHeap heap(32_words);
  TimerThread timer;
  std::string order;
  for (std::size_t round = 0; round < 200; ++round) {
    auto hog = granted(heap.allocate(bytes(31_words)));
    const auto task = wait_for(heap, timer, std::chrono::microseconds(round), order, '-');
    std::jthread frees([&] { hog.reset(); });
    poll_until(heap, order, round + 1);
  }
  CHECK(order.size() == 200);
}
