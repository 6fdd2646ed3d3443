// purpose: a coroutine whose frame comes from a static area, and the list of those to resume.
// layer: firmware; includes port.
// threads: the list is filled in interrupts too; tasks run in main alone.
// invariants: a task lives for ever, so its frame is never given back.
#pragma once

#include <coroutine>
#include <cstddef>

#include "port.hpp"

namespace tasks {

/// Memory for frames, in words.
alignas(8) inline constinit std::byte frames[1536];
inline constinit std::size_t frames_used = 0;

/// Runs at once until it first waits.
struct Task {
  struct promise_type {
    static void* operator new(std::size_t size) noexcept {
      size = (size + 7) & ~std::size_t{7};
      if (size > sizeof frames - frames_used) return nullptr;
      frames_used += size;
      return frames + frames_used - size;
    }
    static void operator delete(void*) noexcept {}
    static Task get_return_object_on_allocation_failure() noexcept { return {.started = false}; }
    Task get_return_object() noexcept { return {.started = true}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {}
  };
  bool started;  ///< false if there was no memory for the frame
};

/// The coroutines that may go on, oldest first. Each is in it once at most.
class ReadyList {
 public:
  /// Also in interrupts.
  void push(std::coroutine_handle<> task) noexcept {
    const port::Masked masked;
    ready_[end_++ % capacity] = task;
  }
  /// An empty handle if there is none.
  [[nodiscard]] std::coroutine_handle<> pop() noexcept {
    const port::Masked masked;
    return begin_ == end_ ? std::coroutine_handle<>{} : ready_[begin_++ % capacity];
  }

 private:
  static constexpr std::size_t capacity = 4;
  std::coroutine_handle<> ready_[capacity];
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tasks
