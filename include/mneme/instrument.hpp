// purpose: report the state of each byte of a region to ASan, MSan, TySan and Valgrind.
// layer: L0; includes settings.
// threads: any; the caller owns the bytes.
// invariants: no cost in a build without such a tool; the memory itself is never changed.
#pragma once

#include <cstddef>

#include "settings.hpp"

#ifdef MNEME_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef MNEME_MSAN
#include <sanitizer/msan_interface.h>
#endif
#ifdef MNEME_TYSAN
extern "C" void tysan_set_type_unknown(const void* start, __SIZE_TYPE__ size);
#endif
#ifdef MNEME_VALGRIND
#include <valgrind/memcheck.h>
#endif

namespace mneme::inline MNEME_SETTINGS::instrument {

/// Marks bytes as inaccessible and their contents as undefined: free memory, slack behind a
/// payload.
inline void poison_free([[maybe_unused]] const void* start,
                        [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_ASAN
  __asan_poison_memory_region(start, size);
#endif
#ifdef MNEME_MSAN
  __msan_allocated_memory(start, size);
#endif
#ifdef MNEME_VALGRIND
  (void)VALGRIND_MAKE_MEM_NOACCESS(start, size);
#endif
}

/// Marks bytes as inaccessible and keeps their contents, which the allocator reads: headers.
inline void poison_header([[maybe_unused]] const void* start,
                          [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_ASAN
  __asan_poison_memory_region(start, size);
#endif
#ifdef MNEME_VALGRIND
  (void)VALGRIND_MAKE_MEM_NOACCESS(start, size);
#endif
}

/// Marks a local copy as initialised; it is read for diagnosis only.
inline void mark_initialised([[maybe_unused]] const void* start,
                             [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_MSAN
  __msan_unpoison(start, size);
#endif
#ifdef MNEME_VALGRIND
  (void)VALGRIND_MAKE_MEM_DEFINED(start, size);
#endif
}

/// Marks bytes as accessible and their contents as undefined: the lifetime of the object that was
/// here has ended.
inline void mark_undefined([[maybe_unused]] const void* start,
                           [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_ASAN
  __asan_unpoison_memory_region(start, size);
#endif
#ifdef MNEME_MSAN
  __msan_allocated_memory(start, size);
#endif
#ifdef MNEME_TYSAN
  tysan_set_type_unknown(start, size);
#endif
#ifdef MNEME_VALGRIND
  (void)VALGRIND_MAKE_MEM_UNDEFINED(start, size);
#endif
}

/// Allows an object of another type to begin here (for TypeSanitizer).
inline void begin_reuse([[maybe_unused]] const void* start,
                        [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_TYSAN
  tysan_set_type_unknown(start, size);
#endif
}

/// Reports an allocated payload. It has no red zones for Valgrind: the header and the slack are
/// poisoned anyway, and bytes behind the region do not belong to the heap.
inline void on_malloc([[maybe_unused]] const void* payload,
                      [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_VALGRIND
  VALGRIND_MALLOCLIKE_BLOCK(payload, size, 0, 0);
#endif
}

/// Reports a payload that was resized in place.
inline void on_resize([[maybe_unused]] const void* payload, [[maybe_unused]] std::size_t old_size,
                      [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_VALGRIND
  if (size == 0 || old_size == 0) {  // Valgrind ignores such a resize
    VALGRIND_FREELIKE_BLOCK(payload, 0);
    VALGRIND_MALLOCLIKE_BLOCK(payload, size, 0, 0);
  } else {
    VALGRIND_RESIZEINPLACE_BLOCK(payload, old_size, size, 0);
  }
#endif
}

/// Reports a freed payload.
inline void on_free([[maybe_unused]] const void* payload) noexcept {
#ifdef MNEME_VALGRIND
  VALGRIND_FREELIKE_BLOCK(payload, 0);
#endif
}

/// While such an object lives, Valgrind reports no errors of this thread.
class [[nodiscard]] Unreported {
 public:
#ifdef MNEME_VALGRIND
  Unreported() noexcept { VALGRIND_DISABLE_ERROR_REPORTING; }
  ~Unreported() { VALGRIND_ENABLE_ERROR_REPORTING; }
#else
  Unreported() noexcept = default;
#endif
  Unreported(const Unreported&) = delete;
  Unreported& operator=(const Unreported&) = delete;
};

/// Unpoisons bytes for the allocator's own access, for the lifetime of this object.
class [[nodiscard]] ScopedUnpoison {
 public:
  ScopedUnpoison(const void* start, std::size_t size) noexcept : start_(start), size_(size) {
#ifdef MNEME_ASAN
    __asan_unpoison_memory_region(start_, size_);
#endif
#ifdef MNEME_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED(start_, size_);
#endif
#ifdef MNEME_UNPOISON_HOOK  // a model checker's: it counts as an access
    MNEME_UNPOISON_HOOK(start_, size_);
#endif
  }
  ~ScopedUnpoison() {
#ifdef MNEME_ASAN
    __asan_poison_memory_region(start_, size_);
#endif
#ifdef MNEME_VALGRIND
    (void)VALGRIND_MAKE_MEM_NOACCESS(start_, size_);
#endif
  }
  ScopedUnpoison(const ScopedUnpoison&) = delete;
  ScopedUnpoison& operator=(const ScopedUnpoison&) = delete;

 private:
  [[maybe_unused]] const void* start_;
  [[maybe_unused]] std::size_t size_;
};

}  // namespace mneme::inline MNEME_SETTINGS::instrument
