// purpose: the table of raw heaps: what scripts, recordings, tests and fuzzers can run on.
// layer: raws; includes L1.
// threads: constant data.
// invariants: a row is a type, called by its own `name`; no two rows have the same name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw_heap.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "best_fit.hpp"

#ifdef MNEME_EXTRA_RAW_HEAPS_HEADER
// Written by `./configure.py --raw-heap=PATH:TYPE`; defines MNEME_EXTRA_RAW_HEAPS.
#include MNEME_EXTRA_RAW_HEAPS_HEADER
#else
#define MNEME_EXTRA_RAW_HEAPS
#endif

/// The rows; the first is the default. A macro, as doctest takes lists of types as arguments.
#define MNEME_RAW_HEAPS ::mneme::Bounded, ::mneme::FirstFit, ::mneme::BestFit MNEME_EXTRA_RAW_HEAPS

namespace mneme {

/// The largest region of a raw heap that declares one.
template <RawHeap Raw>
[[nodiscard]] constexpr std::size_t max_region_bytes_of() noexcept {
  if constexpr (requires { Raw::max_region_bytes; }) return Raw::max_region_bytes;
  return SIZE_MAX;
}

template <RawHeap Raw>
inline constexpr bool is_extensible = requires(Raw& raw) { raw.extend(1); };

/// What the types of a table have in common.
template <RawHeap... Raws>
struct RawHeapTable {
  /// Any one of them.
  using Any = std::variant<Raws...>;

  static constexpr std::array<std::string_view, sizeof...(Raws)> names{Raws::name...};
  static constexpr std::array<std::size_t, sizeof...(Raws)> min_region_bytes{
      Raws::min_region_bytes...};

  static constexpr std::array<std::size_t, sizeof...(Raws)> max_region_bytes{
      max_region_bytes_of<Raws>()...};
  /// Whether memory behind the region can be handed over later.
  static constexpr std::array<bool, sizeof...(Raws)> can_extend{is_extensible<Raws>...};

  /// The row of a name.
  [[nodiscard]] static constexpr std::optional<std::size_t> find(std::string_view name) noexcept {
    const auto at = std::ranges::find(names, name);
    if (at == names.end()) return std::nullopt;
    return static_cast<std::size_t>(at - names.begin());
  }

  /// A raw heap of a row, over a region.
  [[nodiscard]] static Any make(std::size_t row, std::span<std::byte> region) noexcept {
    using Maker = Any (*)(std::span<std::byte>) noexcept;
    static constexpr std::array<Maker, sizeof...(Raws)> makers{
        [](std::span<std::byte> bytes) noexcept {
          return Any(std::in_place_type<Raws>, bytes);
        }...};
    return makers[row](region);
  }

  static_assert(
      [] {
        for (std::size_t row = 0; row < names.size(); ++row) {
          if (find(names[row]) != row) return false;
        }
        return true;
      }(),
      "two raw heaps have the same name");
};

using RawHeaps = RawHeapTable<MNEME_RAW_HEAPS>;

}  // namespace mneme
