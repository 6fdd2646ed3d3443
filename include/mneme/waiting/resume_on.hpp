// purpose: resumes each coroutine that waited on the event loop that it belongs to.
// layer: L2; includes L0, L1 and owner_request.
// threads: any may post, interrupts too; one thread runs a ReadyQueue.
// invariants: P1: a coroutine that was posted is resumed once, by the next run of its queue.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <utility>

#include "../owner_request.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A coroutine that may go on, as a node of a queue; a part of its own frame until it goes on.
struct ReadyTask {
  std::coroutine_handle<> handle{};
  ReadyTask* next = nullptr;
  bool is_posted = false;  // in a ReadyQueue
};

/// What resumes coroutines, such as an event loop: `post` is called inside the free, the close or
/// the cancel that completed the request, under the rules of a waker: it is short, takes no lock
/// and allocates nothing. It is given either a node, to link it, or the handle.
template <class Scheduler>
concept TaskScheduler = requires(Scheduler& scheduler, ReadyTask& task) {
  { scheduler.post(task) } noexcept;
} || requires(Scheduler& scheduler, std::coroutine_handle<> task) {
  { scheduler.post(task) } noexcept;
};

/// A scheduler made of a function and its argument.
struct Executor {
  void (*execute)(void* context, std::coroutine_handle<> task) noexcept = nullptr;
  void* context = nullptr;

  void post(std::coroutine_handle<> task) const noexcept { execute(context, task); }
};

/// The coroutines that one event loop has to resume. Posting is lock-free, and allocates nothing.
/// It outlives the requests that name it.
class ReadyQueue {
 public:
  /// `waker` is called, by whoever posts, when the queue stops being empty: the loop should then
  /// call run(). A loop that remembers that it was woken must forget that before it calls run().
  explicit ReadyQueue(Waker waker = {}) noexcept : waker_(waker) {}
  ReadyQueue(ReadyQueue&&) = delete;

  /// Any thread, interrupts too.
  void post(ReadyTask& task) noexcept {
    task.is_posted = true;
    // (ready_queue.guess) relaxed: only compared, and linked; publishes nothing.
    ReadyTask* newest = newest_.load(std::memory_order_relaxed);
    do {
      task.next = newest;
      // (ready_queue.post) release: pairs with acquire (ready_queue.drain); publishes the node, and
      // the result that its coroutine will take. (ready_queue.retry) relaxed: only compared, and
      // linked; publishes nothing.
    } while (!newest_.compare_exchange_weak(newest, &task, std::memory_order_release,
                                            std::memory_order_relaxed));
    // From here on the coroutine may run, and end.
    if (newest == nullptr && waker_) waker_.wake(waker_.context);
  }

  /// Resumes the coroutines that were posted before, oldest first, and returns their number. Those
  /// that are posted meanwhile are left to the next call. If one of them throws, that is passed on,
  /// and the others are resumed by the next call. Inside a waker it resumes none, as no free may
  /// run a task (P4). One thread at a time.
  std::size_t run() {
    if (inside_waker()) return 0;
    drain();
    std::size_t resumed = 0;
    for (; oldest_ != nullptr; ++resumed) {
      ReadyTask& task = *std::exchange(oldest_, oldest_->next);
      task.is_posted = false;
      task.handle.resume();
    }
    return resumed;
  }

  /// Removes a coroutine that is destroyed before it was resumed. The thread that calls run().
  /// O(n).
  void remove(ReadyTask& task) noexcept {
    drain();
    ReadyTask** link = &oldest_;
    while (*link != &task) link = &(*link)->next;
    *link = task.next;
    task.is_posted = false;
  }

