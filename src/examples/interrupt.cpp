// purpose: memory that an interrupt handler gives back; a signal handler stands in for it.
// layer: examples; includes mneme.
// threads: the main program, and a handler that interrupts it anywhere.
// invariants: the handler never waits: a free that finds the heap locked leaves its block behind.
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>
#include <utility>

namespace {

struct Buffer {
  char bytes[400];
};

alignas(16) std::byte dma_region[1024];
mneme::Heap dma_heap{dma_region};

// What the "device" works on. On hardware this hand-over is the register that starts the transfer,
// so the handler never sees it half-written; here the program raises the signal itself.
mneme::Box<Buffer> in_transfer;
bool is_short_of_time = false;

// "Transfer complete": the buffer is no longer needed. Freeing it here takes no lock that could be
// held by what was interrupted, allocates nothing and cannot fail.
void on_interrupt(int) {
  if (is_short_of_time) {
    // The deferring form only pushes the block on a queue: O(1), whatever the heap looks like.
    dma_heap.defer_free(in_transfer.leak(), mneme::Layout::of<Buffer>());
  } else {
    // The plain form, which is what destructors use, does all the work if the heap is not locked.
    in_transfer.reset();
  }
}

void say(const char* when) {
  // counters() only looks, also at a locked heap; stats() would settle it.
  const mneme::Stats stats = dma_heap.counters();
  std::printf("%s: %zu used, %zu deferred\n", when, stats.used_bytes, stats.deferred);
}

void start_transfer() {
  auto request = dma_heap.make<Buffer>();
  if (auto answer = request.poll(); answer && *answer) in_transfer = **std::move(answer);
}

}  // namespace

int main() {
  (void)std::signal(SIGUSR1, on_interrupt);

  start_transfer();
  say("transfer 1 runs");
  (void)std::raise(SIGUSR1);
  say("interrupted while idle");

  start_transfer();
  if (auto guard = dma_heap.try_lock()) {
    (void)std::raise(SIGUSR1);  // the heap is ours just now: the free is left to us
    say("interrupted under a guard");
  }  // letting go reclaims what was deferred
  say("guard let go");

  start_transfer();
  is_short_of_time = true;
  (void)std::raise(SIGUSR1);
  say("interrupted, in a hurry");
  dma_heap.poll();
  say("polled");
  return 0;
}
