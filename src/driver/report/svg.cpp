// purpose: formats elements and their texts.
// layer: report; includes svg.
// threads: as in the header.
// invariants: as in the header.
#include "svg.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace mneme::driver {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view cut_mark = "…";

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

/// The length of the first character of a text; 0 if it is not UTF-8, or not allowed in XML.
std::size_t character_bytes(std::string_view text) {
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return 0;
  std::uint32_t code = first & (0x7FU >> bytes);
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte_at(text, at) & 0xC0U) != 0x80) return 0;
    code = code << 6U | (byte_at(text, at) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  const bool is_character = code != 0xFFFE && code != 0xFFFF && code <= 0x10FFFF;
  return code >= least[bytes] && !is_surrogate && is_character ? bytes : 0;
}

std::string_view word_of(Anchor anchor) {
  switch (anchor) {
    case Anchor::middle: return " text-anchor=\"middle\"";
    case Anchor::end: return " text-anchor=\"end\"";
    default: return "";
  }
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(bytes, 1));
    switch (bytes == 1 ? character[0] : '\0') {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += bytes == 0 ? replacement : character;
    }
    text.remove_prefix(character.size());
  }
  return escaped;
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string shortened(std::string_view text, std::size_t characters_max) {
  if (characters_of(text) <= characters_max) return std::string(text);
  std::size_t characters = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if ((byte_at(text, end) & 0xC0U) != 0x80 && ++characters >= characters_max) break;
  }
  return std::string(text.substr(0, end)).append(cut_mark);
}

std::string number_text(double number) {
  std::string text = fmt::format("{:.1f}", number);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::uint64_t tick_step(std::uint64_t range, std::size_t ticks_max, bool is_bytes) {
  const std::uint64_t least =
      std::max<std::uint64_t>(1, range / ticks_max + (range % ticks_max != 0));
  if (is_bytes) return std::bit_ceil(least);
  for (std::uint64_t power = 1;; power *= 10) {
    for (const std::uint64_t digit : {1U, 2U, 5U}) {
      if (digit * power >= least) return digit * power;
    }
  }
}

std::string_view category_colour(std::size_t index) {
  constexpr std::array<std::string_view, 10> colours{"#7cb5ec", "#f2b25c", "#8fce9a", "#e29ac6",
                                                     "#d6cf5e", "#b3a1e6", "#7fd3cf", "#e8998d",
                                                     "#b7c3a0", "#c7b299"};
  return colours[index % colours.size()];
}

std::string ramp_colour(std::size_t index, std::size_t count) {
  constexpr std::array<std::array<double, 3>, 7> stops{{{253, 231, 37},
                                                        {134, 213, 73},
                                                        {42, 176, 127},
                                                        {37, 133, 142},
                                                        {56, 88, 140},
                                                        {72, 33, 115},
                                                        {68, 1, 84}}};
  // A few colours are taken from the middle of the ramp, so that they do not differ too much.
  const double at =
      static_cast<double>(index + 1) * (stops.size() - 1) / static_cast<double>(count + 1);
  const auto below = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const double part = at - static_cast<double>(below);
  std::string colour = "#";
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const double value = stops[below][channel] * (1 - part) + stops[below + 1][channel] * part;
    colour += fmt::format("{:02x}", std::lround(value));
  }
  return colour;
}

bool is_dark(std::string_view colour) {
  const auto channel = [&](std::size_t at) {
    return std::stoul(std::string(colour.substr(at, 2)), nullptr, 16);
  };
  return 299 * channel(1) + 587 * channel(3) + 114 * channel(5) < 130'000;
}

Svg::Svg(double width, double height, std::string_view title) {
  put("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" "
      "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\">\n<title>{2}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      number_text(width), number_text(height), escape_xml(title));
}

void Svg::rect(double x, double y, double width, double height, std::string_view attributes,
               std::string_view tip) {
  put("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}", number_text(x), number_text(y),
      number_text(width), number_text(height), attributes);
  if (tip.empty()) {
    put("/>\n");
  } else {
    put("><title>{}</title></rect>\n", escape_xml(tip));
  }
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view attributes) {
  put("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n", number_text(x1), number_text(y1),
      number_text(x2), number_text(y2), attributes);
}

void Svg::path(std::string_view data, std::string_view attributes) {
  put("<path d=\"{}\" {}/>\n", data, attributes);
}

void Svg::text(double x, double y, std::string_view text, const TextStyle& style) {
  const std::string place = style.is_upright
                                ? fmt::format("x=\"{}\" y=\"{}\"", number_text(x), number_text(y))
                                : fmt::format("transform=\"translate({} {}) rotate(-90)\"",
                                              number_text(x), number_text(y));
  put("<text {} font-size=\"{}\" fill=\"{}\"{}{}>{}</text>\n", place, number_text(style.size),
      style.colour, word_of(style.anchor), style.is_bold ? " font-weight=\"bold\"" : "",
      escape_xml(text));
}

}  // namespace mneme::driver
