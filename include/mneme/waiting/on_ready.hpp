// purpose: calls a waker when a heap has coroutines to resume, so that an event loop polls then.
// layer: L2; includes L0, L1 and basic_heap.
// threads: made and destroyed by any thread; the waker is called by whoever completes requests.
// invariants: after each waker call and before its poll(), every ready coroutine has a call (P1).
#pragma once

#include "../basic_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Calls a waker whenever the list of ready coroutines stops being empty, until it is destroyed.
/// The waker should let the event loop call heap.poll() once, soon; every place that frees may then
/// forget about polling.
///
///     auto hook = heap.on_ready({.wake = &Loop::post_poll, .context = &loop});
///
/// Coroutines that become ready while a poll() resumes others are left to the next one: so the
/// first of these calls the waker too, although the list is not empty. It may be called once more
/// than needed, as a poll() resumes what became ready in its own beginning. A loop that remembers
/// that it was woken must forget that *before* it polls. If poll() throws, poll again: the
/// coroutines behind the one that threw are still ready.
///
/// The waker runs inside a free, an unlock, a poll, a close or a cancel, under the rules of all
/// wakers; poll() inside it resumes nothing. Two threads may call it at once, and more than once.
/// Coroutines with a waker of their own (wake_by, resume_on) do not concern it.
template <class Heap = mneme::Heap>
class [[nodiscard]] OnReady {
 public:
  /// If coroutines are ready already, calls `waker` before it returns. A heap has one OnReady at a
  /// time.
  OnReady(Heap& heap, Waker waker) noexcept : heap_(heap) {
    fatal_unless(static_cast<bool>(waker), "on_ready without a waker");
    hook_.waker = waker;
    heap_.with_requests_then_settle([&] { heap_.requests_.set_on_ready(&hook_); });
    heap_.call_due_wakers();
  }
  OnReady(OnReady&&) = delete;
  /// Waits for the waker to return if it is running, except inside a waker.
  ~OnReady() {
    heap_.with_requests_then_settle([&] { heap_.requests_.set_on_ready(nullptr); });
    heap_.requests_.await_waker(hook_);
  }

 private:
  Heap& heap_;
  Waiter hook_{};  // never waits: its list and its waker are those of a due waker
};

template <RawHeap Raw, QueueLock Queue, QueuePolicy Policy>
OnReady<BasicHeap<Raw, Queue, Policy>> BasicHeap<Raw, Queue, Policy>::on_ready(
    Waker waker) noexcept {
  return OnReady<BasicHeap>(*this, waker);
}

}  // namespace mneme::inline MNEME_SETTINGS
