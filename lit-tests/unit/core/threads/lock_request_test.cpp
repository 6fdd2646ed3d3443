// purpose: shows that a guard which waits has its place in the queue, and is handed the lock there.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last test: three that lock and allocate.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/lock_request_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <atomic>
#include <cstddef>
#include <mneme/waiting/lock_request.hpp>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/effort.hpp"
#include "support/names.hpp"

using namespace tests::names;

TEST_CASE("on a heap that nobody has, the lock comes at once") {
  TestHeap heap(32_words);
  auto guard = granted(heap.lock());
  CHECK(heap.is_locked());
  CHECK(!heap.try_lock());
  void* const block = guard.allocate(bytes(8));
  CHECK(block != nullptr);
  guard.unlock();
  CHECK(!heap.is_locked());
  heap.free(block, bytes(8));
}

TEST_CASE("the unlock of one guard hands the lock to the next, before any newcomer") {
  TestHeap heap(32_words);
  Alarm alarm;
  auto first = heap.try_lock();
  auto second = heap.lock();
  auto request = heap.allocate(bytes(8));
  auto third = heap.lock();
  CHECK(!second.poll(alarm.waker()));
  CHECK(!request.poll());
  CHECK(!third.poll(alarm.waker()));
  CHECK(heap.counters().waiting == 3);
  first.unlock();
  CHECK(alarm.rings() == 1);
  CHECK(heap.is_locked());  // for the second, although it has not looked yet
  CHECK(request.state() == RequestState::waiting);
  auto guard = granted(second);
  CHECK(sound(heap));
  guard.unlock();
  CHECK(alarm.rings() == 2);
  CHECK(request.state() == RequestState::granted);
  CHECK(heap.is_locked());
  guard = granted(third);
  guard.unlock();
  CHECK(!heap.is_locked());
  (void)granted(request);
}

TEST_CASE("it does not overtake a request that waits for room, and is handed over by the free") {
  TestHeap heap(32_words);
  Alarm alarm;
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto first = heap.allocate(bytes(20_words));
  auto lock = heap.lock();
  auto behind = heap.allocate(bytes(8));
  CHECK(!first.poll());
  CHECK(!lock.poll(alarm.waker()));
  CHECK(!behind.poll());
  CHECK(!heap.is_locked());
  hog.reset();
  CHECK(first.state() == RequestState::granted);
  CHECK(alarm.rings() == 1);
  CHECK(behind.state() == RequestState::waiting);
  {
    auto guard = granted(lock);
    (void)granted(first);  // its free is deferred
    CHECK(guard.stats().deferred == 1);
  }
  CHECK(behind.state() == RequestState::granted);
}

TEST_CASE("a coroutine gets the lock from a poll, and may keep it while it is suspended") {
  TestHeap heap(32_words);
  std::vector<int> order;
  const auto hold = [](Heap& of, std::vector<int>& list, int name) -> Task {
    auto guard = co_await of.lock();
    list.push_back(name);
    co_await std::suspend_never{};
  };
  auto guard = heap.try_lock();
  const auto a = hold(heap, order, 1);
  const auto b = hold(heap, order, 2);
  CHECK(order.empty());
  guard.unlock();
  CHECK(heap.is_locked());
  CHECK(heap.poll() == 1);
  CHECK(heap.poll() == 1);
  CHECK(order == std::vector{1, 2});
  CHECK(!heap.is_locked());
}

TEST_CASE("a lock that is cancelled, in any state, leaves the heap to the next") {
  TestHeap heap(32_words);
  auto guard = heap.try_lock();
  std::optional<mneme::LockRequest<>> waits(std::in_place, heap);
  std::optional<mneme::LockRequest<>> gets(std::in_place, heap);
  auto request = heap.allocate(bytes(8));
  CHECK(!waits->poll());
  CHECK(!gets->poll());
  CHECK(!request.poll());
  waits.reset();
  guard.unlock();
  CHECK(gets->state() == RequestState::granted);
  CHECK(request.state() == RequestState::waiting);
  gets.reset();
  CHECK(request.state() == RequestState::granted);
  CHECK(!heap.is_locked());
  auto never = heap.lock();
  never.cancel();
  CHECK(failed(never) == AllocError::cancelled);
}

