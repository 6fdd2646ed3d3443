// purpose: the atomic operations of 1 and 4 bytes for a core that has no instructions for them.
// layer: firmware; includes port.
// threads: one core; each operation masks interrupts, so nothing comes in between.
// invariants: a non-maskable interrupt must not use mneme; several cores need instructions.
#include "port.hpp"

#ifndef MNEME_ATOMICS_LINKED
#error "atomics.cpp is for targets without atomic instructions: define MNEME_ATOMICS_LINKED"
#endif

// The names and signatures are those that compilers call (LLVM's Atomics Guide, GCC's libatomic).
// The order of each is met: there is one core, and masking is a compiler barrier.
#define MNEME_ATOMIC_FETCH(name, bytes, Type, result)                        \
  Type __atomic_fetch_##name##_##bytes(volatile void* at, Type value, int) { \
    const port::Masked masked;                                               \
    auto* const place = static_cast<volatile Type*>(at);                     \
    const Type old = *place;                                                 \
    *place = static_cast<Type>(result);                                      \
    return old;                                                              \
  }
#define MNEME_ATOMICS(bytes, Type)                                                            \
  Type __atomic_load_##bytes(const volatile void* at, int) {                                  \
    const port::Masked masked;                                                                \
    return *static_cast<const volatile Type*>(at);                                            \
  }                                                                                           \
  void __atomic_store_##bytes(volatile void* at, Type value, int) {                           \
    const port::Masked masked;                                                                \
    *static_cast<volatile Type*>(at) = value;                                                 \
  }                                                                                           \
  Type __atomic_exchange_##bytes(volatile void* at, Type value, int) {                        \
    const port::Masked masked;                                                                \
    auto* const place = static_cast<volatile Type*>(at);                                      \
    const Type old = *place;                                                                  \
    *place = value;                                                                           \
    return old;                                                                               \
  }                                                                                           \
  bool __atomic_compare_exchange_##bytes(volatile void* at, void* expected, Type wanted, int, \
                                         int) {                                               \
    const port::Masked masked;                                                                \
    auto* const place = static_cast<volatile Type*>(at);                                      \
    auto* const guess = static_cast<Type*>(expected);                                         \
    const Type old = *place;                                                                  \
    const bool same = old == *guess;                                                          \
    if (same) {                                                                               \
      *place = wanted;                                                                        \
    } else {                                                                                  \
      *guess = old;                                                                           \
    }                                                                                         \
    return same;                                                                              \
  }                                                                                           \
  MNEME_ATOMIC_FETCH(add, bytes, Type, old + value)                                           \
  MNEME_ATOMIC_FETCH(sub, bytes, Type, old - value)                                           \
  MNEME_ATOMIC_FETCH(and, bytes, Type, old& value)                                            \
  MNEME_ATOMIC_FETCH(or, bytes, Type, old | value)

extern "C" {
MNEME_ATOMICS(1, std::uint8_t)
MNEME_ATOMICS(4, std::uint32_t)
}
