// RUN: %runner %build/tests/heap_core_test
// RUN: %if valgrind %{ %helgrind %this %}
// purpose: shows that threads which use one heap in every way lose nothing, by counting.
// layer: tests; includes everything.
// threads: four or five a case; all blocks are filled and checked, so an overlap is seen.
// invariants: nobody who waits holds a block, so every wait must end; else a watchdog fails it.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mneme/mneme.hpp>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "support/effort.hpp"

#include "support/coroutines.hpp"
#include "support/tasks.hpp"

using namespace mneme;

namespace {

constexpr int rounds = tests::rounds(400);

struct Counts {
  Atomic<std::size_t> asked{0};
  Atomic<std::size_t> got{0};
  Atomic<std::size_t> gave_up{0};
  Atomic<std::size_t> closed{0};
  Atomic<std::size_t> corrupt{0};
  Atomic<bool> lost_wakeup{false};
};

struct Shared {
  alignas(64) std::byte region[2048];
  Heap heap{region};
  Counts counts;
  Atomic<bool> stop{false};  // for the helpers

  /// The end of every case: all came back, and the heap is as new.
  void check_all_came_back() {
    (void)heap.poll();
    CHECK_FALSE(counts.lost_wakeup.load());
    CHECK(counts.corrupt.load() == 0);
    CHECK(counts.asked.load() == counts.got + counts.gave_up + counts.closed);
    CHECK_FALSE(heap.is_locked());
    CHECK(tests::whole(heap));
  }
};

Layout random_layout(std::mt19937& random) {
  return {.size = random() % 4 == 0 ? random() % 1200 : random() % 200,
          .align = std::size_t{1} << random() % 7};
}

/// Fills the block, looks away, and looks whether it is still as it was.
void use(Counts& counts, void* data, std::size_t size, std::size_t pattern) {
  std::memset(data, static_cast<int>(pattern & 0xFF), size);
  if (pattern % 4 == 0) std::this_thread::yield();
  const std::span bytes(static_cast<const unsigned char*>(data), size);
  for (const unsigned char byte : bytes) {
    if (byte != (pattern & 0xFF)) {
      counts.corrupt.fetch_add(1);
      return;
    }
  }
}

/// Set by a waker.
struct Flag {
  Atomic<bool> set{false};
  static void wake(void* context) noexcept {
    static_cast<Flag*>(context)->set.store(true, std::memory_order_release);
  }
  Waker waker() { return {.wake = &Flag::wake, .context = this}; }

  /// False if nothing happened for far too long.
  [[nodiscard]] bool await() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!set.load(std::memory_order_acquire)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

void give_back(Heap& heap, Allocation<>& block, bool deferred) {
  if (!deferred) return block.reset();
  const Layout layout = block.layout();
  heap.defer_free(block.leak(), layout);
}

/// Allocates, waits to be woken, uses, frees; every third time it may give up instead.
void produce(Shared& shared, std::uint32_t seed, bool cancels, bool defers) {
  std::mt19937 random(seed);
  Counts& counts = shared.counts;
  for (int i = 0; i < rounds; ++i) {
    Flag flag;
    auto request = shared.heap.allocate(random_layout(random));
    counts.asked.fetch_add(1);
    auto answer = request.poll(flag.waker());
    if (!answer && cancels && random() % 3 == 0) {
      if (random() % 2 == 0) std::this_thread::yield();
      if (random() % 2 == 0) request.cancel();  // else its end does it
      counts.gave_up.fetch_add(1);
      continue;
    }
    if (!answer) {
      if (!flag.await()) counts.lost_wakeup.store(true);
      answer = request.poll();
      if (!answer) {  // as woken for nothing
        counts.lost_wakeup.store(true);
        counts.gave_up.fetch_add(1);
        continue;
      }
    }
    if (!*answer) {
      counts.closed.fetch_add(1);
      continue;
    }
    counts.got.fetch_add(1);
    use(counts, (*answer)->data(), (*answer)->layout().size, random());
    give_back(shared.heap, **answer, defers && random() % 2 == 0);
  }
}

/// Holds the heap now and then, allocates past the queue, and lets go.
void guard(Shared& shared, std::uint32_t seed) {
  std::mt19937 random(seed);
  while (!shared.stop.load()) {
    if (auto held = shared.heap.try_lock()) {
      const Layout layout{.size = random() % 64, .align = 8};
      void* const payload = held.allocate(layout);
      if (random() % 4 == 0) std::this_thread::yield();
      if (payload != nullptr) {
        use(shared.counts, payload, layout.size, random());
        shared.heap.free(payload, layout);  // deferred: the heap is locked
      }
      if (held.validate() != nullptr) shared.counts.corrupt.fetch_add(1);
    }
    std::this_thread::yield();
  }
}

/// Reclaims what was deferred, as an idle loop does.
void poll_idly(Shared& shared) {
  while (!shared.stop.load()) {
    (void)shared.heap.poll();
    std::this_thread::yield();
  }
}

/// Runs the first `producers` threads to their end, then tells the others to stop.
void run_all(Shared& shared, std::size_t producers, std::vector<std::jthread>& threads) {
  for (std::size_t i = 0; i < producers; ++i) threads[i].join();
  shared.stop.store(true);
  threads.clear();
}

TEST_CASE("producers that wait and free: no poll is needed") {
  Shared shared;
  std::vector<std::jthread> threads;
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U})
    threads.emplace_back([&, seed] { produce(shared, seed, false, false); });
  run_all(shared, 4, threads);
  CHECK(shared.counts.got.load() == 4 * rounds);
  shared.check_all_came_back();
}

