// purpose: shows that resume_on hands each coroutine to its own loop, and that no loop loses one.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last test: two event loops on one heap.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/resume_on_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <mneme/waiting/resume_on.hpp>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/coroutines.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::Executor;
using mneme::ReadyQueue;

namespace {

struct NotAScheduler {};
struct MayThrow {
  void post(std::coroutine_handle<> task);
};
static_assert(!mneme::TaskScheduler<NotAScheduler>);
static_assert(!mneme::TaskScheduler<MayThrow>);

/// Waits on a queue, writes down that it was there, and frees.
Task wait_on(Heap& heap, ReadyQueue& queue, std::size_t size, std::vector<int>& order, int name) {
  const auto block = co_await heap.allocate(bytes(size)).resume_on(queue);
  order.push_back(block ? name : -name);
}

}  // namespace

TEST_CASE("two loops on one heap each resume their own coroutines, oldest first") {
  TestHeap heap(32_words);
  Alarm alarms[2];
  ReadyQueue first(alarms[0].waker());
  ReadyQueue second(alarms[1].waker());
  std::vector<int> order;
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto a = wait_on(heap, first, 4_words, order, 1);
  const auto b = wait_on(heap, second, 4_words, order, 2);
  const auto c = wait_on(heap, first, 4_words, order, 3);
  hog.reset();
  CHECK(order.empty());
  CHECK(alarms[0].rings() == 1);  // once for both
  CHECK(alarms[1].rings() == 1);
  CHECK(heap.poll() == 0);
  CHECK(second.run() == 1);
  CHECK(first.run() == 2);
  CHECK(first.run() == 0);
  CHECK(order == std::vector{2, 1, 3});
}

TEST_CASE("a request that is granted or refused at once stays where it is") {
  TestHeap heap(32_words);
  ReadyQueue queue;
  std::vector<int> order;
  const auto fits = wait_on(heap, queue, 8, order, 1);
  const auto never = wait_on(heap, queue, 1000_words, order, 2);
  CHECK(order == std::vector{1, -2});
  CHECK(queue.run() == 0);
}

TEST_CASE("owners come by resume_on too, and an executor is a function and its argument") {
  TestHeap heap(32_words);
  std::vector<std::coroutine_handle<>> posted;
  posted.reserve(1);
  const Executor executor{.execute =
                              [](void* list, std::coroutine_handle<> task) noexcept {
                                static_cast<decltype(posted)*>(list)->push_back(task);
                              },
                          .context = &posted};
  int value = 0;
  const auto make = [](Heap& from, Executor on, int& out) -> Task {
    const auto box = co_await from.make<int>(7).resume_on(on);
    out = **box;
  };
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto task = make(heap, executor, value);
  hog.reset();
  REQUIRE(posted.size() == 1);
  CHECK(value == 0);
  posted[0].resume();
  CHECK(value == 7);
}

TEST_CASE("close and cancel post the coroutine as well") {
  TestHeap heap(32_words);
  ReadyQueue queue;
  const auto hog = granted(heap.allocate(bytes(30_words)));
  AllocError errors[2]{};
  using Wanted = decltype(heap.allocate({}).resume_on(queue));
  const auto wait_for = [](Wanted& wanted, AllocError& error) -> Task {
    error = (co_await wanted).error();
  };
  auto first = heap.allocate(bytes(8)).resume_on(queue);
  auto second = heap.allocate(bytes(8)).resume_on(queue);
  const auto cancelled = wait_for(first, errors[0]);
  const auto closed = wait_for(second, errors[1]);
  CHECK(first.state() == mneme::RequestState::waiting);
  first.cancel();
  CHECK(queue.run() == 1);
  heap.close();
  CHECK(queue.run() == 1);
  CHECK(errors[0] == AllocError::cancelled);
  CHECK(errors[1] == AllocError::closed);
  auto late = heap.allocate(bytes(8)).resume_on(queue);
  const auto refused = wait_for(late, errors[0]);
  CHECK(errors[0] == AllocError::closed);
  CHECK(queue.run() == 0);
}

