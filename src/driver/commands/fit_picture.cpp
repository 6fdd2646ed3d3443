// purpose: draws rows of ranges over an axis of bytes.
// layer: commands; includes fit_picture, svg.
// threads: as in the header.
// invariants: as in the header.
#include "fit_picture.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "driver/report/svg.hpp"

namespace mneme::driver {

namespace {

constexpr double fit_left = 120;
constexpr double fit_width = 760;
constexpr double fit_top = 58;
constexpr double fit_row = 34;

struct SizeOutcome {
  std::string_view word;
  std::string_view colour;
};

/// From the top.
constexpr std::array<SizeOutcome, 5> outcomes{{{"nothing waits", "#8fce9a"},
                                               {"no deadlock", "#c7dd8a"},
                                               {"not decided", "#cbd2d9"},
                                               {"stuck", "#c7b299"},
                                               {"deadlock", "#e8998d"}}};

const SizeOutcome& outcome_of(const FitRange& range) {
  const std::string_view word = word_of(range);
  return *std::ranges::find_if(
      outcomes, [&](const SizeOutcome& outcome) { return word.starts_with(outcome.word); });
}

}  // namespace

std::string_view word_of(const FitRange& range) {
  switch (range.verdict) {
    case VerdictKind::deadlock: return "deadlock";
    case VerdictKind::stuck: return "stuck: a task waits for ever, but not for memory";
    case VerdictKind::not_decided: return "not decided";
    default: return range.waits ? "no deadlock" : "nothing waits";
  }
}

std::string draw_fit(const Fit& fit, const std::string& title) {
  const std::uint64_t first = fit.ranges.front().from;
  const std::uint64_t last = fit.ranges.back().from;
  // The last range has no end: only a part of it is shown.
  const std::uint64_t end = last + std::max<std::uint64_t>((last - first) / 6, 64);
  const auto x_of = [&](std::uint64_t bytes) {
    return fit_left + static_cast<double>(std::min(bytes, end) - first) * fit_width /
                          static_cast<double>(end - first);
  };
  std::vector<std::string_view> rows;
  for (const SizeOutcome& outcome : outcomes) {
    const auto is_it = [&](const FitRange& range) {
      return outcome_of(range).word == outcome.word;
    };
    if (std::ranges::any_of(fit.ranges, is_it)) rows.push_back(outcome.word);
  }
  const double bottom = fit_top + static_cast<double>(rows.size()) * fit_row;
  Svg svg(fit_left + fit_width + 40, bottom + 50, title);
  svg.text(fit_left, 22, shortened(title, 85), {.size = 14, .is_bold = true});
  svg.rect(fit_left, fit_top, fit_width, bottom - fit_top,
           "fill=\"#f8f9fa\" stroke=\"#7b8794\" stroke-width=\"0.8\"");
  const std::uint64_t step = tick_step(end - first, 8, true);
  for (std::uint64_t bytes = (first + step - 1) / step * step; bytes <= end; bytes += step) {
    svg.line(x_of(bytes), fit_top, x_of(bytes), bottom + 4, "stroke=\"#d5dbe1\"");
    svg.text(x_of(bytes), bottom + 17, with_commas(bytes), {.size = 10, .anchor = Anchor::middle});
  }
  for (std::size_t row = 0; row < rows.size(); ++row) {
    svg.text(fit_left - 8, fit_top + (static_cast<double>(row) + 0.5) * fit_row + 4, rows[row],
             {.anchor = Anchor::end});
  }
  double labelled_to = 0;  // boundaries get labels above the map, where there is room
  for (const FitRange& range : fit.ranges) {
    const SizeOutcome& outcome = outcome_of(range);
    const auto row = static_cast<double>(std::ranges::find(rows, outcome.word) - rows.begin());
    const double x0 = x_of(range.from);
    const double x1 = range.to == no_growth ? x_of(end) : x_of(range.to + word_bytes);
    const std::string to = range.to == no_growth ? "and more" : "to " + with_commas(range.to);
    svg.rect(x0, fit_top + row * fit_row + 5, std::max(x1 - x0, 2.0), fit_row - 10,
             fmt::format("fill=\"{}\"", outcome.colour),
             fmt::format("{} {}: {}", with_commas(range.from), to, word_of(range)));
    const std::string label = with_commas(range.from);
    if (x0 < labelled_to) continue;
    svg.line(x0, fit_top - 4, x0, bottom, "stroke=\"#7b8794\" stroke-dasharray=\"2 2\"");
    svg.text(x0, fit_top - 8, label, {.size = 10, .is_bold = true});
    labelled_to = x0 + static_cast<double>(label.size() + 1) * 10 * character_width;
  }
  svg.text(fit_left + fit_width / 2, bottom + 36, "size of the heap (bytes)",
           {.anchor = Anchor::middle, .colour = "#52606d"});
  return svg.finish();
}

}  // namespace mneme::driver
