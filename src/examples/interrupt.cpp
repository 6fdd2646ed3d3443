// purpose: an interrupt handler that frees memory; a signal handler plays its part.
// layer: examples; includes mneme.
// threads: the main program, and a handler that may interrupt it at any point.
// invariants: the handler never waits: if the heap is locked, a free only queues its block.
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

// The buffer that the "device" uses. On hardware, writing a register would start the transfer, so
// the handler would never see this half-written; here the program raises the signal itself.
mneme::Box<Buffer> in_transfer;
bool is_short_of_time = false;

// "Transfer complete": the buffer is no longer needed. Freeing it here waits for no lock that the
// interrupted code may hold, allocates nothing, and cannot fail.
void on_interrupt(int) {
  if (is_short_of_time) {
    // defer_free only pushes the block on a queue: O(1) in any state of the heap.
    dma_heap.defer_free(in_transfer.leak(), mneme::Layout::of<Buffer>());
  } else {
    // free, which destructors call, does all the work if the heap is not locked.
    in_transfer.reset();
  }
}

void say(const char* when) {
  // counters() changes nothing; stats() would lock the heap, and reclaim the block.
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
    (void)std::raise(SIGUSR1);  // the heap is locked by this guard, so the free is deferred
    say("interrupted under a guard");
  }  // unlocking reclaims the deferred block
  say("guard let go");

  start_transfer();
  is_short_of_time = true;
  (void)std::raise(SIGUSR1);
  say("interrupted, in a hurry");
  dma_heap.poll();
  say("polled");
  return 0;
}
