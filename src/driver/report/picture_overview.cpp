// purpose: the picture of a long run: cells of many bytes and steps, with curves above.
// layer: report; includes picture.
// threads: as in the header.
// invariants: as in the header.
#include <algorithm>
#include <array>

#include "picture.hpp"

namespace mneme::driver {

namespace {

constexpr double overview_left = 84;
constexpr double overview_right = 24;
constexpr double overview_legend_top = 36;
constexpr double plot_width = 999;
constexpr double memory_height = 90;
constexpr double waiting_height = 50;
constexpr double cell = 3;  // pixels
constexpr std::size_t map_columns_max = 333;
constexpr std::size_t rows = 107;

/// The opacities that show how much of a cell is in use; the first is not drawn.
constexpr std::array<double, 4> levels{0, 0.35, 0.65, 1};

std::size_t level_of(double share) {
  if (share < 0.05) return 0;
  if (share < 0.5) return 1;
  return share < 0.9 ? 2 : 3;
}

class Overview {
 public:
  Overview(const History& history, const PictureOptions& options)
      : history_{history},
        options_{options},
        colours_{history, options.colour_by},
        columns_{std::min<std::size_t>(map_columns_max, history.steps())} {}

  [[nodiscard]] Picture draw() {
    const double legend_height =
        put_legend(nullptr, overview_left, overview_legend_top, plot_width, legend());
    memory_top_ = overview_legend_top + legend_height + 10;
    waiting_top_ = memory_top_ + memory_height + 14;
    map_ = {.x = overview_left,
            .y = waiting_top_ + waiting_height + 14,
            .width = plot_width,
            .height = cell * static_cast<double>(rows)};
    Svg svg(overview_left + plot_width + overview_right, map_.y + map_.height + 44, options_.title);
    svg.text(overview_left, 22, shortened(options_.title, 110), {.size = 14, .is_bold = true});
    (void)put_legend(&svg, overview_left, overview_legend_top, plot_width, legend());
    put_memory(svg);
    put_waiting(svg);
    put_cells(svg);
    put_addresses(svg, map_, history_);
    put_steps(svg);
    return {svg.finish(), map_};
  }

 private:
  static constexpr std::string_view used_fill = "#9fb3c8";
  static constexpr std::string_view hole_stroke = "#b5179e";
  static constexpr std::string_view waiting_fill = "#d9730d";
  static constexpr std::string_view frame = "fill=\"#fff\" stroke=\"#7b8794\" stroke-width=\"0.8\"";

  [[nodiscard]] std::vector<LegendEntry> legend() const {
    std::vector<LegendEntry> entries(colours_.entries().begin(), colours_.entries().end());
    entries.push_back({"free", std::string(free_colour)});
    add_absent(entries, history_);
    entries.push_back({"used", std::string(used_fill)});
    entries.push_back({"largest hole", std::string(hole_stroke)});
    entries.push_back({"waiting", std::string(waiting_fill)});
    return entries;
  }

  // Columns are buckets of steps, [first_of(column), first_of(column + 1)).
  [[nodiscard]] StepNumber first_of(std::size_t column) const {
    return static_cast<StepNumber>(column * history_.steps() / columns_ + 1);
  }
  [[nodiscard]] double x_of_column(std::size_t column) const {
    return overview_left + static_cast<double>(column) * plot_width / static_cast<double>(columns_);
  }
  /// Converts a time in steps, from 0, to columns.
  [[nodiscard]] double columns_of(double steps) const {
    return steps * static_cast<double>(columns_) / history_.steps();
  }

  /// The maximum of a function over the samples of a bucket of steps.
  template <class F>
  [[nodiscard]] std::uint64_t largest_of(std::size_t column, F value) const {
    std::uint64_t largest = 0;
    for (StepNumber step = first_of(column); step < first_of(column + 1); ++step) {
      largest = std::max<std::uint64_t>(largest, value(history_.behind(step)));
    }
    return largest;
  }

