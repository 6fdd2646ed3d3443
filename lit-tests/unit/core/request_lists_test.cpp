// RUN: %runner %build/tests/request_lists_test
// purpose: shows each step of a request from state to state, and in which list it is meanwhile.
// layer: tests; includes request_lists.
// threads: none.
// invariants: the lists are valid after every step.
#include <doctest/doctest.h>

#include <coroutine>
#include <mneme/request_lists.hpp>

using namespace mneme;

namespace {

/// A queue lock that nests, and counts.
struct Section {
  static constexpr bool reentrant = true;
  void lock() noexcept { ++depth; }
  bool try_lock() noexcept { return ++depth > 0; }
  void unlock() noexcept { --depth; }
  static inline int depth = 0;
};

int wakes = 0;
int depth_at_wake = 0;
void on_wake(void*) noexcept {
  ++wakes;
  depth_at_wake = Section::depth;
}

RequestState state_of(const Waiter& waiter) { return waiter.state.load(std::memory_order_relaxed); }

TEST_CASE("queued, answered with a waker: to be woken once, outside of the lock, then free to go") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  waiter.waker = {.wake = &on_wake, .context = nullptr};
  CHECK(lists.enqueue(waiter));
  CHECK(state_of(waiter) == RequestState::waiting);
  CHECK(lists.waiting() == 1);
  CHECK(lists.head() == &waiter);
  int memory = 0;
  wakes = 0;
  CHECK(lists.complete(waiter, RequestState::granted, &memory));
  CHECK(wakes == 0);
  CHECK(waiter.waker_running.load(std::memory_order_relaxed));
  RequestLists<SpinLock>::wake(waiter);
  CHECK(wakes == 1);
  RequestLists<SpinLock>::await_waker(waiter);  // returns, as nobody is in the waker any more
  CHECK(state_of(waiter) == RequestState::granted);
  CHECK(waiter.payload == &memory);
  CHECK(lists.waiting() == 0);
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("inside a critical section the waker is called by the answer, before the section ends") {
  RequestLists<Section> lists;
  Waiter waiter;
  waiter.waker = {.wake = &on_wake, .context = nullptr};
  wakes = 0;
  lists.lock_queue();
  CHECK(lists.enqueue(waiter));
  CHECK_FALSE(lists.complete(waiter, RequestState::granted, nullptr));
  CHECK(wakes == 1);
  CHECK(depth_at_wake == 1);
  CHECK_FALSE(waiter.waker_running.load(std::memory_order_relaxed));
  lists.unlock_queue();
  CHECK(Section::depth == 0);
}

TEST_CASE("a continuation coroutine becomes ready, and belongs to the epoch in which it did") {
  RequestLists<SpinLock> lists;
  Waiter early;
  Waiter late;
  early.continuation = std::noop_coroutine();
  late.continuation = std::noop_coroutine();
  CHECK(lists.enqueue(early));
  CHECK(lists.enqueue(late));
  CHECK_FALSE(lists.complete(early, RequestState::granted, nullptr));
  const std::size_t epoch = lists.next_epoch();
  CHECK_FALSE(lists.complete(late, RequestState::granted, nullptr));
  CHECK(lists.ready() == 2);
  CHECK(lists.next_ready(epoch) == early.continuation);
  CHECK_FALSE(lists.next_ready(epoch));  // the other one is for the next epoch
  CHECK(lists.next_ready(lists.next_epoch()) == late.continuation);
  CHECK(lists.ready() == 0);
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("withdrawn from either list, it is in none, and says what it was") {
  RequestLists<SpinLock> lists;
  Waiter waits;
  Waiter ready;
  ready.continuation = std::noop_coroutine();
  CHECK(lists.enqueue(ready));
  CHECK(lists.enqueue(waits));
  CHECK_FALSE(lists.complete(ready, RequestState::granted, nullptr));
  CHECK(lists.cancel(waits) == RequestState::waiting);
  CHECK(lists.cancel(ready) == RequestState::granted);
  CHECK(state_of(waits) == RequestState::cancelled);
  CHECK(lists.waiting() == 0);
  CHECK(lists.ready() == 0);
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("only a request that waits can be told whom to tell") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  CHECK_FALSE(lists.rearm(waiter, {.wake = &on_wake}, {}));
  CHECK(lists.enqueue(waiter));
  CHECK(lists.rearm(waiter, {}, std::noop_coroutine()));
  CHECK(waiter.continuation);
  CHECK_FALSE(lists.complete(waiter, RequestState::closed, nullptr));
  CHECK_FALSE(lists.rearm(waiter, {.wake = &on_wake}, {}));
  CHECK(lists.cancel(waiter) == RequestState::closed);
}

TEST_CASE("closed: nobody is queued any more") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  lists.close();
  CHECK(lists.closed());
  CHECK_FALSE(lists.enqueue(waiter));
  CHECK(state_of(waiter) == RequestState::closed);
  CHECK(lists.waiting() == 0);
}

}  // namespace
