// purpose: a picture of a run: addresses over steps, and the waiting requests above.
// layer: report; includes history, svg.
// threads: pure functions on const state.
// invariants: a bounded number of elements, however long the run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "history.hpp"
#include "svg.hpp"

namespace mneme::driver {

enum class ColourBy : std::uint8_t { size, task };

struct PictureOptions {
  std::string title;
  ColourBy colour_by = ColourBy::size;
};

/// The place of the map in a picture: the first step begins at `x`, address 0 is at `y + height`.
struct MapArea {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

struct Picture {
  std::string svg;
  MapArea map;
};

/// Shows each block with its name up to `detailed_steps_max` steps, and an overview beyond.
[[nodiscard]] Picture draw_run(const History& history, const PictureOptions& options);

inline constexpr StepNumber detailed_steps_max = 160;

// Shared by both kinds of picture.

struct LegendEntry {
  std::string label;
  std::string colour;  // empty: only a text
  std::string extra_attributes{};
  std::string text_colour = "#1f2933";
};

/// The colours of blocks.
class BlockColours {
 public:
  BlockColours(const History& history, ColourBy by);

  /// The index of the block's entry.
  [[nodiscard]] std::size_t kind_of(const BlockSpan& block) const;
  [[nodiscard]] std::span<const LegendEntry> entries() const { return entries_; }

 private:
  [[nodiscard]] std::string key_of(const BlockSpan& block) const;

  const History& history_;
  ColourBy by_;
  std::vector<LegendEntry> entries_;
  std::unordered_map<std::string, std::size_t> kinds_;
};

/// Returns the height of the legend; if `svg` is not null, draws it as well.
[[nodiscard]] double put_legend(Svg* svg, double x, double y, double width,
                                std::span<const LegendEntry> entries);
/// Addresses, from the bottom upwards.
void put_address_axis(Svg& svg, const MapArea& map, std::uint64_t capacity_bytes);
/// The same for a map of all heaps, one above the other, with lines between them.
void put_addresses(Svg& svg, const MapArea& map, const History& history);

/// Draws the memory behind the region over the steps before `extend` adds it.
void put_absent(Svg& svg, const MapArea& map, const History& history);
/// An entry for it, if there is any.
void add_absent(std::vector<LegendEntry>& entries, const History& history);

[[nodiscard]] Picture draw_details(const History& history, const PictureOptions& options);
[[nodiscard]] Picture draw_overview(const History& history, const PictureOptions& options);

inline constexpr std::string_view grey = "#52606d";
inline constexpr std::string_view free_colour = "#f1f3f5";
inline constexpr std::string_view absent_colour = "#ffffff";

}  // namespace mneme::driver
