// purpose: helpers with which the import readers parse a line.
// layer: import; includes the standard library only.
// threads: pure functions.
// invariants: a take_ function that fails leaves the text unchanged; overflow is a failure.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace mneme::driver::import_text {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

[[nodiscard]] constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}

/// The text without blanks and carriage returns at its end.
[[nodiscard]] constexpr std::string_view trimmed_end(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return trimmed_end(text);
}

[[nodiscard]] constexpr bool take_prefix(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes a number from the front of the text: decimal, or hexadecimal after `0x`.
[[nodiscard]] inline std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::string_view rest = text;
  const int base = take_prefix(rest, "0x") ? 16 : 10;
  // libstdc++ implicitly converts bytes of 0x80 and above, which the sanitizers report.
  const auto digits_end = std::ranges::find_if_not(rest, is_hex_digit);
  const char* const first = rest.data();
  const char* const last = first + (digits_end - rest.begin());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(first, last, number, base);
  if (error != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - first));
  text = rest;
  return number;
}

/// The whole text as a number.
[[nodiscard]] inline std::optional<std::uint64_t> whole_number(std::string_view text) noexcept {
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

/// Removes the last word and the blank before it, and returns the word.
[[nodiscard]] inline std::string_view take_last_word(std::string_view& text) noexcept {
  text = trimmed_end(text);
  const std::size_t blank = text.find_last_of(" \t");
  const std::size_t start = blank == std::string_view::npos ? 0 : blank + 1;
  const std::string_view word = text.substr(start);
  text = trimmed_end(text.substr(0, start));
  return word;
}

}  // namespace mneme::driver::import_text
