// purpose: the reasons why a request gets no memory, as values.
// layer: L0; includes settings.
// threads: any; plain values.
// invariants: none.
#pragma once

#include <cstdint>

#include "settings.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Why a request gets no memory. Errors are returned as values; none is thrown.
enum class AllocError : std::uint8_t {
  too_large,         ///< not even the empty heap could meet it, or its size overflows
  bad_alignment,     ///< the alignment is not a power of two
  closed,            ///< the heap was closed before the request was granted
  cancelled,         ///< the request was cancelled, or its result was already taken
  would_wait,        ///< for programs that report a `try_` function's nullptr as an error
  region_too_small,  ///< the region cannot hold a heap's control block and one block
  no_room,           ///< a try found no hole that is large enough
  waiters_first,     ///< a try found other requests waiting, which it may not overtake
  locked,            ///< a try found the heap locked, each time it looked
  timed_out,         ///< the deadline of a request passed before it was granted
};

/// The error's name, for messages and logs. Never null.
[[nodiscard]] constexpr const char* to_string(AllocError error) noexcept {
  switch (error) {
    case AllocError::too_large: return "too large";
    case AllocError::bad_alignment: return "bad alignment";
    case AllocError::closed: return "closed";
    case AllocError::cancelled: return "cancelled";
    case AllocError::would_wait: return "would wait";
    case AllocError::region_too_small: return "region too small";
    case AllocError::no_room: return "no room";
    case AllocError::waiters_first: return "waiters first";
    case AllocError::locked: return "locked";
    case AllocError::timed_out: return "timed out";
  }
  return "unknown error";
}

}  // namespace mneme::inline MNEME_SETTINGS
