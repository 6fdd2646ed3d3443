// purpose: the one seam through which every atomic of the protocol goes.
// layer: L0; includes settings.
// threads: any.
// invariants: each operation states its memory order; a model checker replaces all at once.
#pragma once

#ifdef MNEME_ATOMIC_HEADER
// A model checker's header; it defines mneme::Atomic<T> (with std::memory_order arguments) and
// mneme::relax().
#include MNEME_ATOMIC_HEADER
#else

#include <atomic>

#include "settings.hpp"

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
