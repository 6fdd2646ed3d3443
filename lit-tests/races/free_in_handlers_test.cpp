// purpose: shows that a signal handler may free at any moment, whatever it interrupts (P4).
// layer: tests; includes mneme and the tests' support.
// threads: one, and a timer's handler that strikes anywhere in it.
// invariants: the heap is whole at the end.
// RUN: %runner %build/tests/free_in_handlers_test
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>

#include "support/names.hpp"

using namespace tests::names;

namespace {

struct Device {
  std::atomic<void*> block{nullptr};
  std::atomic<unsigned> frees{0};
  mneme::Heap* heap = nullptr;
};
Device device;

void on_interrupt(int) {
  void* const block = device.block.exchange(nullptr, std::memory_order_acquire);
  if (block == nullptr) return;
  if (device.frees.fetch_add(1, std::memory_order_relaxed) % 2 == 0) {
    device.heap->free(block, bytes(3_words));
  } else {
    device.heap->defer_free(block, bytes(3_words));
  }
}

/// Has the handler called every few instructions, for as long as it lives.
class Interrupts {
 public:
  Interrupts() {
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGALRM);
    (void)std::signal(SIGALRM, on_interrupt);
    const itimerval often{{0, 20}, {0, 20}};
    (void)setitimer(ITIMER_REAL, &often, nullptr);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts() {
    const itimerval never{};
    (void)setitimer(ITIMER_REAL, &never, nullptr);
    (void)std::signal(SIGALRM, SIG_IGN);
  }

  sigset_t signals{};
};

}  // namespace

TEST_CASE("frees in a handler meet the heap in any state, and all come back") {
  TestHeap heap(64_words);
  device.heap = &heap;
  const auto begin = std::chrono::steady_clock::now();
  {
    const Interrupts interrupts;
    Alarm alarm;
    bool is_over = false;
    for (unsigned round = 0; !is_over; ++round) {
      // So that a request waits now and then also where every interrupt comes before it asks.
      const bool is_late = round % 64 == 0;
      if (is_late) (void)pthread_sigmask(SIG_BLOCK, &interrupts.signals, nullptr);
      if (device.block.load(std::memory_order_relaxed) == nullptr) {
        if (void* const block = heap.try_allocate(bytes(3_words)); block != nullptr) {
          device.block.store(block, std::memory_order_release);
        }
      }
      // Two requests that fit together only if the handler has freed: so the second one waits, and
      // is granted by it or withdrawn. And a guard, under which the handler has to defer.
      auto first = heap.allocate(bytes(30_words));
      const auto first_answer = first.poll(alarm.waker());
      auto second = heap.allocate(bytes(29_words));
      const auto second_answer = second.poll(alarm.waker());
      if (is_late) (void)pthread_sigmask(SIG_UNBLOCK, &interrupts.signals, nullptr);
      const auto guard = heap.try_lock();
      (void)heap.poll();
      if (!is_late) continue;  // so that most interrupts strike the heap, not its checks
      CHECK(guard.validate() == nullptr);
      const auto elapsed = std::chrono::steady_clock::now() - begin;
      is_over = device.frees >= 3000 || elapsed > std::chrono::milliseconds(500);
    }
  }
  on_interrupt(SIGALRM);  // for a block that it did not come to
  (void)heap.poll();
  CHECK(device.frees > 0);
  CHECK(heap.counters().waits > 0);
  CHECK(sound(heap));
}

TEST_CASE("a waker may be called in a handler, and its task goes on with the next poll") {
  TestHeap heap(32_words);
  device.heap = &heap;
  int ended = 0;
  auto work = [](mneme::Heap& home, int& into) -> tests::Task {
    const auto block = co_await home.allocate(bytes(30_words));
    into += static_cast<int>(block.has_value());
  };
  (void)std::signal(SIGUSR1, on_interrupt);
  for (int round = 0; round < 10; ++round) {
    Alarm alarm;
    device.block = heap.try_allocate(bytes(3_words));
    auto by_hand = heap.allocate(bytes(30_words));
    CHECK(!by_hand.poll(alarm.waker()));
    const tests::Task task = work(heap, ended);
    (void)std::raise(SIGUSR1);
    if (device.frees % 2 == 0) heap.poll();  // it was deferred this time
    CHECK(alarm.rings() == 1);
    (void)granted(by_hand);  // and given back at once, to the task
    CHECK(ended == round);
    CHECK(heap.poll() == 1);
    CHECK(ended == round + 1);
  }
  (void)std::signal(SIGUSR1, SIG_DFL);
}
