// purpose: the coroutine type of tasks that are explored, and what they can await.
// layer: testing; includes L0–L3 and world_base.
// threads: one.
// invariants: a task stops before each operation that another task could notice.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include "../request.hpp"
#include "operation.hpp"
#include "world_base.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// `heap.allocate(…)`, `heap.make<T>(…)` and the like.
template <class T>
concept AnyRequest = requires(T& request) {
  { request.state() } -> std::same_as<RequestState>;
  request.cancel();
  request.await_ready();
};

/// Awaits an operation that the caller keeps.
template <class Awaited>
class OperationAwaiter {
 public:
  OperationAwaiter(Awaited& operation, const std::source_location& where)
      : operation_{operation}, where_{where} {}
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> task) {
    operation_.announced(task, where_);
    WorldBase::running().announce(operation_);
  }
  decltype(auto) await_resume() { return operation_.result(); }

 private:
  Awaited& operation_;
  std::source_location where_;
};

/// Awaits a request for memory.
template <AnyRequest Awaited>
class RequestOperation final : public Operation {
 public:
  RequestOperation(Awaited& request, bool can_time_out, const std::source_location& where)
      : request_{request}, where_{where}, can_time_out_{can_time_out} {}

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> task) {
    announced(task, where_);
    WorldBase::running().announce(*this);
  }
  [[nodiscard]] auto await_resume() {
    auto result = request_.await_resume();
    WorldBase::running().received(
        result.has_value() ? 0 : 1 + static_cast<std::uint64_t>(result.error()));
    return result;
  }

  [[nodiscard]] bool start(std::size_t /*choice*/) override {
    return request_.await_ready() || !request_.await_suspend(task());
  }
  [[nodiscard]] bool can_time_out() const override { return can_time_out_; }
  void give_up() override { request_.cancel(); }
  [[nodiscard]] std::string text() const override { return "a request"; }

 private:
  Awaited& request_;
  std::source_location where_;
  bool can_time_out_;
};

/// A request that may be given up, at any moment: `co_await or_timeout(heap.make<Packet>())`. Its
/// result is then `cancelled`.
template <AnyRequest Awaited>
struct OrTimeout {
  Awaited& request;
};
template <AnyRequest Awaited>
[[nodiscard]] OrTimeout<Awaited> or_timeout(Awaited&& request)
  requires(!std::is_lvalue_reference_v<Awaited>)
{
  return {request};
}

/// A step that does nothing: another task may run here. Put one before a `try_allocate`.
class Yield final : public Operation {
 public:
  [[nodiscard]] bool start(std::size_t /*choice*/) override { return true; }
  [[nodiscard]] bool yields() const override { return true; }
  [[nodiscard]] std::string text() const override { return "yield"; }
  static void result() {}
};
[[nodiscard]] inline Yield yield() { return {}; }

/// `co_await choose(3)` is 0, 1 or 2: each is explored.
class Choose final : public Operation {
 public:
  explicit Choose(std::size_t count) : count_{count} {}
  [[nodiscard]] std::size_t choices() const override { return count_; }
  [[nodiscard]] bool start(std::size_t choice) override {
    chosen_ = choice;
    return true;
  }
  [[nodiscard]] std::string text() const override { return "choose"; }
  [[nodiscard]] std::size_t result() const {
    WorldBase::running().received(chosen_);
    return chosen_;
  }

 private:
  std::size_t count_;
  std::size_t chosen_ = 0;
};
[[nodiscard]] inline Choose choose(std::size_t count) { return Choose{count}; }

/// `co_await again()` at the end of each round of an endless loop says: all variables of the task
/// are now as at its beginning, but for the blocks that it holds. It takes no step.
struct Again {};
[[nodiscard]] inline Again again() { return {}; }

/// A coroutine that is a task of a World, or a part of one: `co_await part(heap);`.
class [[nodiscard]] Task {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : frame_{std::exchange(other.frame_, {})} {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }
  /// The frame, which the caller then owns.
  [[nodiscard]] Handle release() noexcept { return std::exchange(frame_, {}); }

 private:
  explicit Task(Handle frame) noexcept : frame_{frame} {}

  Handle frame_;
};

class Task::promise_type : public TaskPromise {
 public:
  Task get_return_object() { return Task{Handle::from_promise(*this)}; }
  static std::suspend_always initial_suspend() noexcept { return {}; }
  static auto final_suspend() noexcept { return End{}; }
  static void return_void() noexcept {}
  void unhandled_exception() noexcept { error = std::current_exception(); }

  template <class Awaited>
    requires std::derived_from<std::remove_reference_t<Awaited>, Operation>
  [[nodiscard]] auto await_transform(
      Awaited&& operation, const std::source_location& where = std::source_location::current()) {
    return OperationAwaiter<std::remove_reference_t<Awaited>>{operation, where};
  }
  template <class Awaited>
    requires AnyRequest<std::remove_reference_t<Awaited>>
  [[nodiscard]] auto await_transform(
      Awaited&& request, const std::source_location& where = std::source_location::current()) {
    return RequestOperation<std::remove_reference_t<Awaited>>{request, false, where};
  }
  template <class Awaited>
  [[nodiscard]] auto await_transform(
      OrTimeout<Awaited> request,
      const std::source_location& where = std::source_location::current()) {
    return RequestOperation<Awaited>{request.request, true, where};
  }
  [[nodiscard]] std::suspend_never await_transform(Again /*again*/) {
    WorldBase::running().begin_again();
    return {};
  }
  [[nodiscard]] auto await_transform(Task&& part) { return Part{part.frame_}; }

 private:
  /// Goes on with the task that this one is a part of.
  struct End {
    [[nodiscard]] static bool await_ready() noexcept { return false; }
    [[nodiscard]] static std::coroutine_handle<> await_suspend(Handle task) noexcept {
      const std::coroutine_handle<> whole = task.promise().whole;
      return whole ? whole : std::noop_coroutine();
    }
    static void await_resume() noexcept {}
  };
  struct Part {
    Handle part;
    [[nodiscard]] static bool await_ready() noexcept { return false; }
    [[nodiscard]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<> whole) const noexcept {
      part.promise().whole = whole;
      return part;
    }
    void await_resume() const {
      if (part.promise().error) std::rethrow_exception(part.promise().error);
    }
  };
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
