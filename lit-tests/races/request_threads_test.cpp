// purpose: shows that no wakeup is lost between threads: each sleeps on its waker alone.
// layer: tests; includes mneme and the tests' support.
// threads: several that ask, free, cancel, lock, defer and close at once; TSan watches.
// invariants: the heap is whole once they are done; a test that hangs has lost a wakeup (P1).
// RUN: %runner %build/tests/request_threads_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "support/effort.hpp"
#include "support/names.hpp"

using namespace tests::names;

namespace {

constexpr std::uint32_t threads_count = 4;

/// A small generator of numbers, one for each thread.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}
  [[nodiscard]] std::uint32_t roll(std::uint32_t sides) {
    state_ = state_ * 1664525U + 1013904223U;
    return (state_ >> 16) % sides;
  }

 private:
  std::uint32_t state_;
};

/// Runs `work(number)` on all threads and waits for their end.
template <class F>
void on_threads(F work) {
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 0; i < threads_count; ++i) threads.emplace_back([&work, i] { work(i); });
}

/// Sleeps until the request's waker is called, and takes its answer. Never polls in between, so
/// that a wakeup that gets lost shows.
Request<>::Result await(Request<>& request) {
  Alarm alarm;
  auto answer = request.poll(alarm.waker());
  if (!answer) {
    if (!alarm.wait_for(1)) return std::unexpected(AllocError::would_wait);
    answer = request.poll();
  }
  Request<>::Result result = *std::move(answer);
  request.cancel();  // the waker may run still; the alarm has to outlive it
  return result;
}

/// Fills the block, lets others run, and says whether it is as it was left.
bool keeps_its_bytes(const Allocation<>& block, std::uint32_t mark) {
  auto* const data = static_cast<unsigned char*>(block.data());
  std::memset(data, static_cast<int>(mark & 0xff), block.layout().size);
  std::this_thread::yield();
  for (std::size_t i = 0; i < block.layout().size; ++i) {
    if (data[i] != (mark & 0xff)) return false;
  }
  return true;
}

/// Asks again and again for all the memory that there is, on whatever thread resumes it.
constexpr std::uint32_t turns_of_each = tests::rounds(100U);

tests::Task take_turns(TestHeap& heap, mneme::Atomic<std::uint32_t>& turns) {
  for (std::uint32_t round = 0; round < turns_of_each; ++round) {
    const auto block = co_await heap.allocate(bytes(200));
    if (block) ++turns;
  }
}

}  // namespace

TEST_CASE("threads that compete for too little memory all get their turn") {
  TestHeap heap(512);  // room for two or three of them
  mneme::Atomic<std::uint32_t> kept{0};
  constexpr std::uint32_t rounds = tests::rounds(400U);
  on_threads([&](std::uint32_t thread) {
    Dice dice(thread);
    for (std::uint32_t round = 0; round < rounds; ++round) {
      auto request = heap.allocate(bytes(100 + dice.roll(100)));
      const auto block = await(request);
      if (block && keeps_its_bytes(*block, thread + round)) ++kept;
    }
  });
  CHECK(kept == threads_count * rounds);
  CHECK(heap.stats().grants == threads_count * rounds);
}

TEST_CASE("requests given up at any moment lose neither memory nor the others' wakeups") {
  TestHeap heap(512);
  mneme::Atomic<std::uint32_t> kept{0};
  mneme::Atomic<std::uint32_t> asked{0};
  on_threads([&](std::uint32_t thread) {
    Dice dice(thread + 10);
    for (std::uint32_t round = 0; round < tests::rounds(400U); ++round) {
      Alarm alarm;
      auto request = heap.allocate(bytes(100 + dice.roll(100)));
      if (dice.roll(2) == 0) {  // an impatient one: cancelled while waiting, granted or taken
        const auto answer = request.poll(alarm.waker());
        for (std::uint32_t pause = dice.roll(4); pause > 0; --pause) std::this_thread::yield();
        if (dice.roll(2) == 0) request.cancel();
      } else {
        ++asked;
        const auto block = await(request);
        if (block && keeps_its_bytes(*block, thread + round)) ++kept;
      }
    }
  });
  CHECK(kept == asked);
}

