// purpose: the picture of a short run: each block, wait and step with its name.
// layer: report; includes picture.
// threads: as in the header.
// invariants: no label overlaps another, or exceeds its block.
#include <algorithm>

#include "picture.hpp"

namespace mneme::driver {

namespace {

constexpr double left_margin = 84;
constexpr double right_margin = 30;
constexpr double legend_top = 36;
constexpr double lane_height = 18;
constexpr double details_height = 340;
constexpr double details_width = 1000;
constexpr double label_size = 10;
constexpr double label_character = label_size * character_width;
constexpr std::size_t lanes_max = 30;
constexpr std::size_t flat_text_max = 18;
constexpr std::string_view wait_fill = "#fff0d9";
constexpr std::string_view wait_stroke = "#d9730d";
constexpr std::string_view bad_colour = "#c92a2a";
constexpr std::string_view good_colour = "#2b8a3e";

double text_width(std::string_view text, double size) {
  return static_cast<double>(characters_of(text)) * size * character_width;
}

/// The bar of a wait, with its place and its label.
struct WaitBar {
  const WaitSpan* wait = nullptr;
  double x0 = 0;
  double x1 = 0;
  double text_x = 0;
  std::string label;
  std::size_t lane = 0;
};

class DetailedPicture {
 public:
  DetailedPicture(const History& history, const PictureOptions& options)
      : history_{history}, options_{options}, colours_{history, options.colour_by} {}

  [[nodiscard]] Picture draw() {
    lay_out();
    Svg svg(width_, height_, options_.title);
    svg.raw(
        "<defs><pattern id=\"deferred\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"5\" fill=\"#52606d\"/>"
        "</pattern></defs>\n");
    const double inner = width_ - left_margin - right_margin;
    svg.text(left_margin, 22, shortened(options_.title, static_cast<std::size_t>(inner / 8.5)),
             {.size = 14, .is_bold = true});
    (void)put_legend(&svg, left_margin, legend_top, inner, legend());
    put_waits(svg);
    put_map(svg);
    put_steps(svg);
    return {svg.finish(), map_};
  }

 private:
  [[nodiscard]] double x_of(StepNumber step) const {
    const StepNumber last = history_.steps() + 1;
    return map_.x + static_cast<double>(std::min(step, last) - 1) * column_;
  }
  [[nodiscard]] double y_of(std::uint64_t offset) const {
    const auto capacity =
        static_cast<double>(std::max<std::uint64_t>(history_.capacity_bytes(), 1));
    return map_.y + map_.height - static_cast<double>(offset) * map_.height / capacity;
  }

  /// The text of a step without the name of its task, which is shown separately.
  [[nodiscard]] std::string step_text(StepNumber step) const {
    const StepText& text = history_.text_of(step);
    const std::string prefix = history_.tasks()[text.task] + '.';
    std::string shown = text.text;
    const std::size_t at = shown.find(' ' + prefix);
    if (prefix.size() > 1 && at != std::string::npos) shown.erase(at + 1, prefix.size());
    return shown;
  }

  [[nodiscard]] std::string flat_text(StepNumber step) const {
    return shortened(step_text(step), flat_text_max);
  }
  [[nodiscard]] std::string upward_text(StepNumber step) const {
    const std::string& task = history_.tasks()[history_.text_of(step).task];
    return shortened(task.empty() ? step_text(step) : task + ' ' + step_text(step), 40);
  }

