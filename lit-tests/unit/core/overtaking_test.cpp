// purpose: shows that a request that fits passes waiters, and each of them a few times at most.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/overtaking_test
#include <array>
#include <cstddef>
#include <deque>
#include <mneme/waiting/lock_request.hpp>
#include <mneme/waiting/overtaking.hpp>
#include <mneme/waiting/try_allocate.hpp>

#include "support/names.hpp"
#include "support/queue_model.hpp"

using namespace tests::names;

namespace {

template <std::uint16_t bound>
using OvertakingHeap =
    mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::Overtaking<bound>>;
static_assert(mneme::QueuePolicy<mneme::Overtaking<1>>);
static_assert(mneme::QueuePolicy<mneme::Fifo>);

template <std::size_t bound>
struct PassRules {
  static constexpr std::size_t levels = 1;

  template <class Heap>
  static auto request(Heap& heap, mneme::Layout layout, std::size_t /*level*/) {
    return heap.allocate(layout);
  }
  static void insert(tests::ModelQueue& queue, const tests::ModelWaiter& waiter) {
    queue.push_back(waiter);
  }
  template <class Fits>
  static std::size_t choose(const tests::ModelQueue& queue, Fits fits) {
    for (std::size_t at = 0; at < queue.size() && at <= 16; ++at) {
      if (fits(queue[at].words)) return at;
      if (queue[at].passed >= bound) break;
    }
    return queue.size();
  }
};

template <std::uint16_t bound>
void check_random() {
  for (unsigned seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    tests::QueueModel<OvertakingHeap<bound>, PassRules<bound>> model(seed);
    model.run(300);
    CHECK(model.grants_from_queue() > 20);
    CHECK(model.most_passed() == bound);
  }
}

/// A heap of 16 words, whose blocks are all taken but two: three words are free in one piece.
template <std::uint16_t bound>
struct Crowd {
  tests::BasicTestHeap<OvertakingHeap<bound>> heap{16_words};
  mneme::Allocation<OvertakingHeap<bound>> first = granted(heap.allocate(bytes(7_words)));
  mneme::Allocation<OvertakingHeap<bound>> second = granted(heap.allocate(bytes(4_words)));
};

}  // namespace

TEST_CASE("the oldest that fits is granted, as a naive model has it; a bound of 0 is FIFO") {
  check_random<0>();
  check_random<1>();
  check_random<2>();
  check_random<5>();
}

TEST_CASE("a newcomer that fits passes at once, but none so often as the bound says") {
  Crowd<2> crowd;
  auto& heap = crowd.heap;
  Alarm alarm;
  auto large = heap.allocate(bytes(9_words));
  CHECK(!large.poll(alarm.waker()));
  for (int round = 0; round < 2; ++round) {
    auto small = granted(heap.allocate(bytes(2_words)));
    CHECK(heap.counters().waiting == 1);
  }
  auto third = heap.allocate(bytes(2_words));
  CHECK(!third.poll());  // although it fits
  crowd.first.reset();
  CHECK(alarm.rings() == 0);  // 8 words and 3, not in one piece
  CHECK(!third.poll());
  crowd.second.reset();
  CHECK(alarm.rings() == 1);
  CHECK(granted(large).data() != nullptr);
  CHECK(granted(third).data() != nullptr);
}

TEST_CASE("who was passed so often is as the head to all behind it") {
  Crowd<1> crowd;
  auto& heap = crowd.heap;
  auto large = heap.allocate(bytes(12_words));
  auto middle = heap.allocate(bytes(9_words));
  CHECK(!large.poll());
  CHECK(!middle.poll());
  auto small = granted(heap.allocate(bytes(2_words)));  // passes both
  small.reset();
  large.cancel();
  auto other = heap.allocate(bytes(2_words));
  CHECK(!other.poll());  // the middle one was passed, although it was not the head
  middle.cancel();
  CHECK(granted(other).data() != nullptr);
}

TEST_CASE("a grant looks at sixteen waiters behind the head") {
  Crowd<60000> crowd;
  auto& heap = crowd.heap;
  std::deque<Request<OvertakingHeap<60000>>> large;
  for (std::size_t each = 0; each < 17; ++each) {
    REQUIRE(!large.emplace_back(heap, bytes(9_words)).poll());
    auto small = heap.allocate(bytes(2_words));
    auto answer = small.poll();
    CHECK(answer.has_value() == (each < 16));  // the last is the seventeenth behind the head
  }
  auto beyond = heap.allocate(bytes(2_words));
  CHECK(!beyond.poll());
  large[7].cancel();
  CHECK(granted(beyond).data() != nullptr);
}

TEST_CASE("a cancelled head lets those pass whom it held up; a free grants several, in order") {
  Crowd<1> crowd;
  auto& heap = crowd.heap;
  Alarm alarm;
  auto head = heap.allocate(bytes(14_words));
  CHECK(!head.poll());
  auto small = granted(heap.allocate(bytes(1_words)));
  std::array<Request<OvertakingHeap<1>>, 2> behind{heap.allocate(bytes(3_words)),
                                                   heap.allocate(bytes(3_words))};
  for (auto& each : behind) CHECK(!each.poll(alarm.waker()));
  crowd.first.reset();
  CHECK(alarm.rings() == 0);
  head.cancel();
  CHECK(alarm.rings() == 2);
}

TEST_CASE("try_allocate passes nobody, and close ends all in order") {
  Crowd<4> crowd;
  auto& heap = crowd.heap;
  auto head = heap.allocate(bytes(9_words));
  CHECK(!head.poll());
  CHECK(heap.try_allocate(bytes(1_words)) == nullptr);
  CHECK(heap.try_allocate(bytes(1_words), 3).error() == AllocError::waiters_first);
  auto behind = heap.allocate(bytes(9_words));
  CHECK(!behind.poll());
  heap.close();
  CHECK(failed(head) == AllocError::closed);
  CHECK(failed(behind) == AllocError::closed);
}

TEST_CASE("a request for the lock fits, and so passes waiters") {
  Crowd<1> crowd;
  auto& heap = crowd.heap;
  auto head = heap.allocate(bytes(9_words));
  CHECK(!head.poll());
  auto lock = heap.lock();
  auto guard = granted(lock);
  CHECK(heap.is_locked());
  guard.unlock();
  auto again = heap.lock();
  CHECK(!again.poll());  // the head was passed once
  head.cancel();
  CHECK(granted(again));
}

TEST_CASE("a waker that calls back: it frees, asks and cancels others while a grant goes on") {
  Crowd<1> crowd;
  auto& heap = crowd.heap;
  struct Caller {
    Crowd<1>& crowd;
    Request<OvertakingHeap<1>> asks;
    Request<OvertakingHeap<1>>& victim;
    bool waits = false;
  };
  auto head = heap.allocate(bytes(14_words));
  CHECK(!head.poll());
  Caller caller{.crowd = crowd, .asks = heap.allocate(bytes(1_words)), .victim = head};
  auto small = heap.allocate(bytes(1_words));
  CHECK(!small.poll({.wake =
                         [](void* context) noexcept {
                           auto& own = *static_cast<Caller*>(context);
                           own.waits = !own.asks.poll();
                           own.crowd.second.reset();
                           own.victim.cancel();
                         },
                     .context = &caller}));
  CHECK(caller.waits);
  CHECK(granted(caller.asks).data() != nullptr);  // the head was passed, but is cancelled
  CHECK(granted(small).data() != nullptr);
  CHECK(sound(heap));
}
