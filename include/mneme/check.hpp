// purpose: the fatal line that stops a program at misuse, and attributes that check promise P4.
// layer: L0; includes settings.
// threads: any, interrupts too: the line is built on the caller's stack.
// invariants: a fatal line ends the program, and allocates nothing.
#pragma once

#include <atomic>
#include <cstddef>
#if __STDC_HOSTED__
#include <cstdio>
#include <cstdlib>
#endif

#include "settings.hpp"

// Promise P4 in the type of a function. A nonblocking one neither waits nor allocates, and only
// calls functions that do neither; a blocking one may wait. clang checks this at compile time
// (-Wfunction-effects), and RealtimeSanitizer at run time.
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

/// True in builds that detect misuse (promise P12).
inline constexpr bool checks_enabled = MNEME_CHECKED != 0;

/// True in builds that also detect an overflow when its own block is freed, and that use nothing
/// they read in the region before they have compared it with the words beside it.
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

// A plain std::atomic, not the Atomic of atomic.hpp: it is set once at start-up, so that no model
// needs it.
MNEME_SHARED inline constinit std::atomic<FatalHandler> fatal_handler{&default_fatal};

// The handler may wait, even if a nonblocking function calls it: the program is about to end.
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

/// Replaces the handler of fatal lines, for targets without stderr. The default prints the line to
/// stderr and aborts; in a freestanding program it does nothing, so that the program traps. Any
/// thread may call this.
inline void set_fatal_handler(FatalHandler handler) noexcept {
  // (fatal.set) release: pairs with acquire (fatal.get); publishes whatever the handler needs.
  detail::fatal_handler.store(handler, std::memory_order_release);
}

/// Builds a line `mneme: fatal: …` piece by piece, and stops the program with it. The line is
/// truncated to 191 characters. Never allocates.
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
