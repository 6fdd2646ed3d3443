// purpose: the settings of a build, and the namespace that keeps files of different settings apart.
// layer: L0; includes nothing of mneme.
// threads: any; preprocessor only.
// invariants: two files that disagree on a setting share no name of the library.
#pragma once

// Included before all else that needs C++23, so that this is the first error of an older compiler.
#if defined(__has_include)
#if __has_include(<expected>)
#include <expected>
#endif
#endif
#if !defined(__cpp_lib_expected) || !defined(__cpp_impl_coroutine)
#error "mneme needs C++23: g++ 12 or later, or clang++ 19 or later, with -std=c++23"
#endif

// How much is checked. 0: nothing. 1, the default: each pointer and layout that is passed to the
// heap, and the words that the call then reads. 2, hardened: also whether an overflow wrote behind
// a payload. README.md has the table.
#ifndef MNEME_CHECKED
#define MNEME_CHECKED 1
#endif
#if MNEME_CHECKED != 0 && MNEME_CHECKED != 1 && MNEME_CHECKED != 2
#error "MNEME_CHECKED must be 0, 1 or 2"
#endif

// The number of freed blocks that each heap fills with a pattern, and does not reuse until it has
// freed as many more. A write to them in the meantime is detected. Needs MNEME_CHECKED.
#ifndef MNEME_QUARANTINE
#define MNEME_QUARANTINE 0
#endif
#if MNEME_QUARANTINE < 0 || (MNEME_QUARANTINE > 0 && MNEME_CHECKED == 0)
#error "MNEME_QUARANTINE must be a number of blocks, and 0 if MNEME_CHECKED is 0"
#endif

// Statistics are kept by default. Define as 0 to save their memory and their time, or as 2 to have
// them in detail (stats.hpp), which takes an atomic operation more for each allocation and free.
#ifndef MNEME_STATS
#define MNEME_STATS 1
#endif
#if MNEME_STATS != 0 && MNEME_STATS != 1 && MNEME_STATS != 2
#error "MNEME_STATS must be 0, 1 or 2"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MNEME_ASAN 1
#endif
#if __has_feature(memory_sanitizer)
#define MNEME_MSAN 1
#endif
#if __has_feature(type_sanitizer)
#define MNEME_TYSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(MNEME_ASAN)
#define MNEME_ASAN 1
#endif

// The tool to which this build reports the state of memory.
#if defined(MNEME_ASAN)
#define MNEME_TOOL _asan
#elif defined(MNEME_MSAN)
#define MNEME_TOOL _msan
#elif defined(MNEME_TYSAN)
#define MNEME_TOOL _tysan
#elif defined(MNEME_VALGRIND)
#define MNEME_TOOL _valgrind
#else
#define MNEME_TOOL
#endif

// All of mneme is in an inline namespace that is named after the settings, such as
// checked_1_stats_1 or checked_2_quarantine_8_stats_1. If a heap is passed between files with
// different settings, the program does not link, and the name of the undefined symbol shows the
// settings. Files with different settings may each use heaps of their own.
#define MNEME_JOIN_EXPANDED(checked, held, stats, tool) \
  checked_##checked##held##_stats_##stats##tool
#define MNEME_JOIN(checked, held, stats, tool) MNEME_JOIN_EXPANDED(checked, held, stats, tool)
#define MNEME_HELD_EXPANDED(blocks) _quarantine_##blocks
#define MNEME_HELD_OF(blocks) MNEME_HELD_EXPANDED(blocks)
#if MNEME_QUARANTINE > 0
#define MNEME_HELD MNEME_HELD_OF(MNEME_QUARANTINE)
#else
#define MNEME_HELD
#endif
#define MNEME_SETTINGS MNEME_JOIN(MNEME_CHECKED, MNEME_HELD, MNEME_STATS, MNEME_TOOL)

// For the few functions that every allocation or free calls: they are inlined, except in programs
// that are built for size (-Os) or without optimisation.
#if defined(__OPTIMIZE_SIZE__) || !defined(__OPTIMIZE__)
#define MNEME_HOT
#else
#define MNEME_HOT [[gnu::always_inline]]
#endif

// For a variable that all shared objects of a program share, even if they hide their symbols.
#if defined(__GNUC__) && !defined(_WIN32)
#define MNEME_SHARED [[gnu::visibility("default")]]
#else
#define MNEME_SHARED
#endif