TEST_CASE("guards, deferred frees and polls on other threads strand no request") {
  TestHeap heap(512);
  mneme::Atomic<std::uint32_t> running{threads_count};
  mneme::Atomic<std::uint32_t> kept{0};
  constexpr std::uint32_t rounds = tests::rounds(300U);
  std::jthread meddler([&] {
    while (running > 0) {
      if (auto guard = heap.try_lock()) {
        std::this_thread::yield();
        CHECK(guard.validate() == nullptr);
      }
      heap.poll();
      std::this_thread::yield();
    }
  });
  on_threads([&](std::uint32_t thread) {
    Dice dice(thread + 20);
    for (std::uint32_t round = 0; round < rounds; ++round) {
      auto request = heap.allocate(bytes(100 + dice.roll(100)));
      auto block = await(request);
      if (block && keeps_its_bytes(*block, thread + round)) ++kept;
      if (block && dice.roll(2) == 0) {
        const mneme::Layout layout = block->layout();
        heap.defer_free(block->leak(), layout);
      }
    }
    --running;
  });
  meddler.join();
  CHECK(kept == threads_count * rounds);
}

TEST_CASE("try forms race with requests, and take no memory from waiting ones") {
  TestHeap heap(512);
  mneme::Atomic<std::uint32_t> kept{0};
  mneme::Atomic<std::uint32_t> asked{0};
  on_threads([&](std::uint32_t thread) {
    Dice dice(thread + 30);
    for (std::uint32_t round = 0; round < tests::rounds(400U); ++round) {
      const mneme::Layout layout = bytes(100 + dice.roll(100));
      if (thread % 2 == 0) {
        ++asked;
        auto request = heap.allocate(layout);
        const auto block = await(request);
        if (block && keeps_its_bytes(*block, thread)) ++kept;
      } else if (void* const memory = heap.try_allocate(layout); memory != nullptr) {
        std::memset(memory, 0xee, layout.size);
        heap.free(memory, layout);
      }
    }
  });
  CHECK(kept == asked);
}

TEST_CASE("close completes all waiting requests on every thread, while others still free") {
  for (int round = 0; round < 30; ++round) {
    TestHeap heap(512);
    mneme::Atomic<std::uint32_t> ended{0};
    std::jthread closer([&] {
      while (heap.counters().grants < 20) std::this_thread::yield();
      heap.close();
    });
    on_threads([&](std::uint32_t thread) {
      Dice dice(thread + 40);
      for (;;) {
        auto request = heap.allocate(bytes(100 + dice.roll(100)));
        const auto block = await(request);
        if (!block) {
          if (block.error() == AllocError::closed) ++ended;
          return;
        }
      }
    });
    closer.join();
    CHECK(ended == threads_count);
  }
}

TEST_CASE("a request may be destroyed at the very moment that it is woken") {
  TestHeap heap(256);
  mneme::Atomic<void*> hog{nullptr};
  constexpr int laps = tests::rounds(500);
  mneme::Atomic<int> rounds{0};
  std::jthread freer([&] {
    while (rounds < laps) {
      if (void* const memory = hog.exchange(nullptr); memory != nullptr) {
        heap.free(memory, bytes(240));
        ++rounds;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (int round = 0; round < laps; ++round) {
    // The last round's free has been done, but for its last instructions.
    while (rounds < round) std::this_thread::yield();
    void* memory = nullptr;
    while ((memory = heap.try_allocate(bytes(240))) == nullptr) std::this_thread::yield();
    Alarm alarm;  // goes away with the request, so the waker must not touch it afterwards
    auto request = heap.allocate(bytes(100));
    (void)request.poll(alarm.waker());
    hog.store(memory);
    for (int pause = round % 50; pause > 0; --pause) mneme::relax();
  }
}

TEST_CASE("tasks that poll() resumes go from thread to thread") {
  TestHeap heap(256);
  mneme::Atomic<std::uint32_t> turns{0};
  void* const hog = heap.try_allocate(bytes(200));
  std::vector<tests::Task> tasks;
  tasks.reserve(threads_count);
  for (std::uint32_t i = 0; i < threads_count; ++i) tasks.push_back(take_turns(heap, turns));
  heap.free(hog, bytes(200));
  on_threads([&](std::uint32_t) {
    while (turns < turns_of_each * threads_count) {
      if (heap.poll() == 0) std::this_thread::yield();
    }
  });
  CHECK(turns == turns_of_each * threads_count);
  CHECK(heap.counters().used_bytes == 0);
}
