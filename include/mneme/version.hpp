// purpose: the version of the library and of its tools, in one place.
// layer: L0; includes nothing.
// threads: constant data.
// invariants: the text and the number are made of the same three parts.
#pragma once

// Macros, so that users can compare versions in #if.
#define MNEME_VERSION_MAJOR 0
#define MNEME_VERSION_MINOR 1
#define MNEME_VERSION_PATCH 0

/// The version as one number that grows with each version: 10203 is 1.2.3.
#define MNEME_VERSION \
  (MNEME_VERSION_MAJOR * 10000 + MNEME_VERSION_MINOR * 100 + MNEME_VERSION_PATCH)

#define MNEME_TEXT_OF(number) #number
#define MNEME_VERSION_TEXT_OF(major, minor, patch) \
  MNEME_TEXT_OF(major) "." MNEME_TEXT_OF(minor) "." MNEME_TEXT_OF(patch)

namespace mneme {

inline constexpr const char* version_text =
    MNEME_VERSION_TEXT_OF(MNEME_VERSION_MAJOR, MNEME_VERSION_MINOR, MNEME_VERSION_PATCH);

}  // namespace mneme