TEST_CASE("a coroutine whose granted lock is cancelled goes on without it") {
  TestHeap heap(32_words);
  std::optional<AllocError> error;
  auto lock = heap.lock();
  const auto hold = [](mneme::LockRequest<>& wanted, std::optional<AllocError>& out) -> Task {
    const auto guard = co_await wanted;
    if (!guard) out = guard.error();
  };
  auto guard = heap.try_lock();
  const auto task = hold(lock, error);
  guard.unlock();
  CHECK(heap.is_locked());
  lock.cancel();
  CHECK(!heap.is_locked());
  CHECK(heap.poll() == 1);
  CHECK(error == AllocError::cancelled);
}

TEST_CASE("a closed heap has no lock to wait for, and close ends the wait") {
  TestHeap heap(32_words);
  auto guard = heap.try_lock();
  auto lock = heap.lock();
  CHECK(!lock.poll());
  heap.close();
  CHECK(failed(lock) == AllocError::closed);
  guard.unlock();
  CHECK(failed(heap.lock()) == AllocError::closed);
  CHECK(static_cast<bool>(heap.try_lock()));  // which waits for nothing
}

namespace {

/// A waker that takes the guard, uses it, and unlocks it.
template <class AnyHeap>
struct Inside {
  AnyHeap& heap;
  mneme::LockRequest<AnyHeap> lock{heap};
  Alarm next{};
  bool was_locked = false;

  static void wake(void* self) noexcept {
    auto& own = *static_cast<Inside*>(self);
    auto guard = granted(own.lock);
    void* const block = guard.allocate(bytes(8));
    guard.unlock();
    own.was_locked = own.heap.is_locked();  // by whoever calls this
    CHECK(own.next.rings() == 0);
    own.heap.free(block, bytes(8));
  }
};

template <class AnyHeap>
void take_inside() {
  tests::BasicTestHeap<AnyHeap> heap(32_words);
  Inside<AnyHeap> inside{heap};
  auto guard = heap.try_lock();
  auto behind = heap.allocate(bytes(4));
  CHECK(!inside.lock.poll({.wake = &Inside<AnyHeap>::wake, .context = &inside}));
  CHECK(!behind.poll(inside.next.waker()));
  guard.unlock();
  CHECK(inside.was_locked);
  CHECK(inside.next.rings() == 1);
  CHECK(!heap.is_locked());
}

}  // namespace

TEST_CASE("a waker may take the guard, and end it") {
  take_inside<Heap>();
  take_inside<mneme::BasicHeap<mneme::DefaultRaw, tests::CriticalSection>>();
}

TEST_CASE("a lock comes by resume_on too") {
  TestHeap heap(32_words);
  mneme::ReadyQueue queue;
  bool held = false;
  const auto hold = [](Heap& of, mneme::ReadyQueue& on, bool& out) -> Task {
    const auto guard = co_await of.lock().resume_on(on);
    out = guard.has_value();
  };
  auto guard = heap.try_lock();
  const auto task = hold(heap, queue, held);
  guard.unlock();
  CHECK(queue.run() == 1);
  CHECK(held);
  CHECK(!heap.is_locked());
}

TEST_CASE("threads that lock and threads that allocate exclude and lose nobody") {
  TestHeap heap(32_words);
  int count = 0;  // guarded by the heap's lock
  auto lock_often = [&] {
    for (int round = 0; round < tests::rounds(500); ++round) {
      Alarm alarm;
      auto request = heap.lock();
      auto guard = request.poll(alarm.waker());
      if (!guard) {
        REQUIRE(alarm.wait_for(1));
        guard = request.poll();
      }
      ++count;
    }
  };
  auto allocate_often = [&] {
    for (int round = 0; round < tests::rounds(500); ++round) {
      Alarm alarm;
      auto request = heap.allocate(bytes(20_words));
      if (!request.poll(alarm.waker())) {
        REQUIRE(alarm.wait_for(1));
        (void)granted(request);
      }
    }
  };
  {
    std::jthread first(lock_often);
    std::jthread second(lock_often);
    std::jthread third(allocate_often);
    std::jthread fourth(allocate_often);
  }
  CHECK(count == 2 * tests::rounds(500));
}
