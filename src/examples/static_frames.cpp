// purpose: coroutine frames without operator new, from a small static heap of their own.
// layer: examples; includes mneme and task.
// threads: one.
// invariants: this program never calls malloc, not even to wait.
#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>

#include "task.hpp"

namespace {

// Two heaps give two budgets: frames cannot use up the memory for data, nor data that for frames.
alignas(16) std::byte frame_region[1024];
alignas(16) std::byte data_region[256];
mneme::Heap frame_heap{frame_region};
mneme::Heap data_heap{data_region};

// A task cannot wait for its own frame, as it does not exist yet. So the frame is allocated by
// try_allocate, and a task without a frame is an empty Task. A frame is freed with its size, so it
// needs no header but that of every block.
struct StaticFrames {
  static void* allocate(std::size_t size) noexcept { return frame_heap.try_allocate({size}); }
  static void free(void* frame, std::size_t size) noexcept { frame_heap.free(frame, {size}); }
};
using Task = examples::BasicTask<StaticFrames>;

Task count(int number) {
  auto numbers = co_await data_heap.make_fixed_vec<int>(40);
  if (!numbers) co_return;
  while (numbers->push(static_cast<int>(numbers->size())) != nullptr) {
  }
  std::printf("task %d: counted to %zu\n", number, numbers->size());
  // The vector is freed here, which grants the next task's request; the frame lives as long as its
  // Task.
}

}  // namespace

int main() {
  // While the data heap is locked, all tasks wait, so that all frames exist at the same time.
  auto guard = data_heap.try_lock();
  const Task one = count(1);
  const Task two = count(2);
  std::printf("frames: %zu, data: %zu\n", frame_heap.stats().live, data_heap.stats().live);
  guard.unlock();

  std::printf("ran %s\n", examples::run(data_heap, one, two) ? "to the end" : "into a deadlock");

  // When the budget is used up, a new task has no frame, which can be checked.
  const mneme::Layout rest{frame_heap.stats().largest_free_bytes.value_or(0) -
                           2 * mneme::word_bytes};
  void* const hog = frame_heap.try_allocate(rest);
  std::printf("another task: %s\n", count(3) ? "started" : "no room for its frame");
  frame_heap.free(hog, rest);
  return 0;
}
