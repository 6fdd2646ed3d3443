// purpose: records what coroutines ask of a heap, for `mneme import`, and prints the dump.
// layer: examples; includes mneme, the recorder and task.
// threads: one here; any thread or interrupt may use a recorded heap.
// invariants: none.
#include <mneme/recording/recorder.hpp>

#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>

#include "task.hpp"

namespace {

using Heap = mneme::BasicHeap<mneme::Recorded<mneme::Bounded>>;
using Block = mneme::Allocation<Heap>;

// The newest 64 events, in memory of your own.
constinit mneme::RecordSlot places[64];
constinit mneme::Recorder recorder{places, mneme::WhenFull::overwrite};

/// Reads into one buffer and writes from another. A coroutine sets its number when it begins and
/// after each co_await, as another one may have run meanwhile.
examples::Task copy(Heap& heap, unsigned number, Block& outbox) {
  mneme::current_task() = number;
  auto in = co_await heap.allocate({.size = 400});
  mneme::current_task() = number;
  auto out = co_await heap.allocate({.size = 400});
  mneme::current_task() = number;
  if (in && out) outbox = *std::move(out);
}

}  // namespace

int main() {
  alignas(16) static std::byte region[1024];
  static Heap heap{region};
  mneme::record(heap, recorder);
  {
    Block first;
    Block second;
    const examples::Task tasks[] = {copy(heap, 1, first), copy(heap, 2, second)};
    {
      const mneme::AsTask interrupt(3);  // it sends both
      first.reset();
      second.reset();
    }
    heap.poll();
  }
  recorder.dump([](const char* text, std::size_t size) { std::fwrite(text, 1, size, stdout); });
  return 0;
}
