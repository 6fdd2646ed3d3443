// purpose: one exact line that stops the program at misuse; and the words for P4, which it ends.
// layer: L0; includes settings.
// threads: any; the line is built on the caller's stack, so interrupts may fail too.
// invariants: a fatal line ends the program, and nothing is allocated on the way.
#pragma once

#include <atomic>
#include <cstddef>
#if __STDC_HOSTED__
#include <cstdio>
#include <cstdlib>
#endif

#include "settings.hpp"

// Promise P4 in the type of a function: it neither waits nor allocates, and calls only what does
// neither; or it may wait. clang proves it with -Wfunction-effects, and RealtimeSanitizer watches
// it in a run.
#if defined(__clang__) && __has_cpp_attribute(clang::nonblocking)
#define MNEME_NONBLOCKING [[clang::nonblocking]]
#define MNEME_BLOCKING [[clang::blocking]]
#else
#define MNEME_NONBLOCKING
#define MNEME_BLOCKING
#endif

#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#define MNEME_RTSAN 1
#include <sanitizer/rtsan_interface.h>
#endif
#endif

namespace mneme::inline MNEME_SETTINGS {

/// True in builds that catch misuse (promise P12).
inline constexpr bool checks_enabled = MNEME_CHECKED != 0;

/// True in builds that also catch an overflow at the free of its own block, and believe nothing
/// that they read in the region before they have compared it with what is beside it.
inline constexpr bool is_hardened = MNEME_CHECKED == 2;

/// Called with one whole line (no newline) when the program must stop. It must not return; if it
/// does, the program traps. May be called from any thread and from interrupts.
using FatalHandler = void (*)(const char* line) noexcept;

namespace detail {

inline void default_fatal([[maybe_unused]] const char* line) noexcept {
#if __STDC_HOSTED__
  std::fflush(stdout);
  std::fputs(line, stderr);
  std::fputc('\n', stderr);
  std::abort();
#endif
}

// A plain std::atomic, not the seam of atomic.hpp: it is set once at start-up and no protocol rests
// on it.
MNEME_SHARED inline constinit std::atomic<FatalHandler> fatal_handler{&default_fatal};

// The handler may wait, also at the end of what is nonblocking: nobody is kept waiting any more.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunknown-warning-option"
#pragma clang diagnostic ignored "-Wfunction-effects"
#endif
[[noreturn]] inline void end_program(const char* line) noexcept MNEME_NONBLOCKING {
#ifdef MNEME_RTSAN
  const __rtsan::ScopedDisabler over;
#endif
  // (fatal.get) acquire: pairs with release (fatal.set); sees what the handler needs.
  fatal_handler.load(std::memory_order_acquire)(line);
  __builtin_trap();
}
#ifdef __clang__
#pragma clang diagnostic pop
#endif

}  // namespace detail

/// Replaces what happens on a fatal line, for targets without stderr.
inline void set_fatal_handler(FatalHandler handler) noexcept {
  // (fatal.set) release: pairs with acquire (fatal.get); publishes whatever the handler needs.
  detail::fatal_handler.store(handler, std::memory_order_release);
}

/// Builds a line `mneme: fatal: …` piece by piece and stops the program with it.
/// Pieces beyond 191 characters are cut off. Never allocates.
class FatalLine {
 public:
  FatalLine() noexcept { text("mneme: fatal: "); }

  FatalLine& text(const char* words) noexcept {
    while (*words != '\0') put(*words++);
    return *this;
  }

  FatalLine& number(std::size_t value) noexcept {
    char digits[24];
    std::size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }

  [[noreturn]] void stop() noexcept MNEME_NONBLOCKING {
    line_[length_] = '\0';
    detail::end_program(line_);
  }

 private:
  void put(char letter) noexcept {
    if (length_ + 1 < sizeof line_) line_[length_++] = letter;
  }

  char line_[192];
  std::size_t length_ = 0;
};

/// Stops the program with `mneme: fatal: WHAT` in checked builds if `good` is false.
constexpr void fatal_unless(bool good, const char* what) noexcept {
  if constexpr (checks_enabled) {
    if (!good) FatalLine{}.text(what).stop();
  }
}

}  // namespace mneme::inline MNEME_SETTINGS
