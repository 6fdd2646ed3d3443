// purpose: the real heap as models use it: a few words of memory, and tasks that ask for some.
// layer: tests; includes model, and everything.
// threads: those that relacy plays; what only one of them may use is guarded by a Ghost.
// invariants: raw heap, request lists, payloads and wakers' contexts touch a Ghost at each access.
#pragma once

#include "model.hpp"

#include <algorithm>
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>

namespace mneme::model {

inline constexpr std::size_t unit_bytes = 16;  // the smallest block: a header, and a word
inline constexpr Layout unit{.size = 8, .align = 8};
inline constexpr Layout two_units{.size = 24, .align = 8};
inline constexpr Layout three_units{.size = 40, .align = 8};
inline constexpr Layout four_units{.size = 56, .align = 8};

/// First-fit, where each call writes to the raw heap as a whole, and to the block.
class WatchedRaw : public FirstFit {
 public:
  using FirstFit::FirstFit;

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    whole_.touch();
    std::byte* const block = FirstFit::allocate(layout, header);
    if (block != nullptr) Memory::touch(block, layout.size);
    return block;
  }
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    whole_.touch();
    Memory::touch(block, size);
    return FirstFit::deallocate(block, size);
  }
  [[nodiscard]] bool resize(std::byte* block, std::size_t from, BlockLayout wanted) noexcept {
    whole_.touch();
    const std::size_t to = wanted.size;
    const bool done = FirstFit::resize(block, from, wanted);
    if (done) Memory::touch(block + std::min(from, to), std::max(from, to) - std::min(from, to));
    return done;
  }

 private:
  Ghost whole_;
};

/// The spin lock, where all that it guards is written to while it is held.
class WatchedLock : public SpinLock {
 public:
  [[nodiscard]] bool try_lock() noexcept {
    const bool locked = SpinLock::try_lock();
    if (locked) guarded_.touch();
    return locked;
  }
  void lock() noexcept {
    SpinLock::lock();
    guarded_.touch();
  }
  void unlock() noexcept {
    guarded_.touch();
    SpinLock::unlock();
  }

 private:
  Ghost guarded_;
};

template <class Policy>
using HeapWith = BasicHeap<WatchedRaw, WatchedLock, Policy>;
using Heap = HeapWith<Fifo>;

/// What misuse stops with.
inline void fail(const char* line) noexcept {
  rl::ctx().fail_test(line, rl::test_result_user_assert_failed, Place::here().info());
}

/// Writes to a payload, as its owner may.
inline void use(const void* payload, Layout layout = unit) { Memory::touch(payload, layout.size); }

/// A task that waits: its request, what its waker uses, and what it was given.
template <class Heap>
class BasicTask {
 public:
  void begin(Heap& heap, Layout layout = unit) { request_.emplace(heap, layout); }

  /// Asks, and has to wait.
  void wait(Heap& heap, Layout layout = unit) {
    begin(heap, layout);
    RL_ASSERT(!poll());
  }

  /// What became of a task that waited: it was woken once, uses its memory, and gives it back.
  void finish() {
    RL_ASSERT(wakes_ == 1 && poll());
    free();
  }

  /// Polls, and uses the memory if there is some. False if the request waits.
  bool poll() {
    auto answer = request_->poll({.wake = &BasicTask::wake, .context = this});
    if (!answer) return false;
    closed_ = !*answer;
    if (*answer) {
      block_ = std::move(**answer);
      use(block_.data(), block_.layout());
    }
    return true;
  }

  /// The request waits or has memory no more, but is still there.
  void cancel() { request_->cancel(); }
  void raise(std::size_t level) { request_->raise(level); }
  void set_priority(std::size_t level) { (void)std::move(*request_).priority(level); }
  void set_holding() { (void)std::move(*request_).holding(); }

  /// The request is over, and whatever its waker uses.
  void end() {
    request_.reset();
    context_.touch();
    ended_ = true;
  }

  /// Uses the memory once more, and gives it back.
  void free() {
    RL_ASSERT(has_memory());
    use(block_.data(), block_.layout());
    block_.reset();
  }

  [[nodiscard]] bool has_memory() const { return static_cast<bool>(block_); }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] int wakes() const { return wakes_; }

  /// Called by the waker.
  void (*on_wake)(void* argument) = nullptr;
  void* argument = nullptr;

 private:
  static void wake(void* context) noexcept {
    BasicTask& task = *static_cast<BasicTask*>(context);
    RL_ASSERT(!task.ended_);
    ++task.wakes_;
    if (task.on_wake != nullptr) task.on_wake(task.argument);
    task.context_.touch();
  }

  std::optional<Request<Heap>> request_;
  Allocation<Heap> block_;
  Ghost context_;
  int wakes_ = 0;
  bool closed_ = false;
  bool ended_ = false;
};
using Task = BasicTask<Heap>;

/// A task whose thread sleeps while its request waits. A wakeup that is lost is a deadlock.
template <class Heap>
class BasicSleeper : public BasicTask<Heap> {
 public:
  BasicSleeper() {
    this->argument = &bell_;
    this->on_wake = [](void* bell) { static_cast<Bell*>(bell)->ring(); };
  }

  /// Polls until there is an answer, and sleeps in between.
  void sleep() {
    while (!this->poll()) bell_.wait();
  }

  /// Asks, sleeps until it is granted, uses the memory, and gives it back.
  void take_and_free(Heap& heap, Layout layout = unit) {
    this->begin(heap, layout);
    sleep();
    this->free();
  }

 private:
  Bell bell_;
};
using Sleeper = BasicSleeper<Heap>;

/// A model with a heap of so many units.
template <class Self, int threads, std::size_t units, class Heap = model::Heap>
struct World : rl::test_suite<Self, threads> {
  World() { set_fatal_handler(&fail); }

  /// A block that is live from the beginning.
  void* live_block(Layout layout = unit) {
    void* const payload = heap->try_allocate(layout);
    RL_ASSERT(payload != nullptr);
    return payload;
  }

  void free(void* payload, Layout layout = unit) {
    use(payload, layout);
    heap->free(payload, layout);
  }

  /// Nobody holds anything, and nobody has to poll for that: the region is one hole (P9).
  static void check_all_came_back(Heap& heap) {
    RL_ASSERT(!heap.is_locked());
    RL_ASSERT(heap.raw().largest_hole_bytes() == heap.capacity_bytes());
    RL_ASSERT(heap.validate() == nullptr);
  }
  void check_all_came_back() { check_all_came_back(*heap); }

  Memory memory;
  std::unique_ptr<Heap> heap = std::make_unique<Heap>(memory.region(0, units* unit_bytes));
};

}  // namespace mneme::model
