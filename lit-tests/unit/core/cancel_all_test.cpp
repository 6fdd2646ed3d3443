// purpose: shows that cancel_all sends all waiters away, and that the heap goes on.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/cancel_all_test
#include <cstddef>
#include <mneme/raw/first_fit.hpp>
#include <mneme/waiting/cancel_all.hpp>
#include <mneme/waiting/lock_request.hpp>
#include <mneme/waiting/priorities.hpp>
#include <string>

#include "support/names.hpp"
#include "support/recordings.hpp"

using namespace tests::names;

TEST_CASE("all waiters end with cancelled, in order, even those that would fit; the heap is open") {
  TestHeap heap(16_words);
  auto hog = granted(heap.allocate(bytes(7_words)));
  Alarm alarm;
  auto large = heap.allocate(bytes(15_words));
  auto small = heap.allocate(bytes(1_words));
  auto lock = heap.lock();
  CHECK(!large.poll(alarm.waker()));
  CHECK(!small.poll(alarm.waker()));
  CHECK(!lock.poll(alarm.waker()));
  heap.cancel_all();
  CHECK(alarm.rings() == 3);
  CHECK(failed(large) == AllocError::cancelled);
  CHECK(failed(small) == AllocError::cancelled);
  CHECK(failed(lock) == AllocError::cancelled);
  CHECK(heap.counters().cancels == 3);
  CHECK(!heap.is_locked());
  CHECK(granted(heap.allocate(bytes(1_words))).data() != nullptr);
  heap.cancel_all();
  CHECK(alarm.rings() == 3);
}

TEST_CASE("coroutines are resumed, and may ask again; what was granted before stays") {
  TestHeap heap(16_words);
  auto hog = granted(heap.allocate(bytes(15_words)));
  int cancelled = 0;
  int got = 0;
  const auto work = [&]() -> Task {
    if (auto first = co_await heap.allocate(bytes(3_words)); !first) ++cancelled;
    if (auto second = co_await heap.allocate(bytes(3_words)); second) ++got;
  };
  Task one = work();
  Task two = work();
  auto kept = heap.allocate(bytes(15_words));
  heap.cancel_all();
  CHECK(heap.poll() == 2);
  CHECK(cancelled == 2);
  CHECK(heap.counters().waiting == 2);
  CHECK(!kept.poll());
  hog.reset();
  heap.cancel_all();  // two are granted, one is cancelled
  CHECK(failed(kept) == AllocError::cancelled);
  CHECK(heap.poll() == 2);
  CHECK(got == 2);
}

TEST_CASE("while the heap is locked; what was freed meanwhile is reclaimed by the unlock") {
  TestHeap heap(16_words);
  auto hog = granted(heap.allocate(bytes(15_words)));
  auto waits = heap.allocate(bytes(15_words));
  CHECK(!waits.poll());
  auto guard = heap.try_lock();
  hog.reset();
  heap.cancel_all();
  CHECK(failed(waits) == AllocError::cancelled);
  guard.unlock();
  CHECK(heap.counters().used_bytes == 0);
}

TEST_CASE("wakers that call back: they ask again, cancel, free and call cancel_all") {
  TestHeap heap(16_words);
  struct Caller {
    TestHeap& heap;
    Allocation<>& hog;
    Request<> again;
    Request<>& other;
    int calls = 0;
  };
  auto hog = granted(heap.allocate(bytes(15_words)));
  auto first = heap.allocate(bytes(3_words));
  auto second = heap.allocate(bytes(3_words));
  Caller caller{.heap = heap, .hog = hog, .again = heap.allocate(bytes(3_words)), .other = second};
  Alarm alarm;
  CHECK(!first.poll({.wake =
                         [](void* context) noexcept {
                           auto& own = *static_cast<Caller*>(context);
                           ++own.calls;
                           CHECK(!own.again.poll());
                           own.heap.cancel_all();
                           CHECK(own.other.poll().has_value());
                           own.hog.reset();
                         },
                     .context = &caller}));
  CHECK(!second.poll(alarm.waker()));
  heap.cancel_all();
  CHECK(caller.calls == 1);
  CHECK(failed(first) == AllocError::cancelled);
  CHECK(failed(caller.again) == AllocError::cancelled);  // by the waker's own cancel_all
  CHECK(sound(heap));
}

TEST_CASE("in the order of the queue") {
  tests::BasicTestHeap<mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::Priorities<2>>>
      heap(16_words);
  auto hog = granted(heap.allocate(bytes(15_words)));
  struct Order {
    int next = 0;
    int low = 0;
    int high = 0;
  } order;
  auto low = heap.allocate(bytes(1_words));
  auto high = heap.allocate(bytes(1_words)).priority(1);
  CHECK(!low.poll({.wake =
                       [](void* to) noexcept {
                         static_cast<Order*>(to)->low = ++static_cast<Order*>(to)->next;
                       },
                   .context = &order}));
  CHECK(!high.poll({.wake =
                        [](void* to) noexcept {
                          static_cast<Order*>(to)->high = ++static_cast<Order*>(to)->next;
                        },
                    .context = &order}));
  heap.cancel_all();
  CHECK(order.high == 1);
  CHECK(order.low == 2);
}

TEST_CASE("a recording has each of them") {
  mneme::RecordSlot places[16];
  mneme::Recorder recorder{places, mneme::WhenFull::stop};
  tests::BasicTestHeap<mneme::BasicHeap<mneme::Recorded<mneme::FirstFit>>> heap(16_words);
  mneme::record(heap, recorder);
  auto hog = granted(heap.allocate(bytes(15_words)));
  auto first = heap.allocate(bytes(3_words));
  auto second = heap.allocate(bytes(3_words));
  CHECK(!first.poll());
  CHECK(!second.poll());
  heap.cancel_all();
  const std::string dump = tests::dump_of(recorder);
  const std::size_t cancelled = dump.find("\ncancel ");
  REQUIRE(cancelled != std::string::npos);
  CHECK(dump.find("\ncancel ", cancelled + 1) != std::string::npos);
}
