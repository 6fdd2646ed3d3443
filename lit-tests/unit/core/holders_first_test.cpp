// purpose: shows that a holder's request comes before those of others, and FIFO among its like.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/holders_first_test
#include <cstddef>
#include <mneme/waiting/holders_first.hpp>
#include <mneme/waiting/lock_request.hpp>

#include "support/names.hpp"
#include "support/queue_model.hpp"

using namespace tests::names;

namespace {

using HolderHeap = mneme::BasicHeap<mneme::DefaultRaw, mneme::SpinLock, mneme::HoldersFirst>;
static_assert(mneme::QueuePolicy<mneme::HoldersFirst>);

struct HolderRules : tests::LevelOrder {
  static constexpr std::size_t levels = 2;

  static auto request(HolderHeap& heap, mneme::Layout layout, std::size_t level) {
    return level == 0 ? heap.allocate(layout) : heap.allocate(layout).holding();
  }
};

template <class Heap>
concept HasPriority = requires(Heap& heap) { heap.allocate({}).priority(1); };
template <class Heap>
concept HasHolding = requires(Heap& heap) { heap.allocate({}).holding(); };
static_assert(HasHolding<HolderHeap> && !HasPriority<HolderHeap>);
static_assert(!HasHolding<Heap> && !HasPriority<Heap>);

}  // namespace

TEST_CASE("requests of holders and others, some cancelled, as a naive model has it") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    tests::QueueModel<HolderHeap, HolderRules> model(seed);
    model.run(300);
    CHECK(model.grants_from_queue() > 20);
  }
}

TEST_CASE("two tasks that each hold a block and want another: the one that began goes on") {
  tests::BasicTestHeap<HolderHeap> heap(16_words);
  auto one = granted(heap.allocate(bytes(7_words)));
  auto newcomer = heap.allocate(bytes(14_words));
  CHECK(!newcomer.poll());
  auto second = granted(heap.allocate(bytes(7_words)).holding());  // under FIFO it would wait
  one.reset();
  second.reset();
  CHECK(granted(newcomer).data() != nullptr);
}

TEST_CASE("the word is there for owners and for locks, and makes a try fail like any waiter") {
  tests::BasicTestHeap<HolderHeap> heap(16_words);
  auto all = granted(heap.allocate(bytes(15_words)));
  auto other = heap.allocate(bytes(15_words));
  auto box = heap.make<int>(3).holding();
  auto lock = heap.lock().holding();
  CHECK(!other.poll());
  CHECK(!box.poll());
  CHECK(!lock.poll());
  all.reset();
  CHECK(*granted(box) == 3);
  CHECK(heap.try_allocate(bytes(1_words)) == nullptr);
  granted(lock).unlock();
  CHECK(granted(other).data() != nullptr);
}
