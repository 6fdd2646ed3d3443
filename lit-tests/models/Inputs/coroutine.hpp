// purpose: a coroutine for models, started at once, whose frame is its owner's.
// layer: tests; includes world.
// threads: begun by one, resumed by another, destroyed when all is over.
// invariants: relacy sees that every frame goes back.
#pragma once

#include "world.hpp"

namespace mneme::model {

class Coroutine {
 public:
  struct promise_type {
    Coroutine get_return_object() noexcept { return Coroutine(Handle::from_promise(*this)); }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() const noexcept { fail("a coroutine threw"); }
  };

  Coroutine() noexcept = default;
  Coroutine(Coroutine&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Coroutine& operator=(Coroutine other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Coroutine() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool done() const { return handle_.done(); }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Coroutine(Handle handle) noexcept : handle_(handle) {}

  Handle handle_;
};

}  // namespace mneme::model
