// purpose: shows that the oldest waiter of the highest level is first, and can be raised.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/priorities_test
#include <coroutine>
#include <cstddef>
#include <mneme/waiting/lock_request.hpp>
#include <mneme/waiting/priorities.hpp>

#include "support/names.hpp"
#include "support/queue_model.hpp"

using namespace tests::names;

namespace {

using LevelHeap = mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::Priorities<3>>;
static_assert(mneme::QueuePolicy<mneme::Priorities<3>>);

struct LevelRules : tests::LevelOrder {
  static constexpr std::size_t levels = 3;

  static auto request(LevelHeap& heap, mneme::Layout layout, std::size_t level) {
    return heap.allocate(layout).priority(level);
  }
  static void raise(Request<LevelHeap>& request, std::size_t level) { request.raise(level); }
};

struct Full {
  tests::BasicTestHeap<LevelHeap> heap{16_words};
  mneme::Allocation<LevelHeap> first = granted(heap.allocate(bytes(15_words)));
};

}  // namespace

TEST_CASE("requests of three levels, some raised and some cancelled, as a naive model has it") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    tests::QueueModel<LevelHeap, LevelRules> model(seed);
    model.run(300);
    CHECK(model.grants_from_queue() > 20);
    CHECK(model.most_passed() == 0);
  }
}

TEST_CASE("the highest level first, and within one the oldest; a lower one waits even if it fits") {
  Full full;
  auto& heap = full.heap;
  auto low = heap.allocate(bytes(3_words));
  auto high = heap.allocate(bytes(9_words)).priority(2);
  auto later = heap.allocate(bytes(3_words)).priority(2);
  auto middle = heap.allocate(bytes(3_words)).priority(1);
  for (auto* each : {&low, &high, &later, &middle}) CHECK(!each->poll());
  {
    auto guard = heap.try_lock();
    full.first.reset();
  }
  CHECK(granted(high).data() != nullptr);
  CHECK(granted(later).data() != nullptr);
  CHECK(granted(middle).data() != nullptr);
  CHECK(granted(low).data() != nullptr);
}

TEST_CASE("a newcomer of a higher level is granted at once if it fits") {
  tests::BasicTestHeap<LevelHeap> heap(16_words);
  auto block = granted(heap.allocate(bytes(9_words)));
  auto low = heap.allocate(bytes(11_words));
  CHECK(!low.poll());
  CHECK(!heap.allocate(bytes(1_words)).poll());
  CHECK(granted(heap.allocate(bytes(1_words)).priority(1)).data() != nullptr);
  CHECK(heap.try_allocate(bytes(1_words)) == nullptr);
}

TEST_CASE("a raised waiter goes behind those of its new level, and is granted if it fits now") {
  tests::BasicTestHeap<LevelHeap> heap(16_words);
  auto block = granted(heap.allocate(bytes(9_words)));
  Alarm alarm;
  auto head = heap.allocate(bytes(11_words)).priority(1);
  auto small = heap.allocate(bytes(2_words));
  CHECK(!head.poll());
  CHECK(!small.poll(alarm.waker()));
  small.raise(0);
  small.raise(1);
  CHECK(alarm.rings() == 0);
  small.raise(2);
  CHECK(alarm.rings() == 1);
  small.raise(2);  // it does not wait any more
  CHECK(granted(small).data() != nullptr);
  small.raise(2);
  CHECK(granted(heap.allocate(bytes(1_words)).priority(2)).data() != nullptr);
}

TEST_CASE("raise before a request begins, and of each kind of request") {
  Full full;
  auto& heap = full.heap;
  auto low = heap.allocate(bytes(13_words)).priority(1);
  auto box = heap.make<int>(7).priority(1);
  auto lock = heap.lock().priority(2);
  box.raise(2);
  CHECK(!low.poll());
  CHECK(!box.poll());
  CHECK(!lock.poll());
  full.first.reset();
  CHECK(*granted(box) == 7);
  granted(lock).unlock();
  CHECK(granted(low).data() != nullptr);
}

TEST_CASE("cancelled in any level, by hand or with its coroutine") {
  Full full;
  auto& heap = full.heap;
  int error = 0;
  const auto wait = [&]() -> Task {
    auto got = co_await heap.allocate(bytes(9_words)).priority(2);
    error += got ? 0 : 1;
  };
  {
    auto low = heap.allocate(bytes(1_words));
    CHECK(!low.poll());
    Task task = wait();
    CHECK(heap.counters().waiting == 2);
  }
  CHECK(heap.counters().waiting == 0);
  Task task = wait();
  auto low = heap.allocate(bytes(1_words));
  CHECK(!low.poll());
  heap.close();
  heap.poll();
  CHECK(error == 1);
  CHECK(failed(low) == AllocError::closed);
}

TEST_CASE("a coroutine resumed by another than poll leaves its level") {
  Full full;
  auto& heap = full.heap;
  std::coroutine_handle<> handle;
  struct Spy {
    std::coroutine_handle<>& to;
    Request<LevelHeap>& request;
    [[nodiscard]] bool await_ready() const noexcept { return request.await_ready(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) const noexcept {
      to = task;
      return request.await_suspend(task);
    }
    [[nodiscard]] auto await_resume() const noexcept { return request.await_resume(); }
  };
  bool failed_once = false;
  const auto wait = [&]() -> Task {
    auto request = heap.allocate(bytes(9_words)).priority(1);
    auto got = co_await Spy{handle, request};
    failed_once = !got;
  };
  Task task = wait();
  CHECK(heap.counters().waiting == 1);
  handle.resume();
  CHECK(failed_once);
  CHECK(heap.counters().waiting == 0);
}