  void put_scale(Svg& svg, double top, double height, std::uint64_t most,
                 std::string_view title) const {
    svg.text(overview_left - 7, top + 9, with_commas(most), {.size = 10, .anchor = Anchor::end});
    svg.text(overview_left - 7, top + height, "0", {.size = 10, .anchor = Anchor::end});
    svg.text(overview_left - 7, top + height / 2 + 5, title,
             {.anchor = Anchor::end, .colour = grey});
  }

  /// Draws the bytes in use as an area, and the largest hole as a line.
  void put_memory(Svg& svg) const {
    svg.rect(overview_left, memory_top_, plot_width, memory_height, frame);
    const double bottom = memory_top_ + memory_height;
    const std::uint64_t capacity = std::max<std::uint64_t>(history_.capacity_bytes(), 1);
    const auto y_of = [&](std::uint64_t bytes) {
      return number_text(bottom - static_cast<double>(bytes) * memory_height /
                                      static_cast<double>(capacity));
    };
    std::string used = fmt::format("M{} {}", number_text(overview_left), number_text(bottom));
    std::string hole;
    for (std::size_t column = 0; column < columns_; ++column) {
      const std::uint64_t most =
          largest_of(column, [](const HeapSample& heap) { return heap.used; });
      const std::uint64_t least = capacity - largest_of(column, [&](const HeapSample& heap) {
                                    return capacity - std::min(capacity, heap.largest_hole);
                                  });
      used += fmt::format("V{}H{}", y_of(most), number_text(x_of_column(column + 1)));
      hole += column == 0 ? fmt::format("M{} {}", number_text(overview_left), y_of(least))
                          : fmt::format("V{}", y_of(least));
      hole += fmt::format("H{}", number_text(x_of_column(column + 1)));
    }
    svg.path(used + fmt::format("V{}Z", number_text(bottom)),
             fmt::format("fill=\"{}\"", used_fill));
    svg.path(hole, fmt::format("fill=\"none\" stroke=\"{}\" stroke-width=\"1.2\"", hole_stroke));
    put_scale(svg, memory_top_, memory_height, history_.capacity_bytes(), "bytes");
  }

  void put_waiting(Svg& svg) const {
    svg.rect(overview_left, waiting_top_, plot_width, waiting_height, frame);
    std::uint64_t most = 0;
    const auto waiting = [](const HeapSample& heap) { return heap.waiting; };
    for (std::size_t column = 0; column < columns_; ++column) {
      most = std::max(most, largest_of(column, waiting));
    }
    const double bottom = waiting_top_ + waiting_height;
    std::string bars;
    for (std::size_t column = 0; column < columns_; ++column) {
      const std::uint64_t count = largest_of(column, waiting);
      if (count == 0) continue;
      const double high = static_cast<double>(count) * waiting_height / static_cast<double>(most);
      bars += fmt::format("M{} {}H{}V{}H{}z", number_text(x_of_column(column)), number_text(bottom),
                          number_text(x_of_column(column + 1)), number_text(bottom - high),
                          number_text(x_of_column(column)));
    }
    if (!bars.empty()) svg.path(bars, fmt::format("fill=\"{}\"", waiting_fill));
    put_scale(svg, waiting_top_, waiting_height, std::max<std::uint64_t>(most, 1), "waiting");
  }

  void put_cells(Svg& svg) const {
    svg.rect(map_.x, map_.y, map_.width, map_.height,
             fmt::format("fill=\"{}\" stroke=\"#7b8794\" stroke-width=\"0.8\"", free_colour));
    put_absent(svg, map_, history_);
    const std::size_t kinds = colours_.entries().size();
    if (kinds == 0) return;
    const std::vector<float> shares = shares_of_cells(kinds);
    // One path for each colour and level, made of runs of cells in a row.
    std::vector<std::string> paths(kinds * levels.size());
    for (std::size_t row = 0; row < rows; ++row) {
      std::size_t begin = 0;
      std::size_t path = 0;
      for (std::size_t column = 0; column <= columns_; ++column) {
        const std::size_t next = column == columns_ ? 0 : path_of(shares, kinds, row, column);
        if (next == path && column < columns_) continue;
        if (path % levels.size() != 0) {
          const double y = map_.y + map_.height - static_cast<double>(row + 1) * cell;
          const double x0 = x_of_column(begin);
          paths[path] += fmt::format("M{} {}h{}v{}H{}z", number_text(x0), number_text(y),
                                     number_text(x_of_column(column) - x0), number_text(cell),
                                     number_text(x0));
        }
        begin = column;
        path = next;
      }
    }
    for (std::size_t path = 0; path < paths.size(); ++path) {
      if (paths[path].empty()) continue;
      svg.path(paths[path],
               fmt::format("fill=\"{}\" fill-opacity=\"{}\" shape-rendering=\"crispEdges\"",
                           colours_.entries()[path / levels.size()].colour,
                           levels[path % levels.size()]));
    }
  }

