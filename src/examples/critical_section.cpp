// purpose: a heap for a single core, whose queue lock is a critical section instead of a spin lock.
// layer: examples; includes mneme and task.
// threads: the main program, and handlers that interrupt it.
// invariants: while the queue lock is held, interrupts are masked; so no code ever finds it held.
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>
#include <utility>

#include "task.hpp"

namespace {

// On a single core, an interrupt handler that spins for a lock would hang if it had interrupted the
// holder. Masking interrupts while the lock is held makes that impossible. Here signals play the
// part of interrupts; on a Cortex-M the two functions would set and restore PRIMASK.
class CriticalSection {
 public:
  // The holder may lock it again. So wakers are called while it is held, and no other code on this
  // core can run in the middle of a waker.
  static constexpr bool reentrant = true;

  void lock() noexcept {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    if (depth_++ == 0) before_ = before;
  }
  bool try_lock() noexcept {
    lock();
    return true;
  }
  void unlock() noexcept {
    if (--depth_ == 0) (void)sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t before_{};
  unsigned depth_ = 0;
};

// This alias is all that a program has to change; the owners are named through it.
using Heap = mneme::BasicHeap<mneme::DefaultRaw, CriticalSection>;
template <class T>
using Box = mneme::Box<T, Heap>;

struct Sample {
  double values[50];
};

alignas(16) std::byte sample_region[512];
Heap sample_heap{sample_region};
Box<Sample> recorded;

void on_interrupt(int) { recorded.reset(); }

examples::Task record() {
  auto sample = co_await sample_heap.make<Sample>();
  if (sample) recorded = *std::move(sample);
}

}  // namespace

int main() {
  (void)std::signal(SIGUSR1, on_interrupt);
  const examples::Task first = record();
  const examples::Task second = record();
  std::printf("first %d, second %d\n", first.done(), second.done());

  (void)std::raise(SIGUSR1);  // frees the first sample: the second task's request is granted
  std::printf("waiting %zu\n", sample_heap.stats().waiting);
  std::printf("ran %s\n", examples::run(sample_heap, second) ? "to the end" : "into a deadlock");
  recorded.reset();
  return 0;
}
