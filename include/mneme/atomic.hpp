// purpose: the atomic type of the whole library, which a model checker can replace; the waker flag.
// layer: L0; includes settings and check.
// threads: any.
// invariants: each operation states its memory order.
#pragma once

#include "check.hpp"
#include "settings.hpp"

#ifdef MNEME_ATOMIC_HEADER
// A model checker's header; it defines mneme::Atomic<T> (with std::memory_order arguments) and
// mneme::relax().
#include MNEME_ATOMIC_HEADER
#else

// Without this check the linker would report undefined symbols such as __atomic_fetch_or_4.
#if __GCC_ATOMIC_INT_LOCK_FREE < 2 && !defined(MNEME_ATOMICS_LINKED)
#error \
    "this core has no atomic read-modify-writes: define MNEME_ATOMICS_LINKED, and link functions \
for them, such as those of src/firmware/atomics.cpp, which mask interrupts"
#endif

#include <atomic>

namespace mneme::inline MNEME_SETTINGS {

/// The atomic type of the library. Every call names its memory order, and tools/house-rules checks
/// that the tags of these calls name each other.
template <class T>
using Atomic = std::atomic<T>;

/// To be called in each turn of a spin loop: a hint to the processor that another core must make
/// progress first.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

}  // namespace mneme::inline MNEME_SETTINGS

#endif

// An lvalue of type bool, of which each thread has its own. A model checker's header defines this
// macro, and so must a program for a target with several cores and no thread_local. The default
// without an operating system is one global variable, which is right for a single core.
#ifndef MNEME_INSIDE_WAKER
#define MNEME_INSIDE_WAKER ::mneme::detail::inside_waker

namespace mneme::inline MNEME_SETTINGS::detail {

#if __STDC_HOSTED__
// Initial-exec: its first use does not allocate, not even in a shared object.
[[gnu::tls_model("initial-exec"), gnu::visibility("default")]]  //
inline constinit thread_local bool inside_waker = false;
#else
inline constinit bool inside_waker = false;
#endif

}  // namespace mneme::inline MNEME_SETTINGS::detail

#endif

namespace mneme::inline MNEME_SETTINGS {

// clang assumes that any use of a thread_local may allocate; an initial-exec one does not.
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