  /// The index of a cell's path, by the colour of most of its bytes.
  [[nodiscard]] std::size_t path_of(const std::vector<float>& shares, std::size_t kinds,
                                    std::size_t row, std::size_t column) const {
    const auto first =
        shares.begin() + static_cast<std::ptrdiff_t>((row * columns_ + column) * kinds);
    const auto last = first + static_cast<std::ptrdiff_t>(kinds);
    double share = 0;
    for (auto at = first; at != last; ++at) share += *at;
    const auto kind = static_cast<std::size_t>(std::max_element(first, last) - first);
    return kind * levels.size() + level_of(share);
  }

  /// For each cell and each kind of block, the share of the cell's bytes and steps that it takes.
  [[nodiscard]] std::vector<float> shares_of_cells(std::size_t kinds) const {
    std::vector<float> shares(rows * columns_ * kinds);
    const auto capacity =
        static_cast<double>(std::max<std::uint64_t>(history_.capacity_bytes(), 1));
    for (const BlockSpan& block : history_.blocks()) {
      const double x0 = columns_of(block.from - 1);
      const double x1 = columns_of(std::min(block.to, history_.steps() + 1) - 1);
      const double y0 = static_cast<double>(history_.place_of(block)) * rows / capacity;
      const double y1 =
          static_cast<double>(history_.place_of(block) + block.size) * rows / capacity;
      const std::size_t kind = colours_.kind_of(block);
      for (auto row = static_cast<std::size_t>(y0); row < rows && static_cast<double>(row) < y1;
           ++row) {
        const double high = part_of(row, y0, y1);
        for (auto column = static_cast<std::size_t>(x0);
             column < columns_ && static_cast<double>(column) < x1; ++column) {
          shares[(row * columns_ + column) * kinds + kind] +=
              static_cast<float>(high * part_of(column, x0, x1));
        }
      }
    }
    return shares;
  }

  /// The length of the part of [at, at + 1) that is between two numbers.
  [[nodiscard]] static double part_of(std::size_t at, double from, double to) {
    const auto begin = static_cast<double>(at);
    return std::max(0.0, std::min(to, begin + 1) - std::max(from, begin));
  }

  void put_steps(Svg& svg) const {
    const double bottom = map_.y + map_.height;
    const std::uint64_t every = tick_step(history_.steps(), 10, false);
    for (std::uint64_t step = every; step <= history_.steps(); step += every) {
      const double x =
          overview_left + plot_width * (static_cast<double>(step) - 0.5) / history_.steps();
      svg.line(x, bottom, x, bottom + 4, "stroke=\"#7b8794\"");
      svg.text(x, bottom + 16, with_commas(step), {.size = 10, .anchor = Anchor::middle});
    }
    svg.text(overview_left + plot_width / 2, bottom + 34, "step",
             {.anchor = Anchor::middle, .colour = grey});
  }

  const History& history_;
  const PictureOptions& options_;
  BlockColours colours_;
  std::size_t columns_;
  MapArea map_{};
  double memory_top_ = 0;
  double waiting_top_ = 0;
};

}  // namespace

Picture draw_overview(const History& history, const PictureOptions& options) {
  return Overview{history, options}.draw();
}

}  // namespace mneme::driver
