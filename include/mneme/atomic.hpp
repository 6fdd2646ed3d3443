// purpose: the one seam through which every atomic of the protocol goes, and its one thread local.
// layer: L0; includes settings and check.
// threads: any.
// invariants: each operation states its memory order; a model checker replaces all at once.
#pragma once

#include "check.hpp"
#include "settings.hpp"

#ifdef MNEME_ATOMIC_HEADER
// A model checker's header; it defines mneme::Atomic<T> (with std::memory_order arguments) and
// mneme::relax().
#include MNEME_ATOMIC_HEADER
#else

// Without this line such a program ends in undefined symbols, __atomic_fetch_or_4 and the like.
#if __GCC_ATOMIC_INT_LOCK_FREE < 2 && !defined(MNEME_ATOMICS_LINKED)
#error \
    "this core has no atomic read-modify-writes: link functions for them, as those of \
src/firmware/atomics.cpp, which mask interrupts, and define MNEME_ATOMICS_LINKED"
#endif

#include <atomic>

namespace mneme::inline MNEME_SETTINGS {

/// The atomic type of the protocol. Always called with explicit orders; tools/house-rules proves
/// that their tags pair.
template <class T>
using Atomic = std::atomic<T>;

/// One turn of a spin loop: tells the core that another one has to make progress first.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

}  // namespace mneme::inline MNEME_SETTINGS

#endif

// An lvalue of type bool, one a thread. Defined by a model checker's header, and by a program for a
// target with several cores that has no thread_local. Without an operating system it is one global
// variable, which is right for a single core.
#ifndef MNEME_INSIDE_WAKER
#define MNEME_INSIDE_WAKER ::mneme::detail::inside_waker

namespace mneme::inline MNEME_SETTINGS::detail {

#if __STDC_HOSTED__
// Initial-exec: its first use allocates nothing in a shared object either.
[[gnu::tls_model("initial-exec"), gnu::visibility("default")]]  //
inline constinit thread_local bool inside_waker = false;
#else
inline constinit bool inside_waker = false;
#endif

}  // namespace mneme::inline MNEME_SETTINGS::detail

#endif

namespace mneme::inline MNEME_SETTINGS {

// clang takes any use of a thread_local for one that may allocate; this one is initial-exec.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunknown-warning-option"
#pragma clang diagnostic ignored "-Wfunction-effects"
#endif
/// Whether the calling thread is inside a waker, of any heap.
[[nodiscard]] inline bool& inside_waker() noexcept MNEME_NONBLOCKING { return MNEME_INSIDE_WAKER; }
#ifdef __clang__
#pragma clang diagnostic pop
#endif

}  // namespace mneme::inline MNEME_SETTINGS
