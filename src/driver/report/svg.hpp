// purpose: writes SVG, with escaped texts, numbers, and the colours of all pictures.
// layer: report; includes the standard library.
// threads: one owner.
// invariants: well-formed whatever bytes a text has; no scripts, and no references to other files.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mneme::driver {

/// Escapes a text for XML and HTML, also between double quotes. Bytes that are not UTF-8, or not
/// allowed in XML, are replaced by U+FFFD.
[[nodiscard]] std::string escape_xml(std::string_view text);

/// The number of characters of a text: the bytes that begin one.
[[nodiscard]] std::size_t characters_of(std::string_view text);

/// Shortens a text to at most `characters_max` characters, with an ellipsis at the end.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t characters_max);

/// A number with at most one decimal.
[[nodiscard]] std::string number_text(double number);

/// `44,800`
[[nodiscard]] std::string with_commas(std::uint64_t number);

/// The distance of the ticks of an axis, such that there are at most `ticks_max`: 1, 2 or 5 times a
/// power of ten, or for bytes a power of two.
[[nodiscard]] std::uint64_t tick_step(std::uint64_t range, std::size_t ticks_max, bool is_bytes);

/// Colours that can be distinguished without telling red from green, and on which dark text is
/// legible. They repeat.
[[nodiscard]] std::string_view category_colour(std::size_t index);
/// From light to dark.
[[nodiscard]] std::string ramp_colour(std::size_t index, std::size_t count);
/// Whether text on this colour of the ramp must be light.
[[nodiscard]] bool is_dark(std::string_view colour);

/// The font has a fixed width, so it is known which texts fit.
inline constexpr double character_width = 0.602;  // of its size

enum class Anchor : std::uint8_t { start, middle, end };

struct TextStyle {
  double size = 11;
  Anchor anchor = Anchor::start;
  std::string_view colour = "#1f2933";
  bool is_bold = false;
  bool is_upright = true;  // else it reads upwards
};

class Svg {
 public:
  Svg(double width, double height, std::string_view title);

  void rect(double x, double y, double width, double height, std::string_view attributes,
            std::string_view tip = {});
  void line(double x1, double y1, double x2, double y2, std::string_view attributes);
  void path(std::string_view data, std::string_view attributes);
  void text(double x, double y, std::string_view text, const TextStyle& style = {});
  void raw(std::string_view element) { text_ += element; }

  [[nodiscard]] std::string finish() {
    text_ += "</svg>\n";
    return std::move(text_);
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  std::string text_;
};

}  // namespace mneme::driver