  void lay_out() {
    const StepNumber steps = std::max<StepNumber>(history_.steps(), 1);
    std::size_t longest = 4;
    std::size_t longest_upwards = 0;
    for (StepNumber step = 1; step <= history_.steps(); ++step) {
      const std::string& task = history_.tasks()[history_.text_of(step).task];
      longest = std::max({longest, characters_of(flat_text(step)), characters_of(task)});
      longest_upwards = std::max(longest_upwards, characters_of(upward_text(step)));
    }
    const double flat = static_cast<double>(longest) * label_character + 10;
    is_flat_ = flat * steps <= details_width;
    column_ =
        is_flat_ ? std::max(flat, 480.0 / steps) : std::clamp(details_width / steps, 9.0, 56.0);
    map_ = {.x = left_margin, .width = std::max(column_ * steps, 1.0), .height = details_height};
    width_ = left_margin + std::max(map_.width, 480.0) + right_margin;
    const double legend_height =
        put_legend(nullptr, left_margin, legend_top, width_ - left_margin - right_margin, legend());
    lay_out_waits();
    lanes_top_ = legend_top + legend_height + 8;
    map_.y = lanes_top_ + static_cast<double>(lanes_) * lane_height + 6;
    if (lanes_ == 0) map_.y = lanes_top_;
    const double below = is_flat_ ? (history_.has_tasks() ? 50 : 36)
                                  : 26 + static_cast<double>(longest_upwards) * label_character;
    height_ = map_.y + map_.height + below + 8;
  }

  [[nodiscard]] std::vector<LegendEntry> legend() const {
    std::vector<LegendEntry> entries(colours_.entries().begin(), colours_.entries().end());
    entries.push_back({"free", std::string(free_colour)});
    add_absent(entries, history_);
    const auto is_deferred = [](const BlockSpan& block) {
      return block.deferred_from != not_ended;
    };
    if (std::ranges::any_of(history_.blocks(), is_deferred)) {
      entries.push_back({"deferred", "url(#deferred)", " fill-opacity=\"0.6\""});
    }
    if (!history_.waits().empty()) {
      entries.push_back({"waits", std::string(wait_fill), " style=\"stroke:#d9730d\""});
    }
    const auto add_mark = [&](const char* label, std::string_view colour, auto is_of) {
      const auto has_it = [&](const WaitSpan& wait) { return is_of(wait.end); };
      if (!std::ranges::any_of(history_.waits(), has_it)) return;
      entries.push_back({label, {}, {}, std::string(colour)});
    };
    add_mark("▼ granted", good_colour, [](WaitEnd end) { return end == WaitEnd::granted; });
    add_mark("▶ for ever", bad_colour, [](WaitEnd end) { return end == WaitEnd::waits; });
    add_mark("✕ cancelled or refused", bad_colour,
             [](WaitEnd end) { return end != WaitEnd::granted && end != WaitEnd::waits; });
    return entries;
  }

  [[nodiscard]] static std::string label_of(const WaitSpan& wait) {
    if (wait.end == WaitEnd::refused) {
      return fmt::format("{} {} refused: {}", wait.name, wait.asked, to_string(wait.error));
    }
    std::string why;
    if (wait.lacks > 0) {
      why = fmt::format(", largest hole lacks {}", wait.lacks);
      if (wait.before > 0) why += fmt::format(", {} before it", wait.before);
    } else if (wait.before > 0) {
      why = fmt::format(", fits, but {} before it", wait.before);
    }
    if (wait.need == 0) return wait.name + " waits";
    return fmt::format("{} needs {}{}", wait.name, wait.need, why);
  }

  /// Puts each bar and its label into the lowest lane with room, the oldest first.
  void lay_out_waits() {
    const double right = left_margin + std::max(map_.width, 480.0);
    std::vector<std::vector<std::pair<double, double>>> taken;
    for (const WaitSpan& wait : history_.waits()) {
      WaitBar bar{.wait = &wait, .x0 = x_of(wait.from), .label = label_of(wait)};
      bar.x1 = wait.end == WaitEnd::refused ? bar.x0 + 5 : std::max(x_of(wait.to), bar.x0 + 3);
      const double wide = text_width(bar.label, label_size);
      // The label goes inside the bar, after it, or before it.
      bar.text_x = bar.x0 + 5;
      if (bar.text_x + wide + 5 > bar.x1) bar.text_x = bar.x1 + 9;
      if (bar.text_x + wide > right) bar.text_x = std::max(bar.x0 - 6 - wide, left_margin);
      const double from = std::min(bar.x0, bar.text_x) - 2;
      const double to = std::max(bar.x1 + 8, bar.text_x + wide + 12);
      const auto is_room = [&](const auto& lane) {
        return std::ranges::none_of(
            lane, [&](const auto& other) { return from < other.second && other.first < to; });
      };
      while (bar.lane < taken.size() && !is_room(taken[bar.lane])) ++bar.lane;
      if (bar.lane == lanes_max) {
        ++left_out_;
        continue;
      }
      if (bar.lane == taken.size()) taken.emplace_back();
      taken[bar.lane].emplace_back(from, to);
      bars_.push_back(std::move(bar));
    }
    lanes_ = taken.size() + (left_out_ > 0 ? 1 : 0);
  }

