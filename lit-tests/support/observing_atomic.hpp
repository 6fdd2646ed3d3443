// purpose: atomics that count operations, need explicit orders, and call a hook before each.
// layer: tests; includes nothing of mneme.
// threads: the hook and the counts are for tests with one thread.
// invariants: the interface is exactly what the core may use.
#pragma once

#include <atomic>
#include <cstddef>

namespace mneme {

namespace test {

inline std::size_t operations = 0;  // all of them
inline std::size_t writes = 0;      // stores and read-modify-writes

/// Called before every operation, including its own: simulates an interrupt.
inline void (*interrupt)() = nullptr;

/// Called for every turn of a spin loop.
inline void (*spinning)() = nullptr;

inline void note(bool is_write) noexcept {
  ++operations;
  if (is_write) ++writes;
  if (interrupt != nullptr) interrupt();
}

}  // namespace test

template <class T>
class Atomic {
 public:
  constexpr Atomic() noexcept = default;
  constexpr explicit(false) Atomic(T value) noexcept : value_(value) {}

  T load(std::memory_order order) const noexcept {
    test::note(false);
    return value_.load(order);
  }
  void store(T value, std::memory_order order) noexcept {
    test::note(true);
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    test::note(true);
    return value_.exchange(value, order);
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order good,
                               std::memory_order bad) noexcept {
    test::note(true);
    return value_.compare_exchange_strong(expected, value, good, bad);
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order good,
                             std::memory_order bad) noexcept {
    test::note(true);
    return value_.compare_exchange_weak(expected, value, good, bad);
  }
  T fetch_add(T value, std::memory_order order) noexcept {
    test::note(true);
    return value_.fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order) noexcept {
    test::note(true);
    return value_.fetch_sub(value, order);
  }
  T fetch_or(T value, std::memory_order order) noexcept {
    test::note(true);
    return value_.fetch_or(value, order);
  }
  T fetch_and(T value, std::memory_order order) noexcept {
    test::note(true);
    return value_.fetch_and(value, order);
  }

 private:
  std::atomic<T> value_{};
};

inline void relax() noexcept {
  if (test::spinning != nullptr) test::spinning();
}

}  // namespace mneme
