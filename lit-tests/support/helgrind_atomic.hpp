// purpose: atomics that tell Helgrind what their memory orders promise, and nothing more.
// layer: tests; includes nothing of mneme.
// threads: any.
// invariants: Helgrind gets only the happens-before edges that the core's memory orders state.
#pragma once

#include <valgrind/helgrind.h>

#include <atomic>
#include <thread>
#include <type_traits>

namespace mneme {

/// Valgrind runs one thread at a time: a spin loop must let the others run.
inline void relax() noexcept { std::this_thread::yield(); }

namespace test {

/// Lets another thread in before about every third operation, else each would run undisturbed to
/// its end. Always the same operations of a thread, so that a run can be repeated.
inline void maybe_yield() noexcept {
  thread_local unsigned state = 1;
  state = state * 1103515245U + 12345U;
  if ((state >> 16) % 3 == 0) relax();
}

}  // namespace test

/// The edges are drawn from each operation's own order argument, so that a weakened order in the
/// core shows as a race on the data it was to publish. Only the atomic's own bytes are exempt from
/// checking: Helgrind does not know that plain loads and stores of them are atomic.
template <class T>
class Atomic {
 public:
  constexpr Atomic() noexcept : Atomic(T{}) {}
  explicit(false) constexpr Atomic(T value) noexcept : value_(value) {
    if (!std::is_constant_evaluated()) exempt();
  }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;
  ~Atomic() {
    ANNOTATE_HAPPENS_BEFORE_FORGET_ALL(&value_);
    VALGRIND_HG_ENABLE_CHECKING(&value_, sizeof value_);
  }

  T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    test::maybe_yield();
    const T value = value_.load(order);
    after(order);
    return value;
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    before(order);
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return both(order, [&] { return value_.exchange(value, order); });
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order good,
                               std::memory_order bad) noexcept {
    test::maybe_yield();
    // A failed exchange publishes nothing, so Helgrind is told of a success before the attempt.
    if (const T seen = value_.load(bad); seen != expected) {
      expected = seen;
      after(bad);
      return false;
    }
    announce(good);
    const bool done = value_.compare_exchange_strong(expected, value, good, bad);
    after(done ? good : bad);
    return done;
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order good,
                             std::memory_order bad) noexcept {
    return compare_exchange_strong(expected, value, good, bad);
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return both(order, [&] { return value_.fetch_add(value, order); });
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return both(order, [&] { return value_.fetch_sub(value, order); });
  }
  T fetch_or(T value, std::memory_order order) noexcept {
    return both(order, [&] { return value_.fetch_or(value, order); });
  }
  T fetch_and(T value, std::memory_order order) noexcept {
    return both(order, [&] { return value_.fetch_and(value, order); });
  }

  // What tests write shorter.
  // NOLINTBEGIN(google-explicit-constructor,misc-unconventional-assign-operator): as std::atomic
  explicit(false) operator T() const noexcept { return load(); }
  T operator=(T value) noexcept { return store(value), value; }
  // NOLINTEND(google-explicit-constructor,misc-unconventional-assign-operator)
  T operator++() noexcept { return fetch_add(1) + 1; }
  T operator++(int) noexcept { return fetch_add(1); }
  T operator--() noexcept { return fetch_sub(1) - 1; }
  T operator--(int) noexcept { return fetch_sub(1); }
  T operator+=(T value) noexcept { return fetch_add(value) + value; }

 private:
  void exempt() noexcept { VALGRIND_HG_DISABLE_CHECKING(&value_, sizeof value_); }

  static bool releases(std::memory_order order) {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
  }
  static bool acquires(std::memory_order order) {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
  }

  template <class F>
  T both(std::memory_order order, F operation) noexcept {
    before(order);
    const T value = operation();
    after(order);
    return value;
  }
  void before(std::memory_order order) const noexcept {
    test::maybe_yield();
    announce(order);
  }
  void announce(std::memory_order order) const noexcept {
    if (releases(order)) ANNOTATE_HAPPENS_BEFORE(&value_);
  }
  void after(std::memory_order order) const noexcept {
    if (acquires(order)) ANNOTATE_HAPPENS_AFTER(&value_);
  }

  std::atomic<T> value_;
};

}  // namespace mneme