  void put_waits(Svg& svg) const {
    if (lanes_ == 0) return;
    const double bottom = lanes_top_ + static_cast<double>(lanes_) * lane_height;
    svg.text(left_margin - 7, (lanes_top_ + bottom) / 2 + 2, "waiting",
             {.anchor = Anchor::end, .colour = grey});
    for (const WaitBar& bar : bars_) {
      put_wait(svg, bar, bottom - static_cast<double>(bar.lane + 1) * lane_height);
    }
    if (left_out_ > 0) {
      svg.text(left_margin, lanes_top_ + 11, fmt::format("and {} more", left_out_),
               {.size = label_size, .colour = grey});
    }
  }

  void put_wait(Svg& svg, const WaitBar& bar, double y) const {
    constexpr double high = lane_height - 4;
    const double middle = y + high / 2;
    if (bar.wait->end != WaitEnd::refused) {
      svg.rect(
          bar.x0, y, bar.x1 - bar.x0, high,
          fmt::format("fill=\"{}\" stroke=\"{}\" stroke-width=\"0.8\"", wait_fill, wait_stroke),
          fmt::format("{}, steps {} to {}", bar.label, bar.wait->from,
                      bar.wait->to == not_ended ? "the end" : std::to_string(bar.wait->to)));
    }
    const auto cross = [&](double x) {
      svg.path(fmt::format("M{0} {1}l6 6m0 -6l-6 6", number_text(x), number_text(middle - 3)),
               fmt::format("stroke=\"{}\" stroke-width=\"1.6\" fill=\"none\"", bad_colour));
    };
    switch (bar.wait->end) {
      case WaitEnd::granted:  // an arrow down, to its memory
        svg.path(fmt::format("M{} {}h8l-4 7z", number_text(bar.x1 - 4), number_text(middle - 3)),
                 fmt::format("fill=\"{}\"", good_colour));
        break;
      case WaitEnd::waits:  // an arrow: it waits forever
        svg.path(fmt::format("M{} {}v10l8 -5z", number_text(bar.x1), number_text(middle - 5)),
                 fmt::format("fill=\"{}\"", bad_colour));
        break;
      case WaitEnd::refused: cross(bar.x0 + 1); break;
      default: cross(bar.x1 - 3);
    }
    svg.text(bar.text_x, middle + 3.5, bar.label, {.size = label_size});
  }

  void put_map(Svg& svg) const {
    svg.rect(map_.x, map_.y, map_.width, map_.height,
             fmt::format("fill=\"{}\" stroke=\"#7b8794\" stroke-width=\"0.8\"", free_colour));
    for (StepNumber step = 2; step <= history_.steps(); ++step) {
      svg.line(x_of(step), map_.y, x_of(step), map_.y + map_.height, "stroke=\"#e1e6eb\"");
    }
    put_absent(svg, map_, history_);
    for (const BlockSpan& block : history_.blocks()) put_block(svg, block);
    put_addresses(svg, map_, history_);
  }

  void put_block(Svg& svg, const BlockSpan& block) const {
    const double x0 = x_of(block.from);
    const double x1 = x_of(block.to);
    if (x1 <= x0) return;
    const double y = y_of(history_.place_of(block) + block.size);
    const double high = y_of(history_.place_of(block)) - y;
    const std::string& colour = colours_.entries()[colours_.kind_of(block)].colour;
    const std::string tip =
        fmt::format("{}: {} bytes, with its header {} at {}{}; steps {} to {}", block.name,
                    block.asked, block.size, block.offset, history_.where(block.heap), block.from,
                    block.to == not_ended ? "the end" : std::to_string(block.to));
    svg.rect(x0, y, x1 - x0, high,
             fmt::format("fill=\"{}\" stroke=\"#fff\" stroke-width=\"0.8\"", colour), tip);
    const double deferred_x = x_of(block.deferred_from);
    if (deferred_x < x1) {
      svg.rect(deferred_x, y, x1 - deferred_x, high,
               "fill=\"url(#deferred)\" fill-opacity=\"0.6\"");
    }
    put_name(svg, block, x0, y, std::min(x1, deferred_x) - x0, high, is_dark(colour));
  }

