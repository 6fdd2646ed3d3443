// purpose: fills a block with a pattern of its own, and later checks that it is still intact.
// layer: execute; includes nothing.
// threads: none.
// invariants: two serials give patterns that differ in every word, so that overlap shows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace mneme::driver {

/// By this much a word of a pattern is larger than the one before it.
inline constexpr std::uint64_t pattern_step = 0xD6E8FEB86659FD93U;

/// Word `index` of the pattern of `serial`.
[[nodiscard]] constexpr std::uint64_t pattern_word(std::uint64_t serial,
                                                   std::size_t index) noexcept {
  return serial * 0x9E3779B97F4A7C15U + index * pattern_step;
}

/// Fills bytes [from, end) of a block with their part of the pattern of `serial`; `from` is a
/// multiple of 8. O(n).
inline void fill_pattern(std::span<std::byte> bytes, std::uint64_t serial,
                         std::size_t from = 0) noexcept {
  const std::size_t whole = bytes.size() / 8;
  std::uint64_t word = pattern_word(serial, from / 8);
  for (std::size_t index = from / 8; index < whole; ++index) {
    std::memcpy(bytes.data() + index * 8, &word, 8);
    word += pattern_step;
  }
  const std::size_t rest = whole * 8;
  if (from > rest || rest == bytes.size()) return;
  std::memcpy(bytes.data() + rest, &word, bytes.size() - rest);
}

/// The offset of the first byte that is not the pattern's, if any. O(n).
[[nodiscard]] inline std::optional<std::size_t> find_damage(std::span<const std::byte> bytes,
                                                            std::uint64_t serial) noexcept {
  const std::size_t whole = bytes.size() / 8;
  std::uint64_t mismatch = 0;
  std::uint64_t word = pattern_word(serial, 0);
  for (std::size_t index = 0; index < whole; ++index) {
    std::uint64_t found = 0;
    std::memcpy(&found, bytes.data() + index * 8, 8);
    mismatch |= found ^ word;
    word += pattern_step;
  }
  const bool tail_is_good = [&] {
    return bytes.size() % 8 == 0 ||
           std::memcmp(bytes.data() + whole * 8, &word, bytes.size() % 8) == 0;
  }();
  if (mismatch == 0 && tail_is_good) return std::nullopt;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    word = pattern_word(serial, at / 8);
    std::array<std::byte, 8> expected{};
    std::memcpy(expected.data(), &word, 8);
    if (bytes[at] != expected[at % 8]) return at;
  }
  return std::nullopt;
}

}  // namespace mneme::driver
