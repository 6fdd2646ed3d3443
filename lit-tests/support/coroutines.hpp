// purpose: coroutine types for tests that do with a coroutine more than examples::Task allows.
// layer: tests; includes nothing of mneme.
// threads: a coroutine belongs to one thread at a time.
// invariants: none.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

namespace tests {

enum class OnThrow : std::uint8_t { terminate, rethrow };

/// A coroutine that starts at once. A test may resume it without heap.poll(), and destroy it while
/// it is suspended.
template <OnThrow on_throw>
class [[nodiscard]] BasicOpenTask {
 public:
  struct promise_type {
    BasicOpenTask get_return_object() noexcept {
      return BasicOpenTask(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() {
      if constexpr (on_throw == OnThrow::rethrow) throw;
      std::terminate();
    }
  };

  BasicOpenTask(BasicOpenTask&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  BasicOpenTask& operator=(BasicOpenTask&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~BasicOpenTask() { destroy(); }

  void resume() const { frame_.resume(); }
  void destroy() noexcept {
    if (auto frame = std::exchange(frame_, {})) frame.destroy();
  }
  [[nodiscard]] bool done() const noexcept { return frame_.done(); }

 private:
  explicit BasicOpenTask(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

using OpenTask = BasicOpenTask<OnThrow::terminate>;
/// Lets exceptions out of resume(), as many run loops have it.
using ThrowingTask = BasicOpenTask<OnThrow::rethrow>;

/// A coroutine that starts at once and destroys itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

/// `co_await HandleTo{handle}` stores the handle of the coroutine, which goes on.
struct HandleTo {
  std::coroutine_handle<>& handle;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> own) const noexcept {
    handle = own;
    return false;
  }
  void await_resume() const noexcept {}
};

}  // namespace tests