  /// Writes as much of the name as fits: with its size, without its task, horizontally or upwards,
  /// or nothing.
  void put_name(Svg& svg, const BlockSpan& block, double x, double y, double wide, double high,
                bool on_dark) const {
    constexpr double space = 3;
    const std::string& task = history_.tasks()[block.task];
    const bool has_prefix = block.name.size() > task.size() + 1 && block.name.starts_with(task) &&
                            block.name[task.size()] == '.';
    const std::string short_name = has_prefix ? block.name.substr(task.size() + 1) : block.name;
    const std::string with_size = fmt::format("{} {}", block.name, block.asked);
    const std::string_view colour = on_dark ? "#fff" : "#1f2933";
    const double size = std::clamp(high - 2, 0.0, 11.0);
    if (size >= 6.5) {
      for (const std::string& text : {with_size, block.name, short_name}) {
        if (text_width(text, size) + 2 * space > wide) continue;
        return svg.text(x + space + 1, y + high / 2 + size * 0.35, text,
                        {.size = size, .colour = colour});
      }
    }
    const double upright_size = std::clamp(wide - 3, 0.0, 10.0);
    if (upright_size >= 6.5) {
      for (const std::string& text : {with_size, block.name, short_name}) {
        if (text_width(text, upright_size) + 2 * space > high) continue;
        return svg.text(x + wide / 2 + upright_size * 0.35, y + high - space, text,
                        {.size = upright_size, .colour = colour, .is_upright = false});
      }
    }
    if (size < 6.5) return;
    const auto characters =
        static_cast<std::size_t>(std::max(0.0, (wide - 2 * space) / (size * character_width)));
    if (characters >= 3) {
      svg.text(x + space + 1, y + high / 2 + size * 0.35, shortened(short_name, characters),
               {.size = size, .colour = colour});
    }
  }

  void put_steps(Svg& svg) const {
    const double bottom = map_.y + map_.height;
    svg.text(left_margin - 7, bottom + 18, "step", {.anchor = Anchor::end, .colour = grey});
    const std::uint64_t every = tick_step(history_.steps(), column_ >= 20 ? 160 : 50, false);
    for (StepNumber step = 1; step <= history_.steps(); ++step) {
      const double middle = x_of(step) + column_ / 2;
      if (step % every == 0 || (step == 1 && every > 1)) {
        svg.text(middle, bottom + 16, std::to_string(step),
                 {.size = label_size, .anchor = Anchor::middle});
      }
      const std::string& task = history_.tasks()[history_.text_of(step).task];
      if (is_flat_) {
        svg.text(middle, bottom + 30, task.empty() ? flat_text(step) : task,
                 {.size = label_size, .anchor = Anchor::middle, .is_bold = !task.empty()});
        if (!task.empty()) {
          svg.text(middle, bottom + 43, flat_text(step),
                   {.size = label_size, .anchor = Anchor::middle});
        }
      } else {
        const double size = std::min(label_size, column_ - 1);
        svg.text(middle + size * 0.35, bottom + 22, upward_text(step),
                 {.size = size, .anchor = Anchor::end, .is_upright = false});
      }
    }
  }

  const History& history_;
  const PictureOptions& options_;
  BlockColours colours_;
  MapArea map_{};
  double width_ = 0;
  double height_ = 0;
  double column_ = 0;
  double lanes_top_ = 0;
  bool is_flat_ = false;  // the texts of steps fit side by side
  std::vector<WaitBar> bars_;
  std::size_t lanes_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace

Picture draw_details(const History& history, const PictureOptions& options) {
  return DetailedPicture{history, options}.draw();
}

}  // namespace mneme::driver
