// purpose: the message for an unknown raw heap.
// layer: execute; includes driver_heap, diagnostic.
// threads: pure functions.
// invariants: every row is named.
#include "driver_heap.hpp"

#include <cstdint>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

std::size_t exact_align_max(const AnyRaw& raw) noexcept {
  std::size_t align = word_bytes;
  while (align <= SIZE_MAX / 2) {
    const BlockLayout next{.size = 2 * word_bytes, .align = 2 * align, .header_bytes = word_bytes};
    if (!raw.is_exact(next)) return align;
    align *= 2;
  }
  return SIZE_MAX;
}

std::string unknown_raw_heap(std::string_view name) {
  std::string names;
  for (const std::string_view row : RawHeaps::names) {
    if (!names.empty()) names += ", ";
    names += row;
  }
  return "unknown raw heap " + in_quotes(name) + " (available: " + names + ")" +
         did_you_mean(name, RawHeaps::names);
}

}  // namespace mneme::driver