TEST_CASE("its loop may destroy a coroutine in any state") {
  TestHeap heap(32_words);
  ReadyQueue queue;
  std::vector<int> order;
  auto hog = granted(heap.allocate(bytes(30_words)));
  std::array<std::optional<Task>, 5> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks[static_cast<std::size_t>(i)].emplace(wait_on(heap, queue, 4_words, order, i));
  }
  tasks[0].reset();  // while it waits
  hog.reset();
  tasks[2].reset();  // while it is in the middle of the queue, at its beginning, and at its end
  tasks[1].reset();
  tasks[4].reset();
  CHECK(queue.run() == 1);
  CHECK(order == std::vector{3});
}

TEST_CASE("a coroutine that throws leaves those behind it to the next run, before newer ones") {
  TestHeap heap(32_words);
  Alarm alarm;
  ReadyQueue queue(alarm.waker());
  std::vector<int> order;
  const auto fail = [](Heap& from, ReadyQueue& on) -> tests::ThrowingTask {
    const auto block = co_await from.allocate(bytes(2_words)).resume_on(on);
    throw std::runtime_error("as it likes");
  };
  auto hog = granted(heap.allocate(bytes(14_words)));
  auto other = granted(heap.allocate(bytes(15_words)));
  auto throwing = fail(heap, queue);
  const auto behind = wait_on(heap, queue, 2_words, order, 1);
  const auto newer = wait_on(heap, queue, 15_words, order, 2);
  hog.reset();
  CHECK_THROWS_AS(queue.run(), std::runtime_error);
  throwing.destroy();
  other.reset();
  CHECK(alarm.rings() == 2);
  CHECK(queue.run() == 2);
  CHECK(order == std::vector{1, 2});
}

TEST_CASE("a waker that runs the queue runs no task inside the free") {
  TestHeap heap(32_words);
  struct Hasty {
    ReadyQueue queue{{.wake = [](void* own) noexcept { static_cast<Hasty*>(own)->queue.run(); },
                      .context = this}};
  } hasty;
  std::vector<int> order;
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto task = wait_on(heap, hasty.queue, 8, order, 1);
  hog.reset();
  CHECK(order.empty());
  CHECK(hasty.queue.run() == 1);
}

TEST_CASE("what is posted during a run is left to the next") {
  TestHeap heap(32_words);
  Alarm alarm;
  ReadyQueue queue(alarm.waker());
  std::vector<int> order;
  auto hog = granted(heap.allocate(bytes(30_words)));
  const auto first = wait_on(heap, queue, 30_words, order, 1);
  const auto second = wait_on(heap, queue, 30_words, order, 2);
  hog.reset();
  CHECK(queue.run() == 1);
  CHECK(alarm.rings() == 2);
  CHECK(queue.run() == 1);
}

namespace {

/// An event loop that sleeps until its queue wakes it.
struct Loop {
  std::atomic<int> wakes{0};
  ReadyQueue queue{{.wake =
                        [](void* own) noexcept {
                          auto& count = static_cast<Loop*>(own)->wakes;
                          count.fetch_add(1, std::memory_order_release);
                          count.notify_one();
                        },
                    .context = this}};
  int done = 0;
  bool is_astray = false;

  static Task serve(Heap& heap, Loop& own, std::thread::id home, int rounds) {
    for (int round = 0; round < rounds; ++round) {
      const auto block = co_await heap.allocate(bytes(10_words)).resume_on(own.queue);
      if (!block || std::this_thread::get_id() != home) own.is_astray = true;
    }
    ++own.done;
  }

  void run(Heap& heap, int tasks, int rounds) {
    std::vector<Task> all;
    all.reserve(static_cast<std::size_t>(tasks));
    for (int i = 0; i < tasks; ++i) {
      all.push_back(serve(heap, *this, std::this_thread::get_id(), rounds));
    }
    int heard = 0;
    while (std::as_const(done) < tasks) {
      wakes.wait(heard, std::memory_order_acquire);
      heard = wakes.load(std::memory_order_acquire);
      queue.run();
    }
  }
};

}  // namespace

TEST_CASE("two loops on two threads share a heap that is too small for both") {
  TestHeap heap(32_words);
  Loop loops[2];
  void* const hog = heap.try_allocate(bytes(30_words));  // so that each one has to sleep at first
  {
    std::jthread first([&] { loops[0].run(heap, 5, 200); });
    std::jthread second([&] { loops[1].run(heap, 5, 200); });
    while (heap.counters().waiting < 10) std::this_thread::yield();
    heap.free(hog, bytes(30_words));
  }
  for (const Loop& loop : loops) {
    CHECK(loop.done == 5);
    CHECK(!loop.is_astray);
  }
}
