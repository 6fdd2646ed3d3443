// purpose: shared by the regression tests: a counting waker, and a coroutine that starts at once.
// layer: tests; includes everything.
// threads: a Woken may be woken on any thread; the rest belongs to the test's own.
// invariants: none.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <mneme/mneme.hpp>
#include <utility>

namespace mneme::test {

/// Counts its wakeups.
struct Woken {
  std::atomic<int> times{0};
  [[nodiscard]] Waker waker() noexcept {
    return {.wake = [](void* context) noexcept { ++static_cast<Woken*>(context)->times; },
            .context = this};
  }
};

/// A task that starts at once, and is destroyed with this object wherever it is suspended.
class Task {
 public:
  struct promise_type {
    Task get_return_object() noexcept {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };

  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() { destroy(); }

  void destroy() noexcept {
    if (auto frame = std::exchange(frame_, nullptr)) frame.destroy();
  }
  [[nodiscard]] bool done() const noexcept { return frame_.done(); }

 private:
  std::coroutine_handle<promise_type> frame_;
};

/// Whether the heap is pristine: nothing used, no request waiting, one hole, and valid.
template <class HeapType>
[[nodiscard]] bool as_new(HeapType& heap) {
  const Stats stats = heap.stats();
  return heap.validate() == nullptr && stats.used_bytes == 0 && stats.waiting == 0 &&
         stats.deferred == 0 && stats.largest_free_bytes == heap.capacity_bytes();
}

}  // namespace mneme::test
