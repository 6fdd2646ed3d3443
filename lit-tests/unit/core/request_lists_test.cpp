// RUN: %runner %build/tests/request_lists_test
// purpose: shows each step of a request from state to state, and in which list it is meanwhile.
// layer: tests; includes request_lists.
// threads: none.
// invariants: the lists are valid after every step.
#include <doctest/doctest.h>

#include <array>
#include <coroutine>
#include <mneme/request_lists.hpp>
#include <string>

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

void* last_woken = nullptr;
void note_wake(void* context) noexcept { last_woken = context; }

RequestState state_of(const Waiter& waiter) { return waiter.state.load(std::memory_order_relaxed); }

TEST_CASE("granted with a waker: it is called once, outside of the lock, and then is not running") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  waiter.waker = {.wake = &on_wake, .context = nullptr};
  lists.lock_queue();
  CHECK(lists.enqueue(waiter));
  CHECK(state_of(waiter) == RequestState::waiting);
  CHECK(lists.waiting() == 1);
  CHECK(lists.head() == &waiter);
  int memory = 0;
  wakes = 0;
  CHECK(lists.complete(waiter, RequestState::granted, &memory));
  CHECK(wakes == 0);
  CHECK(lists.is_waking());  // from now on, as its owner may see the result
  CHECK_FALSE(lists.begin_due());
  lists.unlock_then_wake();
  CHECK(wakes == 1);
  CHECK_FALSE(inside_waker());
  CHECK_FALSE(lists.is_waking());
  lists.await_waker(waiter);  // returns, as nobody is in the waker any more
  CHECK(lists.try_lock_queue());
  CHECK(state_of(waiter) == RequestState::granted);
  CHECK(waiter.payload == &memory);
  CHECK(lists.waiting() == 0);
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("inside a critical section the waker is called before the section ends") {
  RequestLists<Section> lists;
  Waiter waiter;
  waiter.waker = {.wake = &on_wake, .context = nullptr};
  wakes = 0;
  lists.lock_queue();
  CHECK(lists.enqueue(waiter));
  CHECK(lists.complete(waiter, RequestState::granted, nullptr));
  CHECK(wakes == 0);
  lists.unlock_then_wake();
  CHECK(wakes == 1);
  CHECK(depth_at_wake == 1);
  CHECK_FALSE(lists.is_waking());
  CHECK(Section::depth == 0);
}

TEST_CASE("closed with a waker: it is due, in order, and one at a time") {
  RequestLists<SpinLock> lists;
  std::array<Waiter, 3> waiters;
  for (auto& each : waiters) {
    each.waker = {.wake = &note_wake, .context = &each};
    CHECK(lists.enqueue(each));
  }
  for (auto& each : waiters) CHECK_FALSE(lists.complete(each, RequestState::closed, nullptr));
  CHECK(lists.begin_due());
  CHECK_FALSE(lists.begin_due());  // the first is running
  CHECK(lists.cancel(waiters[1], true) == RequestState::closed);
  lists.run_due();
  CHECK(last_woken == &waiters[0]);
  CHECK(lists.begin_due());
  lists.run_due();
  CHECK(last_woken == &waiters[2]);
  CHECK_FALSE(lists.begin_due());
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("a coroutine that awaits what is cancelled becomes ready, or its waker due") {
  RequestLists<SpinLock> lists;
  Waiter without;
  Waiter with;
  with.waker = {.wake = &on_wake, .context = nullptr};
  for (Waiter* const each : {&without, &with}) {
    each->continuation = std::noop_coroutine();
    CHECK(lists.enqueue(*each));
    CHECK(lists.cancel(*each, false) == RequestState::waiting);
    CHECK(lists.cancel(*each, false) == RequestState::cancelled);
  }
  CHECK(lists.ready() == 1);
  wakes = 0;
  CHECK(lists.begin_due());
  lists.run_due();
  CHECK(wakes == 1);
  CHECK(lists.cancel(without, true) == RequestState::cancelled);
  CHECK(lists.ready() == 0);
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("what was taken stays taken, whoever cancels it") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  waiter.continuation = std::noop_coroutine();
  waiter.state.store(RequestState::taken, std::memory_order_relaxed);
  CHECK(lists.cancel(waiter, false) == RequestState::taken);
  CHECK(state_of(waiter) == RequestState::taken);
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
  CHECK(lists.cancel(waits, true) == RequestState::waiting);
  CHECK(lists.cancel(ready, true) == RequestState::granted);
  CHECK(state_of(waits) == RequestState::cancelled);
  CHECK(lists.waiting() == 0);
  CHECK(lists.ready() == 0);
  CHECK(lists.validate() == nullptr);
}

TEST_CASE("only a waiting request can be given a waker") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  CHECK_FALSE(lists.rearm(waiter, {.wake = &on_wake}, {}));
  CHECK(lists.enqueue(waiter));
  CHECK(lists.rearm(waiter, {}, std::noop_coroutine()));
  CHECK(waiter.continuation);
  CHECK_FALSE(lists.complete(waiter, RequestState::closed, nullptr));
  CHECK_FALSE(lists.rearm(waiter, {.wake = &on_wake}, {}));
  CHECK(lists.cancel(waiter, true) == RequestState::closed);
}

TEST_CASE("validate looks at each of the three lists, and names the one that is broken") {
  const auto verdict_on = [](bool has_waker, bool has_coroutine) -> std::string {
    RequestLists<SpinLock> lists;
    std::array<Waiter, 2> waiters;
    for (auto& each : waiters) {
      if (has_waker) each.waker = {.wake = &note_wake, .context = &each};
      if (has_coroutine) each.continuation = std::noop_coroutine();
      CHECK(lists.enqueue(each));
    }
    if (has_waker || has_coroutine) {
      for (auto& each : waiters) CHECK_FALSE(lists.complete(each, RequestState::closed, nullptr));
    }
    CHECK(lists.validate() == nullptr);
    waiters[1].previous = nullptr;
    const char* const wrong = lists.validate();
    return wrong == nullptr ? "nothing" : wrong;
  };
  CHECK(verdict_on(false, false) == "the wait queue's links are broken");
  CHECK(verdict_on(true, false) == "the links of the wakers that are due are broken");
  CHECK(verdict_on(false, true) == "the ready list's links are broken");
}

TEST_CASE("closed: no further request is queued") {
  RequestLists<SpinLock> lists;
  Waiter waiter;
  CHECK(lists.closed() == 0);
  lists.close(7);
  CHECK(lists.closed() == 7);
  lists.close(8);
  CHECK(lists.closed() == 7);  // the first
  CHECK_FALSE(lists.enqueue(waiter));
  CHECK(state_of(waiter) == RequestState::closed);
  CHECK(lists.waiting() == 0);
}

}  // namespace
