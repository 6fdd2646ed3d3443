// purpose: the shared parts of pictures: colours, the legend, and the address axis.
// layer: report; includes picture, size_class.
// threads: as in the header.
// invariants: as in the header.
#include "picture.hpp"

#include <algorithm>
#include <set>

#include "size_class.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t kinds_max = 12;
constexpr std::string_view others_key = "\n";  // occurs in no name

}  // namespace

std::string BlockColours::key_of(const BlockSpan& block) const {
  if (by_ == ColourBy::size) return std::to_string(size_class_of(block.asked));
  return history_.has_tasks() ? history_.tasks()[block.task] : block.name;
}

BlockColours::BlockColours(const History& history, ColourBy by) : history_{history}, by_{by} {
  if (by == ColourBy::size) {
    std::set<std::uint64_t> classes;
    for (const BlockSpan& block : history.blocks()) classes.insert(size_class_of(block.asked));
    for (const std::uint64_t size_class : classes) {
      kinds_[std::to_string(size_class)] = entries_.size();
      const std::string_view unit = entries_.empty() ? " bytes" : "";
      entries_.push_back({size_class_text(size_class) + std::string(unit),
                          ramp_colour(entries_.size(), classes.size())});
    }
    return;
  }
  for (const BlockSpan& block : history.blocks()) {
    const std::string key = key_of(block);
    if (kinds_.contains(key)) continue;
    if (entries_.size() < kinds_max) {
      kinds_[key] = entries_.size();
      entries_.push_back(
          {key.empty() ? "before the tasks" : key, std::string(category_colour(entries_.size()))});
    } else if (!kinds_.contains(std::string(others_key))) {
      kinds_[std::string(others_key)] = entries_.size();
      entries_.push_back({"others", "#cbd2d9"});
    }
  }
}

std::size_t BlockColours::kind_of(const BlockSpan& block) const {
  const auto at = kinds_.find(key_of(block));
  return at == kinds_.end() ? entries_.size() - 1 : at->second;
}

double put_legend(Svg* svg, double x, double y, double width,
                  std::span<const LegendEntry> entries) {
  constexpr double row = 18;
  constexpr double swatch = 12;
  constexpr std::size_t label_max = 40;
  double left = x;
  double top = y;
  for (const LegendEntry& entry : entries) {
    const std::string label = shortened(entry.label, label_max);
    const double drawn = entry.colour.empty() ? 0 : swatch + 5;
    const double wide =
        drawn + static_cast<double>(characters_of(label)) * 11 * character_width + 16;
    if (left > x && left + wide > x + width) {
      left = x;
      top += row;
    }
    if (svg != nullptr && !entry.colour.empty()) {
      svg->rect(left, top, swatch, swatch,
                fmt::format("fill=\"{}\" stroke=\"#9aa5b1\" stroke-width=\"0.6\"{}", entry.colour,
                            entry.extra_attributes));
    }
    if (svg != nullptr) svg->text(left + drawn, top + 10, label, {.colour = entry.text_colour});
    left += wide;
  }
  return top - y + row;
}

void put_address_axis(Svg& svg, const MapArea& map, std::uint64_t capacity_bytes) {
  const double bottom = map.y + map.height;
  const double scale = map.height / static_cast<double>(std::max<std::uint64_t>(capacity_bytes, 1));
  const std::uint64_t step = tick_step(capacity_bytes, 8, true);
  const auto put = [&](std::uint64_t address) {
    const double y = bottom - static_cast<double>(address) * scale;
    svg.line(map.x - 4, y, map.x, y, "stroke=\"#7b8794\"");
    svg.text(map.x - 7, y + 3.5, with_commas(address), {.size = 10, .anchor = Anchor::end});
  };
  for (std::uint64_t address = 0; address < capacity_bytes; address += step) {
    const double from_top = static_cast<double>(capacity_bytes - address) * scale;
    if (address == 0 || from_top > 14) put(address);
  }
  put(capacity_bytes);
  svg.text(14, map.y + map.height / 2, "address (bytes)",
           {.anchor = Anchor::middle, .colour = grey, .is_upright = false});
}

void put_absent(Svg& svg, const MapArea& map, const History& history) {
  const double column = map.width / static_cast<double>(std::max<StepNumber>(history.steps(), 1));
  const double scale = map.height / static_cast<double>(history.capacity_bytes());
  for (std::size_t heap = 0; heap < history.heaps().size(); ++heap) {
    const std::span<const RegionEnd> ends = history.region_ends(heap);
    const std::uint64_t above = history.capacity_bytes() - history.start_of(heap + 1);
    for (std::size_t at = 0; at + 1 < ends.size(); ++at) {
      const StepNumber from = ends[at].from;
      const StepNumber to = ends[at + 1].from;
      const auto absent = static_cast<double>(history.capacity_bytes(heap) - ends[at].bytes);
      svg.rect(
          map.x + static_cast<double>(from - 1) * column,
          map.y + static_cast<double>(above) * scale, static_cast<double>(to - from) * column,
          absent * map.height / static_cast<double>(history.capacity_bytes()),
          fmt::format("fill=\"{}\" stroke=\"#7b8794\" stroke-width=\"0.8\" "
                      "stroke-dasharray=\"3 3\"",
                      absent_colour),
          fmt::format("not there before step {}: {} bytes at {}{}", to,
                      ends[at + 1].bytes - ends[at].bytes, ends[at].bytes, history.where(heap)));
    }
  }
}

void add_absent(std::vector<LegendEntry>& entries, const History& history) {
  bool is_extended = false;
  for (std::size_t heap = 0; heap < history.heaps().size(); ++heap) {
    is_extended = is_extended || history.region_ends(heap).size() > 1;
  }
  if (!is_extended) return;
  entries.push_back({"not yet there", std::string(absent_colour), " stroke-dasharray=\"3 3\""});
}

void put_addresses(Svg& svg, const MapArea& map, const History& history) {
  const std::size_t heaps = history.heaps().size();
  if (heaps < 2) return put_address_axis(svg, map, history.capacity_bytes());
  const double scale = map.height / static_cast<double>(history.capacity_bytes());
  for (std::size_t heap = 0; heap < heaps; ++heap) {
    MapArea own = map;
    own.height = static_cast<double>(history.capacity_bytes(heap)) * scale;
    own.y = map.y + map.height - static_cast<double>(history.start_of(heap + 1)) * scale;
    put_address_axis(svg, own, history.capacity_bytes(heap));
    if (heap > 0) {
      svg.line(map.x, own.y + own.height, map.x + map.width, own.y + own.height,
               "stroke=\"#1f2933\" stroke-width=\"1.6\"");
      svg.text(map.x + 4, own.y + 11, history.heaps()[heap], {.size = 10});
    }
  }
}

Picture draw_run(const History& history, const PictureOptions& options) {
  return history.steps() <= detailed_steps_max ? draw_details(history, options)
                                               : draw_overview(history, options);
}

}  // namespace mneme::driver