 private:
  /// Appends what was posted to the list of the thread that runs it.
  void drain() noexcept {
    // (ready_queue.drain) acquire: pairs with release (ready_queue.post); sees the nodes, and the
    // results of their coroutines.
    ReadyTask* newest = newest_.exchange(nullptr, std::memory_order_acquire);
    ReadyTask* first = nullptr;
    while (newest != nullptr) {
      ReadyTask* const older = std::exchange(newest->next, first);
      first = std::exchange(newest, older);
    }
    ReadyTask** end = &oldest_;  // not empty only after an exception, or in a run inside a run
    while (*end != nullptr) end = &(*end)->next;
    *end = first;
  }

  Atomic<ReadyTask*> newest_{nullptr};
  ReadyTask* oldest_ = nullptr;
  Waker waker_;
};

static_assert(TaskScheduler<ReadyQueue> && TaskScheduler<Executor>);

/// A request whose coroutine is posted to a scheduler when it is complete. heap.poll() does not
/// resume it. A request that is granted at once does not suspend its coroutine, which stays where
/// it is.
///
///     mneme::ReadyQueue loop{waker};                                 // one for each event loop
///     auto packet = co_await heap.make<Packet>(7).resume_on(loop);   // goes on in loop.run()
///
/// It can be moved until it begins. A coroutine that waits may be destroyed by the thread of its
/// loop; with a scheduler that is given handles, not between the post and its resumption.
template <class Request, class Scheduler>
class [[nodiscard]] ResumeOn {
 public:
  using Result = typename Request::Result;

  /// `Scheduler` may be a reference.
  ResumeOn(Request&& request, Scheduler&& scheduler)
      : ready_{{}, std::forward<Scheduler>(scheduler)}, request_(std::move(request)) {}
  ResumeOn(ResumeOn&&) = default;
  ResumeOn& operator=(ResumeOn&&) = delete;
  ~ResumeOn() = default;

  [[nodiscard]] Awaiter<ResumeOn> operator co_await() noexcept { return {this}; }
  [[nodiscard]] bool await_ready() noexcept { return request_.await_ready(); }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) noexcept {
    ready_.task.handle = task;
    (void)std::move(request_).wake_by({.wake = wake, .context = &ready_});
    return request_.await_suspend(task);
  }
  [[nodiscard]] Result await_resume() { return request_.await_resume(); }

  /// As Request::cancel: the coroutine is posted to its scheduler, and takes `cancelled`.
  void cancel() noexcept { request_.cancel(); }
  [[nodiscard]] RequestState state() const noexcept { return request_.state(); }

 private:
  struct Ready {
    ReadyTask task;
    Scheduler scheduler;

    Ready(ReadyTask first, Scheduler&& where)
        : task(first), scheduler(std::forward<Scheduler>(where)) {}
    Ready(Ready&&) = default;
    ~Ready() {
      if constexpr (takes_nodes) {
        if (task.is_posted) scheduler.remove(task);
      }
    }
  };

  static constexpr bool takes_nodes =
      requires(Scheduler& scheduler, ReadyTask& task) { scheduler.remove(task); };

  static void wake(void* self) noexcept {
    auto& ready = *static_cast<Ready*>(self);
    if constexpr (requires { ready.scheduler.post(ready.task); }) {
      ready.scheduler.post(ready.task);
    } else {
      ready.scheduler.post(ready.task.handle);
    }
  }

  Ready ready_;
  Request request_;  // destroyed first: that waits for its waker, which uses the rest
};

template <class Heap>
template <class Scheduler>
auto Request<Heap>::resume_on(Scheduler&& scheduler) && {
  static_assert(TaskScheduler<std::remove_reference_t<Scheduler>>);
  return ResumeOn<Request, Scheduler>(std::move(*this), std::forward<Scheduler>(scheduler));
}

template <class Heap, class Build>
template <class Scheduler>
auto OwnerRequest<Heap, Build>::resume_on(Scheduler&& scheduler) && {
  static_assert(TaskScheduler<std::remove_reference_t<Scheduler>>);
  return ResumeOn<OwnerRequest, Scheduler>(std::move(*this), std::forward<Scheduler>(scheduler));
}

}  // namespace mneme::inline MNEME_SETTINGS
