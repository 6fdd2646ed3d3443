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
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "any_placement.hpp"
#include "best_fit.hpp"
#include "sized_rows.hpp"

#ifdef MNEME_EXTRA_RAW_HEAPS_HEADER
// Written by `./configure.py --raw-heap=PATH:TYPE`; defines MNEME_EXTRA_RAW_HEAPS.
#include MNEME_EXTRA_RAW_HEAPS_HEADER
#else
#define MNEME_EXTRA_RAW_HEAPS
#endif

/// The rows; the first is the default. A macro, as doctest takes lists of types as arguments.
#define MNEME_RAW_HEAPS \
  ::mneme::Bounded, ::mneme::FirstFit, ::mneme::BestFit, ::mneme::SmallBounded MNEME_EXTRA_RAW_HEAPS

namespace mneme {

/// The largest region of a raw heap that declares one.
template <RawHeap Raw>
[[nodiscard]] constexpr std::size_t max_region_bytes_of() noexcept {
  if constexpr (requires { Raw::max_region_bytes; }) return Raw::max_region_bytes;
  return SIZE_MAX;
}

template <RawHeap Raw>
inline constexpr bool is_extensible = requires(Raw& raw) { raw.extend(1); };

template <RawHeap Raw>
[[nodiscard]] constexpr std::string_view number_of() noexcept {
  if constexpr (requires { Raw::number_is; }) return Raw::number_is;
  return {};
}

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

  /// What the number behind a name is, as in `raw=pool:64`; empty: there is none.
  static constexpr std::array<std::string_view, sizeof...(Raws)> number_is{number_of<Raws>()...};

  /// A raw heap of a row, over a region.
  [[nodiscard]] static Any make(std::size_t row, std::span<std::byte> region,
                                RawArguments arguments = {}) noexcept {
    using Maker = Any (*)(std::span<std::byte>, RawArguments) noexcept;
    static constexpr std::array<Maker, sizeof...(Raws)> makers{
        [](std::span<std::byte> bytes, [[maybe_unused]] RawArguments given) noexcept {
          if constexpr (number_of<Raws>().empty()) {
            return Any(std::in_place_type<Raws>, bytes);
          } else {
            return Any(std::in_place_type<Raws>, bytes, given);
          }
        }...};
    return makers[row](region, arguments);
  }

  /// What is wrong with the number of a row that has one, if anything is.
  [[nodiscard]] static std::optional<std::string> wrong(std::size_t row, std::uint64_t size_bytes,
                                                        RawArguments arguments) {
    using Judge = std::optional<std::string> (*)(std::uint64_t, RawArguments);
    static constexpr std::array<Judge, sizeof...(Raws)> judges{
        [](std::uint64_t size, RawArguments given) -> std::optional<std::string> {
          if constexpr (number_of<Raws>().empty())
            return std::nullopt;
          else
            return Raws::wrong(size, given);
        }...};
    return judges[row](size_bytes, arguments);
  }

  /// How long the region of a row must be for a heap of this size.
  [[nodiscard]] static std::uint64_t region_bytes(std::size_t row, std::uint64_t size_bytes,
                                                  RawArguments arguments) noexcept {
    using Sum = std::uint64_t (*)(std::uint64_t, RawArguments) noexcept;
    static constexpr std::array<Sum, sizeof...(Raws)> sums{
        [](std::uint64_t size, RawArguments given) noexcept -> std::uint64_t {
          if constexpr (number_of<Raws>().empty())
            return size;
          else
            return Raws::region_bytes(size, given);
        }...};
    return sums[row](size_bytes, arguments);
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

/// Those that need a region and nothing else, and can take any request that fits into it.
using RawHeaps = RawHeapTable<MNEME_RAW_HEAPS>;
/// Those that scripts without tasks can name: the same rows, and behind them some with a number.
using ScriptRawHeaps = RawHeapTable<MNEME_RAW_HEAPS, PoolRow, ChainRow>;
/// The same rows, and behind them the one that stands for those without a number in a search.
using SearchRawHeaps = RawHeapTable<MNEME_RAW_HEAPS, PoolRow, ChainRow, AnyPlacement>;
inline constexpr std::size_t any_placement_row = SearchRawHeaps::names.size() - 1;

/// The names of the rows that only scripts have.
inline constexpr std::span<const std::string_view> sized_raw_heaps =
    std::span(ScriptRawHeaps::names).subspan(RawHeaps::names.size());

}  // namespace mneme
