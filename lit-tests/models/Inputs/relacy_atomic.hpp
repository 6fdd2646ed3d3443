// purpose: relacy's atomics behind the seam of atomic.hpp, with orders and effects that can go.
// layer: tests; includes nothing of mneme.
// threads: those that relacy plays, one at a time; each operation may be a change of threads.
// invariants: the interface is exactly what the core may use.
#pragma once

// All that anybody includes later: relacy's macros would rewrite it.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <compare>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <span>
#include <spanstream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
// And then, before its macros are taken back:
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

namespace mneme {

namespace model {

/// Where in the source an operation stands.
struct Place {
  const char* function;
  const char* file;
  unsigned line;

  /// As a default argument: where the call stands.
  static Place here(const char* function = __builtin_FUNCTION(),
                    const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {function, file, line};
  }
  [[nodiscard]] rl::debug_info info() const { return {function, file, line}; }
};

/// What is done to one operation, to see that a model notices.
struct Mutation {
  enum class Kind : std::uint8_t { none, weaken, lose };

  Kind kind = Kind::none;
  std::string file;
  unsigned first_line = 0;  // of the statement that holds the operation
  unsigned last_line = 0;
  std::memory_order from{};
  std::memory_order to{};  // weaken

  [[nodiscard]] bool hits(Kind what, const Place& at) const {
    return kind == what && first_line <= at.line && at.line <= last_line && file == at.file;
  }
};
inline Mutation mutation;

/// The order as relacy calls it; both enumerations come in the same order.
[[nodiscard]] inline rl::memory_order order_at(std::memory_order order, const Place& at) {
  const bool weakened = mutation.hits(Mutation::Kind::weaken, at) && order == mutation.from;
  return static_cast<rl::memory_order>(weakened ? mutation.to : order);
}

}  // namespace model

template <class T>
class Atomic {
  // Relacy prints values, and pointers only to what is not const.
  using Pointer = std::remove_const_t<std::remove_pointer_t<T>>*;
  using Stored = std::conditional_t<std::is_enum_v<T>, unsigned,
                                    std::conditional_t<std::is_pointer_v<T>, Pointer, T>>;
  using Place = model::Place;

 public:
  explicit(false) Atomic(T value = T{}) noexcept {
    // Nobody else knows of it yet, so this is no step that the search has to try.
    rl::ctx().disable_preemption();
    atomic_.store(Stored(value), rl::mo_relaxed, Place::here().info());
    rl::ctx().enable_preemption();
  }

  T load(std::memory_order order, Place at = Place::here()) const noexcept {
    return T(atomic_.load(model::order_at(order, at), at.info()));
  }
  void store(T value, std::memory_order order, Place at = Place::here()) noexcept {
    if (!lost(at)) atomic_.store(Stored(value), model::order_at(order, at), at.info());
  }
  T exchange(T value, std::memory_order order, Place at = Place::here()) noexcept {
    if (lost(at)) return seen(at);
    return T(atomic_.exchange(Stored(value), model::order_at(order, at), at.info()));
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order good, std::memory_order bad,
                               Place at = Place::here()) noexcept {
    if (lost(at)) return seen(at) == expected;
    auto found = Stored(expected);
    const bool done =
        atomic_.compare_exchange_strong(found, Stored(value), model::order_at(good, at), at.info(),
                                        model::order_at(bad, at), at.info());
    expected = T(found);
    return done;
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order good, std::memory_order bad,
                             Place at = Place::here()) noexcept {
    if (lost(at)) return seen(at) == expected;
    auto found = Stored(expected);
    const bool done = atomic_.compare_exchange_weak(found, Stored(value), model::order_at(good, at),
                                                    at.info(), model::order_at(bad, at), at.info());
    expected = T(found);
    return done;
  }
  T fetch_add(T value, std::memory_order order, Place at = Place::here()) noexcept {
    return atomic_.fetch_add(lost(at) ? T{} : value, model::order_at(order, at), at.info());
  }
  T fetch_sub(T value, std::memory_order order, Place at = Place::here()) noexcept {
    return atomic_.fetch_sub(lost(at) ? T{} : value, model::order_at(order, at), at.info());
  }
  /// Of several bits, the highest is what is lost.
  T fetch_or(T value, std::memory_order order, Place at = Place::here()) noexcept {
    if (lost(at)) value &= ~std::bit_floor(value);
    return atomic_.fetch_or(value, model::order_at(order, at), at.info());
  }
  T fetch_and(T value, std::memory_order order, Place at = Place::here()) noexcept {
    return atomic_.fetch_and(lost(at) ? ~T{} : value, model::order_at(order, at), at.info());
  }

 private:
  [[nodiscard]] static bool lost(const Place& at) {
    return model::mutation.hits(model::Mutation::Kind::lose, at);
  }
  [[nodiscard]] T seen(const Place& at) const { return T(atomic_.load(rl::mo_acquire, at.info())); }

  mutable rl::atomic<Stored> atomic_;
};

/// A turn of a spin loop: nothing changes before another thread goes on.
inline void relax() noexcept { rl::yield(1, model::Place::here().info()); }

namespace model {

/// Of each thread: relacy's are fibers of one, which share what is thread_local.
inline std::array<bool, 8> threads_inside_wakers{};

}  // namespace model

}  // namespace mneme

#define MNEME_INSIDE_WAKER ::mneme::model::threads_inside_wakers[rl::thread_index()]
