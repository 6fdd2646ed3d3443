// purpose: classes of request sizes, in powers of two, for statistics and colours.
// layer: report; includes the standard library.
// threads: pure functions.
// invariants: a class is identified by its largest size.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>

namespace mneme::driver {

inline constexpr std::uint64_t smallest_class_bytes = 16;

/// The class of a payload, by its largest size: 16, 32, 64 and so on.
[[nodiscard]] constexpr std::uint64_t size_class_of(std::uint64_t payload_bytes) {
  constexpr std::uint64_t largest = std::uint64_t{1} << 63U;
  if (payload_bytes > largest) return ~std::uint64_t{0};
  return std::max(std::bit_ceil(payload_bytes), smallest_class_bytes);
}

/// `65–128`
[[nodiscard]] inline std::string size_class_text(std::uint64_t size_class) {
  const std::uint64_t least = size_class == smallest_class_bytes ? 0 : size_class / 2 + 1;
  return fmt::format("{}–{}", least, size_class);
}

}  // namespace mneme::driver
