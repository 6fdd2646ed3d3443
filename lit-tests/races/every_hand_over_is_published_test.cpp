// REQUIRES: tsan || valgrind
// RUN: %helgrind %this -tce='a relaxed*'
// RUN: not %helgrind %this -tc='a relaxed*' 2>&1 | FileCheck %s
// CHECK: {{Possible data race during (read|write) of size|ThreadSanitizer: data race}}
// purpose: shows that what threads hand over through the heap is published, by TSan and Helgrind.
// layer: tests; includes everything, on atomics whose orders Helgrind is told of.
// threads: two to four, which share nothing but the heap and atomics with stated orders.
// invariants: nothing is suppressed; the wrong order beside the right ones is found.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <mneme/mneme.hpp>
#include <optional>
#include <thread>
#include <vector>

using namespace mneme;

namespace {

constexpr Layout layout{.size = 56, .align = 8};  // a block of 64 bytes

struct World {
  std::unique_ptr<std::byte[]> memory = std::make_unique<std::byte[]>(128);
  Heap heap{{memory.get(), 128}};  // room for two blocks
};

/// Runs `act(number)` on so many threads. They are joined by Helgrind's own knowledge of threads.
template <class F>
void on_threads(int count, F act) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int number = 0; number < count; ++number) threads.emplace_back(act, number);
  for (auto& thread : threads) thread.join();
}

/// A task on a thread of its own, which sleeps until its waker calls.
struct Sleeper {
  Waker waker() { return {.wake = &wake, .context = this}; }
  static void wake(void* context) noexcept {
    static_cast<Sleeper*>(context)->awake.store(true, std::memory_order_release);
  }

  Atomic<bool> awake{false};
};

/// One block, waited for if need be: by a waker, or by asking again and again, where nothing but
/// the request's own state tells of the grant.
[[nodiscard]] Allocation<> ask(Heap& heap, bool by_waker) {
  Sleeper sleeper;
  auto request = heap.allocate(layout);
  auto answer = request.poll(by_waker ? sleeper.waker() : Waker{});
  while (!answer) {
    while (by_waker && !sleeper.awake.load(std::memory_order_acquire)) relax();
    relax();
    answer = request.poll();
  }
  return std::move(answer->value());
}

TEST_CASE("blocks that one thread freed are another one's to write") {
  World world;
  on_threads(3, [&](int number) {
    for (int round = 0; round < 100; ++round) {
      void* const block = world.heap.try_allocate(layout);
      if (block == nullptr) {
        relax();
        continue;
      }
      std::memset(block, number, layout.size);
      if (round % 2 == 0) {
        world.heap.free(block, layout);
      } else {
        world.heap.defer_free(block, layout);
      }
    }
  });
  world.heap.poll();
  CHECK(world.heap.validate() == nullptr);
}

TEST_CASE("requests that wait get what others wrote") {
  World world;
  on_threads(4, [&](int number) {
    for (int round = 0; round < 50; ++round) {
      Allocation<> block = ask(world.heap, round % 2 == 0);
      std::memset(block.data(), number, layout.size);
      if (round % 7 == 0) {  // and one that gives up, granted or not
        auto request = world.heap.allocate(layout);
        (void)request.poll();
      }
    }
  });
  CHECK(world.heap.validate() == nullptr);
}

TEST_CASE("guards see what was freed before them") {
  World world;
  on_threads(2, [&](int number) {
    for (int round = 0; round < 100; ++round) {
      auto guard = world.heap.try_lock();
      if (!guard) {
        relax();
        continue;
      }
      void* const block = guard.allocate(layout);
      if (block == nullptr) continue;
      std::memset(block, number, layout.size);
      world.heap.free(block, layout);  // deferred, as the guard is held
      guard.unlock();
    }
  });
  CHECK(world.heap.validate() == nullptr);
}

TEST_CASE("arcs are destroyed after everybody's last use") {
  World world;
  struct Used {
    explicit Used(int* out) : sum_out(out) {}
    ~Used() { *sum_out = uses[0] + uses[1] + uses[2]; }
    int* sum_out;
    int uses[3]{};
  };
  for (int round = 0; round < 20; ++round) {
    int sum = 0;
    {
      auto first = std::move(world.heap.make_arc<Used>(&sum).poll()->value());
      Arc<Used> arcs[] = {first, first, std::move(first)};
      on_threads(3, [&](int number) {
        Arc<Used> mine = std::move(arcs[number]);
        mine->uses[number] = 1;
      });
    }
    CHECK(sum == 3);
  }
}

TEST_CASE("a relaxed hand-over") {
  for (int round = 0; round < 20; ++round) {  // ThreadSanitizer misses some
    int data = 0;
    Atomic<bool> ready{false};
    std::thread writer([&] {
      data = 1;
      ready.store(true, std::memory_order_relaxed);
    });
    while (!ready.load(std::memory_order_acquire)) relax();
    const int seen = data;
    writer.join();
    CHECK(seen == 1);
  }
}

}  // namespace
