// purpose: shows that a handler may free while any call of the API runs, on any thread (P4).
// layer: tests; includes mneme and the tests' support.
// threads: one or two, each struck by a timer's handler anywhere in what it does.
// invariants: the heap is whole at the end; a request that waits is granted or withdrawn.
// RUN: %runner %build/tests/a_storm_of_timer_signals_test
// UNSUPPORTED: rtsan, tysan, emulated
// RealtimeSanitizer locks in its own first use by a thread, where the handler may strike and enter
// it again. TypeSanitizer takes variables that share bytes of a coroutine's frame for one object.
// In qemu-i386 a join that a timer's signal interrupts fails with EDEADLK.
#include <sys/time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "support/tasks.hpp"

using tests::Alarm;
using tests::bytes;
using tests::TestHeap;

namespace {

constexpr std::size_t slots_count = 8;

/// What a handler finds to free: of blocks of 24 bytes.
struct Storm {
  std::array<std::atomic<void*>, slots_count> slots{};
  std::atomic<unsigned> frees{0};
  std::atomic<mneme::Heap*> heap{nullptr};

  void strike() noexcept {
    mneme::Heap* const of = heap.load(std::memory_order_acquire);
    if (of == nullptr) return;
    for (auto& slot : slots) {
      void* const block = slot.exchange(nullptr, std::memory_order_acquire);
      if (block == nullptr) continue;
      if (frees.fetch_add(1, std::memory_order_relaxed) % 2 == 0) {
        of->free(block, bytes(24));
      } else {
        of->defer_free(block, bytes(24));
      }
    }
  }
};
Storm storm;

void on_timer(int) { storm.strike(); }

/// Has the handler called every few instructions, on whatever thread runs.
class Timer {
 public:
  Timer() {
    struct sigaction action{};
    action.sa_handler = on_timer;
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGALRM, &action, nullptr);
    const itimerval often{{0, 30}, {0, 30}};
    (void)setitimer(ITIMER_REAL, &often, nullptr);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    const itimerval never{};
    (void)setitimer(ITIMER_REAL, &never, nullptr);
    (void)std::signal(SIGALRM, SIG_IGN);
  }
};

tests::Task wait_for_room(mneme::Heap& heap) { (void)co_await heap.allocate(bytes(200)); }

/// All of the API, in an order of its own, until the storm is over. Only one thread has coroutines,
/// and polls: whoever destroys one must know that nobody resumes it just now.
void work(mneme::Heap& heap, unsigned seed, bool polls, std::chrono::steady_clock::time_point end) {
  std::mt19937 dice(seed);
  Alarm alarm;
  std::vector<tests::Task> tasks;
  while (storm.frees < 4000 && std::chrono::steady_clock::now() < end) {
    if (void* const block = heap.try_allocate(bytes(24)); block != nullptr) {
      void* empty = nullptr;
      if (!storm.slots[dice() % slots_count].compare_exchange_strong(empty, block,
                                                                     std::memory_order_release)) {
        heap.free(block, bytes(24));
      }
    }
    auto first = heap.allocate(bytes(200 + dice() % 100));
    auto answer = first.poll(alarm.waker());
    auto array = heap.make_array<char>(dice() % 100).poll();
    auto shared = heap.make_arc<long>(1L).poll();
    if (shared && *shared) {
      const auto clone = (*shared)->clone();
    }
    if (polls && tasks.size() < 2) tasks.push_back(wait_for_room(heap));
    if (void* const block = heap.try_allocate(bytes(40)); block != nullptr) {
      const bool grew = heap.try_resize(block, bytes(40), bytes(80));
      heap.free(block, bytes(grew ? 80 : 40));
    }
    if (auto guard = heap.try_lock()) {
      if (void* const block = guard.allocate(bytes(16)); block != nullptr) {
        heap.defer_free(block, bytes(16));
      }
      CHECK(guard.validate() == nullptr);
      CHECK(guard.stats().capacity_bytes == heap.capacity_bytes());
    }
    if (dice() % 4 == 0) first.cancel();
    (void)heap.counters();
    if (polls) (void)heap.poll();
    std::erase_if(tasks, [](const tests::Task& task) { return task.done(); });
    if (dice() % 8 == 0) tasks.clear();  // who still waits is withdrawn
  }
}

void run_storm(std::size_t threads) {
  TestHeap heap(512);
  storm.frees = 0;
  storm.heap.store(&heap, std::memory_order_release);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  {
    const Timer timer;
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i) {
      others.emplace_back([&heap, i, end] { work(heap, i, false, end); });
    }
    work(heap, 77, true, end);
  }
  storm.strike();  // for blocks that no handler came to
  storm.heap.store(nullptr, std::memory_order_release);
  while (heap.poll() > 0) {
  }
  CHECK(storm.frees > 0);
  CHECK(heap.counters().waits > 0);
}

}  // namespace

TEST_CASE("a storm of timer signals over the whole API, on one thread") { run_storm(1); }

TEST_CASE("a storm of timer signals over the whole API, on two threads") { run_storm(2); }
