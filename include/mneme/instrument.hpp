// purpose: report the state of each byte of a region to ASan, MSan, TySan and Valgrind.
// layer: L0; includes settings.
// threads: any; each call concerns bytes that its caller owns.
// invariants: costs nothing in a build without such a tool; never changes the memory itself.
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

/// Marks bytes as accessible and their contents as undefined; the object that was here has ended.
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

/// Another object is going to begin here.
inline void begin_reuse([[maybe_unused]] const void* start,
                        [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_TYSAN
  tysan_set_type_unknown(start, size);
#endif
}

/// A payload was allocated. Valgrind gets no red zones of its own: header and slack are poisoned
/// anyway, and bytes behind the region are not the heap's.
inline void on_malloc([[maybe_unused]] const void* payload,
                      [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_VALGRIND
  VALGRIND_MALLOCLIKE_BLOCK(payload, size, 0, 0);
#endif
}

/// A payload was resized in place.
inline void on_resize([[maybe_unused]] const void* payload, [[maybe_unused]] std::size_t old_size,
                      [[maybe_unused]] std::size_t size) noexcept {
#ifdef MNEME_VALGRIND
  if (size == 0 || old_size == 0) {  // which Valgrind does not take for a resize
    VALGRIND_FREELIKE_BLOCK(payload, 0);
    VALGRIND_MALLOCLIKE_BLOCK(payload, size, 0, 0);
  } else {
    VALGRIND_RESIZEINPLACE_BLOCK(payload, old_size, size, 0);
  }
#endif
}

/// A payload was freed.
inline void on_free([[maybe_unused]] const void* payload) noexcept {
#ifdef MNEME_VALGRIND
  VALGRIND_FREELIKE_BLOCK(payload, 0);
#endif
}

/// While it lives, Valgrind reports no access of this thread.
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
#ifdef MNEME_UNPOISON_HOOK  // a model checker's, to which this is an access
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
