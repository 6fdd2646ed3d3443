// purpose: a minimal coroutine type and a run loop, enough for the examples and the tests.
// layer: examples; includes nothing of mneme.
// threads: a task and its loop belong to one thread.
// invariants: a task's frame lives exactly as long as its Task.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>

namespace examples {

/// The default source of coroutine frames: operator new.
struct FramesByNew {
  static void* allocate(std::size_t size) noexcept { return ::operator new(size, std::nothrow); }
  static void free(void* frame, std::size_t size) noexcept { ::operator delete(frame, size); }
};

/// A coroutine that starts at once and runs until it waits. Destroying the Task destroys its frame,
/// and so cancels the request that it waits for. No other thread may be about to resume it.
template <class Frames = FramesByNew>
class [[nodiscard]] BasicTask {
 public:
  struct promise_type {
    static void* operator new(std::size_t size) noexcept { return Frames::allocate(size); }
    static void operator delete(void* frame, std::size_t size) noexcept {
      Frames::free(frame, size);
    }
    static BasicTask get_return_object_on_allocation_failure() noexcept { return BasicTask({}); }
    BasicTask get_return_object() noexcept { return BasicTask(Handle::from_promise(*this)); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };

  BasicTask(BasicTask&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  BasicTask& operator=(BasicTask&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~BasicTask() {
    if (frame_) frame_.destroy();
  }

  /// Whether it has a frame; false if there was no memory for one.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(frame_); }
  [[nodiscard]] bool done() const noexcept { return frame_.done(); }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit BasicTask(Handle frame) noexcept : frame_(frame) {}

  Handle frame_;
};

using Task = BasicTask<>;

/// Polls `heap` until all tasks are done. False if no task can continue: then, on a single thread,
/// there is no one left to free the memory that they wait for.
template <class Heap, class... Tasks>
[[nodiscard]] bool run(Heap& heap, const Tasks&... tasks) {
  while (!(tasks.done() && ...)) {
    if (heap.poll() == 0) return false;
  }
  return true;
}

}  // namespace examples