TEST_CASE("producers that give up: a cancelled head strands no request") {
  Shared shared;
  std::vector<std::jthread> threads;
  for (const std::uint32_t seed : {11U, 12U, 13U, 14U})
    threads.emplace_back([&, seed] { produce(shared, seed, true, false); });
  run_all(shared, 4, threads);
  shared.check_all_came_back();
}

TEST_CASE("everything at once: cancels, deferred frees, guards and idle polls") {
  Shared shared;
  std::vector<std::jthread> threads;
  for (const std::uint32_t seed : {21U, 22U, 23U})
    threads.emplace_back([&, seed] { produce(shared, seed, seed != 23U, true); });
  threads.emplace_back([&] { guard(shared, 24); });
  threads.emplace_back([&] { poll_idly(shared); });
  run_all(shared, 3, threads);
  shared.check_all_came_back();
}

TEST_CASE("a close in the middle completes all requests") {
  Shared shared;
  std::vector<std::jthread> threads;
  for (const std::uint32_t seed : {31U, 32U, 33U})
    threads.emplace_back([&, seed] { produce(shared, seed, seed == 32U, false); });
  while (shared.counts.got.load() < rounds) std::this_thread::yield();
  shared.heap.close();
  run_all(shared, 3, threads);
  shared.check_all_came_back();
}

tests::Detached take_and_free(Shared& shared, Layout layout, std::size_t pattern) {
  shared.counts.asked.fetch_add(1);
  auto block = co_await shared.heap.allocate(layout);
  if (!block) {
    shared.counts.closed.fetch_add(1);
    co_return;
  }
  use(shared.counts, block->data(), layout.size, pattern);
  block->reset();
  shared.counts.got.fetch_add(1);
}

TEST_CASE("coroutines begun on three threads are all resumed by the one that polls") {
  Shared shared;
  std::vector<std::jthread> threads;
  for (const std::uint32_t seed : {41U, 42U, 43U}) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < rounds; ++i) {
        const Layout layout = random_layout(random);
        take_and_free(shared, layout, random());
      }
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (shared.counts.got.load() < 3 * rounds) {
    (void)shared.heap.poll();
    if (std::chrono::steady_clock::now() > deadline) {
      shared.counts.lost_wakeup.store(true);
      break;
    }
    std::this_thread::yield();
  }
  run_all(shared, 3, threads);
  shared.check_all_came_back();
}

