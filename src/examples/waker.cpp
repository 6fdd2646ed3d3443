// purpose: the poll interface, for programs without coroutines: poll, be woken, poll again.
// layer: examples; includes mneme.
// threads: one here; but a waker may be called by any thread or interrupt that frees memory.
// invariants: none.
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>

namespace {

// A waker should do little: it runs inside a free, which may be in an interrupt. This one sets a
// flag that the main loop checks; it could also post a semaphore.
void raise_flag(void* flag) noexcept {
  static_cast<std::atomic<bool>*>(flag)->store(true, std::memory_order_release);
}

}  // namespace

int main() {
  alignas(16) static std::byte region[1024];
  mneme::Heap heap{region};
  std::atomic<bool> awake{false};
  const mneme::Waker waker{.wake = raise_flag, .context = &awake};

  // If there is room, the first poll returns the memory.
  auto eager = heap.allocate({.size = 600});
  auto first = eager.poll(waker);
  std::printf("first: %s\n", first && first->has_value() ? "granted at once" : "waits");

  // If there is none, it returns nullopt and keeps the waker. From now on the request cannot be
  // moved: the heap's queue links it where it is, here on the stack.
  auto patient = heap.allocate({.size = 600});
  auto second = patient.poll(waker);
  std::printf("second: %s, awake %d\n", second ? "answered" : "waits", awake.load());

  // A third one is cancelled before its turn comes. Leaving its scope would do the same.
  auto fickle = heap.allocate({.size = 100});
  if (!fickle.poll(waker)) fickle.cancel();
  std::printf("third: cancelled, %zu waits\n", heap.stats().waiting);

  // No request overtakes a waiting one, even if it would fit.
  void* const newcomer = heap.try_allocate({.size = 100});
  std::printf("newcomer: %s\n", newcomer == nullptr ? "has to wait its turn" : "overtook");

  // A free grants the oldest request, and calls its waker once.
  first.reset();
  std::printf("second: awake %d\n", awake.load());
  second = patient.poll(waker);
  if (second && second->has_value()) {
    std::printf("second: has %zu bytes\n", (*second)->layout().size);
  }
  return 0;
}
