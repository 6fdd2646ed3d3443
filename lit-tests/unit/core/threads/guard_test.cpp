// purpose: shows what a Guard keeps out, what it lets through, and that letting go settles.
// layer: tests; includes mneme and the tests' support.
// threads: one, but for the last test, where a guard goes from one thread to another.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/guard_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <cstddef>
#include <thread>
#include <type_traits>
#include <utility>

#include "support/names.hpp"

using namespace tests::names;

static_assert(!std::is_copy_constructible_v<Guard<Heap>>);
static_assert(std::is_nothrow_move_constructible_v<Guard<Heap>>);

TEST_CASE("there is one guard at a time") {
  TestHeap heap(256);
  CHECK(!heap.is_locked());
  auto guard = heap.try_lock();
  CHECK(static_cast<bool>(guard));
  CHECK(heap.is_locked());
  CHECK(!heap.try_lock());
  guard.unlock();
  CHECK(!guard);
  CHECK(!heap.is_locked());
  CHECK(static_cast<bool>(heap.try_lock()));  // and it has let go at the end of this line
  CHECK(!heap.is_locked());
}

TEST_CASE("an empty guard may be unlocked, moved and destroyed") {
  Guard<Heap> guard;
  guard.unlock();
  Guard<Heap> other(std::move(guard));
  other = Guard<Heap>();
  CHECK(!other);
}

TEST_CASE("frees under a guard are deferred, and reclaimed when it lets go") {
  TestHeap heap(32_words);
  auto first = granted(heap.allocate(bytes(5_words)));
  auto second = granted(heap.allocate(bytes(5_words)));
  {
    auto guard = heap.try_lock();
    first.reset();
    second.reset();
    const mneme::Stats stats = guard.stats();
    CHECK(stats.live == 0);
    CHECK(stats.deferred == 2);
    CHECK(stats.used_bytes == 12_words);
    CHECK(stats.largest_free_bytes == 20_words);
    CHECK(guard.validate() == nullptr);
    CHECK(guard.stats().deferred == 2);  // looking changed nothing
  }
  CHECK(heap.counters().deferred == 0);
  CHECK(heap.counters().used_bytes == 0);
}

TEST_CASE("requests under a guard wait, and are granted in order when it lets go") {
  TestHeap heap(256);
  Alarm alarm;
  auto first = heap.allocate(bytes(100));
  auto second = heap.allocate(bytes(100));
  auto third = heap.allocate(bytes(100));
  auto guard = heap.try_lock();
  CHECK(!first.poll(alarm.waker()));
  CHECK(!second.poll(alarm.waker()));
  CHECK(!third.poll(alarm.waker()));
  CHECK(guard.stats().waiting == 3);
  CHECK(guard.validate() == nullptr);
  guard.unlock();
  CHECK(alarm.rings() == 2);
  CHECK(third.state() == mneme::RequestState::waiting);
}

TEST_CASE("the try forms fail under a guard, and poll leaves the work to it") {
  TestHeap heap(256);
  void* const block = heap.try_allocate(bytes(40));
  auto guard = heap.try_lock();
  CHECK(heap.try_allocate(bytes(8)) == nullptr);
  CHECK(!heap.try_resize(block, bytes(40), bytes(8)));
  heap.free(block, bytes(40));
  CHECK(heap.poll() == 0);
  CHECK(guard.stats().deferred == 1);
  CHECK(sound(heap));
  CHECK(heap.stats().largest_free_bytes == std::nullopt);
  CHECK(heap.stats().deferred == 1);
}

TEST_CASE("the holder allocates past the queue, after reclaiming") {
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(240)));
  auto patient = heap.allocate(bytes(240));
  CHECK(!patient.poll());
  auto guard = heap.try_lock();
  CHECK(guard.allocate(bytes(100)) == nullptr);  // there is no room for anyone
  hog.reset();
  void* const memory = guard.allocate(bytes(100));
  CHECK(memory != nullptr);
  CHECK(guard.allocate(bytes(1000)) == nullptr);
  CHECK(guard.allocate({.size = 8, .align = 3}) == nullptr);
  CHECK(patient.state() == mneme::RequestState::waiting);
  guard.unlock();
  CHECK(patient.state() == mneme::RequestState::waiting);
  heap.free(memory, bytes(100));
  CHECK(patient.state() == mneme::RequestState::granted);
}

TEST_CASE("a guard of a closed heap gives no memory, and a guard does not hinder closing") {
  TestHeap heap(256);
  auto request = heap.allocate(bytes(8));
  auto guard = heap.try_lock();
  CHECK(!request.poll());
  heap.close();
  CHECK(failed(request) == AllocError::closed);
  CHECK(guard.allocate(bytes(8)) == nullptr);
}

TEST_CASE("moving a guard moves the hold; assigning lets go of what was held") {
  TestHeap left(256);
  TestHeap right(256);
  auto first = left.try_lock();
  auto second = right.try_lock();
  Guard<Heap> third(std::move(first));
  CHECK(!first);  // NOLINT(bugprone-use-after-move): that it is empty is the claim
  CHECK(left.is_locked());
  third = std::move(second);
  CHECK(!left.is_locked());
  CHECK(right.is_locked());
  Guard<Heap>& same = third;
  third = std::move(same);
  CHECK(right.is_locked());
  CHECK(static_cast<bool>(third));
}

TEST_CASE("a task may keep a guard across its suspensions") {
  TestHeap heap(256);
  TestHeap other(128);
  auto hog = granted(other.allocate(bytes(120)));
  auto work = [](Heap& held, Heap& waited_for) -> Task {
    const auto guard = held.try_lock();
    const auto box = co_await waited_for.make<int>(1);
  };
  const Task task = work(heap, other);
  CHECK(heap.is_locked());
  auto request = heap.allocate(bytes(8));
  CHECK(!request.poll());
  hog.reset();
  CHECK(other.poll() == 1);
  CHECK(!heap.is_locked());
  CHECK(request.state() == mneme::RequestState::granted);
}

TEST_CASE("a task that waits for a heap continues when another task unlocks it") {
  TestHeap heap(256);
  Guard<Heap> shared;
  auto work = [](Heap& home, Guard<Heap>& guard) -> Task {
    guard = home.try_lock();
    const auto box = co_await home.make<int>(1);
  };
  const Task task = work(heap, shared);
  CHECK(heap.poll() == 0);
  shared.unlock();
  CHECK(!task.done());  // letting go grants, and resumes nobody
  CHECK(heap.poll() == 1);
  CHECK(task.done());
}

TEST_CASE("a guard may be let go of on another thread than the one that took it") {
  TestHeap heap(256);
  for (int round = 0; round < 50; ++round) {
    auto guard = heap.try_lock();
    REQUIRE(static_cast<bool>(guard));
    void* memory = guard.allocate(bytes(40));
    std::jthread([&heap, &memory, held = std::move(guard)]() mutable {
      heap.free(std::exchange(memory, nullptr), bytes(40));
      held.unlock();
    }).join();
    CHECK(heap.counters().live == 0);
    CHECK(sound(heap));
  }
}