TEST_CASE("one token goes round between threads without ever being lost") {
  alignas(64) std::byte region[64];
  Heap heap(region);
  constexpr Layout token{.size = 56, .align = 8};
  Atomic<bool> lost{false};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < tests::rounds(1000); ++i) {
          Flag flag;
          auto request = heap.allocate(token);
          auto answer = request.poll(flag.waker());
          if (!answer) {
            if (!flag.await()) lost.store(true);
            answer = request.poll();
          }
          if (!answer || !*answer) lost.store(true);
        }
      });
    }
  }
  CHECK_FALSE(lost.load());
  CHECK(heap.stats().used_bytes == 0);
  CHECK(heap.stats().grants == 3 * tests::rounds(std::size_t{1000}));
}

/// Lets two threads begin at the same time, again and again, without falling asleep in between.
class Meeting {
 public:
  void arrive_and_wait() {
    const int arrived = arrivals_.fetch_add(1) + 1;
    const int wanted = (arrived + 1) / 2 * 2;
    for (int turn = 1; arrivals_.load() < wanted; ++turn) {
      relax();
      if (turn % 256 == 0) std::this_thread::yield();
    }
  }

 private:
  Atomic<int> arrivals_{0};
};

/// A pause that is a little longer each time, then begins anew: so that one thread is shifted
/// against the other, and each step of theirs meets each.
void pause(int i, int turns_max) {
  for (int turn = 0; turn < i % turns_max; ++turn) relax();
}

TEST_CASE("a free that meets a request which comes to wait, and then nobody calls anything") {
  alignas(64) std::byte region[64];
  Heap heap(region);
  constexpr Layout token{.size = 56, .align = 8};
  constexpr int meetings = tests::rounds(6000);
  Meeting meeting;
  void* held = heap.try_allocate(token);
  int lost = 0;
  {
    const std::jthread freer([&] {
      for (int i = 0; i < meetings; ++i) {
        meeting.arrive_and_wait();
        pause(i, 31);
        heap.free(held, token);
        meeting.arrive_and_wait();
        meeting.arrive_and_wait();
      }
    });
    for (int i = 0; i < meetings; ++i) {
      Flag flag;
      auto request = heap.allocate(token);
      meeting.arrive_and_wait();
      pause(i, 37);
      auto answer = request.poll(flag.waker());
      meeting.arrive_and_wait();  // both calls are over: it must have been granted
      if (!answer && !flag.set) ++lost;
      if (!answer) answer = request.poll();
      if (!answer) (void)heap.poll();  // so that the test goes on
      if (!answer) answer = request.poll();
      held = answer && *answer ? (*answer)->leak() : nullptr;
      meeting.arrive_and_wait();
    }
  }
  CHECK(lost == 0);
  heap.free(held, token);
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("who polls again and again, without a waker, sees the grant and all that came with it") {
  alignas(64) std::byte region[64];
  Heap heap(region);
  constexpr Layout token{.size = 56, .align = 8};
  constexpr int meetings = tests::rounds(2000);
  Meeting meeting;
  void* held = heap.try_allocate(token);
  std::memset(held, 0, token.size);
  Atomic<int> freed{-1};
  int wrong = 0;
  {
    const std::jthread freer([&] {
      for (int i = 0; i < meetings; ++i) {
        meeting.arrive_and_wait();
        pause(i, 31);
        heap.free(held, token);
        freed.store(i, std::memory_order_release);
        meeting.arrive_and_wait();
      }
    });
    for (int i = 0; i < meetings; ++i) {
      auto request = heap.allocate(token);
      meeting.arrive_and_wait();
      auto answer = request.poll();
      for (int turn = 1; !answer; ++turn) {
        const bool both_returned = turn % 64 == 0 && freed.load(std::memory_order_acquire) == i;
        answer = request.poll();
        if (!answer && both_returned) {
          ++wrong;
          (void)heap.poll();  // so that the test goes on
        }
        if (turn % 64 == 0) std::this_thread::yield();
      }
      void* const data = (*answer)->leak();
      std::memset(data, i & 0xFF, token.size);
      meeting.arrive_and_wait();
      held = data;
    }
  }
  CHECK(wrong == 0);
  heap.free(held, token);
  CHECK(heap.stats().used_bytes == 0);
}

}  // namespace
