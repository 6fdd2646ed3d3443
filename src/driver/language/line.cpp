// purpose: cutting a line into words, and reading names and numbers, without locale or allocation.
// layer: language; includes line.
// threads: one owner.
// invariants: a word that is accepted holds printable ASCII only.
#include "line.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace mneme::driver {

namespace {

enum ByteClass : std::uint8_t { blank = 1, name_byte = 2, digit = 4, comment_start = 8 };

consteval std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> classes{};
  classes['\t'] = blank;
  classes[' '] = blank;
  classes['#'] = comment_start;
  for (std::size_t c = 'a'; c <= 'z'; ++c) classes[c] = name_byte;
  for (std::size_t c = 'A'; c <= 'Z'; ++c) classes[c] = name_byte;
  for (std::size_t c = '0'; c <= '9'; ++c) classes[c] = name_byte | digit;
  for (const char c : {'_', '.', '-'}) classes[static_cast<unsigned char>(c)] = name_byte;
  return classes;
}
constexpr auto byte_classes = make_byte_classes();

bool is(char c, unsigned classes) noexcept {
  return (byte_classes[static_cast<unsigned char>(c)] & classes) != 0;
}

constexpr std::size_t digits_max = 18;  // of a plain number: no more than 64 bits hold

bool allowed_in_command(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte < 0x7F);
}

Column column_of(std::size_t position) noexcept { return static_cast<Column>(position + 1); }

std::string hexadecimal(char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {'0', 'x', digits[byte / 16], digits[byte % 16]};
}

/// `64K`, if other programs would write it as 64k, 64KB or 64KiB; else nothing.
std::string likely_size(std::string_view word) {
  const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  std::string unit{word.substr(digits)};
  for (char& c : unit) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const bool has_factor = !unit.empty() && std::string_view("KMG").contains(unit.front());
  const std::string_view rest = std::string_view(unit).substr(has_factor ? 1 : 0);
  if (digits == 0 || unit.empty() ||
      (!rest.empty() && rest != "B" && (rest != "IB" || !has_factor))) {
    return {};
  }
  return std::string{word.substr(0, digits)} + (has_factor ? unit.substr(0, 1) : "");
}

}  // namespace

Word Line::next_word() noexcept {
  const char* const begin = text_.data();
  const char* const end = begin + text_.size();
  const char* first = begin + position_;
  while (first != end && is(*first, blank)) ++first;
  const char* last = first;
  unsigned shared = name_byte;  // the classes that all bytes have
  for (; last != end; ++last) {
    const unsigned classes = byte_classes[static_cast<unsigned char>(*last)];
    if ((classes & (blank | comment_start)) != 0) break;
    shared &= classes;
  }
  position_ = static_cast<std::size_t>(last - begin);
  if (first == last) return {.text = {}, .column = column_of(words_end_)};
  words_end_ = position_;
  return {.text = {first, last},
          .column = column_of(static_cast<std::size_t>(first - begin)),
          .is_name = shared != 0};
}

bool Line::read_plainly(PlainWords& words, bool has_size) const noexcept {
  const char* const end = text_.data() + text_.size();
  const char* const name = text_.data() + words.name_at;
  const char* at = name;
  while (at != end && is(*at, name_byte)) ++at;
  words.name = {name, at};
  if (words.name.empty() || words.name.size() > name_length_max) return false;
  if (!has_size) return at == end;
  if (at == end || *at++ != ' ') return false;
  const char* const number = at;
  std::uint64_t value = 0;
  for (; at != end && is(*at, digit); ++at) value = value * 10 + static_cast<unsigned>(*at - '0');
  words.size_at = static_cast<std::size_t>(number - text_.data());
  words.size = value;
  const auto digits = static_cast<std::size_t>(at - number);
  return at == end && digits > 0 && digits <= digits_max;
}

std::string_view Line::comment_behind_blanks() const {
  std::string_view text = text_.substr(position_);
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) fail(column_of(position_ + nul), "");
  while (!text.empty() && is(text.back(), blank)) text.remove_suffix(1);
  return text;
}

void Line::check_name(const Word& word, std::string_view what) const {
  for (std::size_t i = 0; i < word.text.size(); ++i) {
    if (is(word.text[i], name_byte)) continue;
    fail(word.column + static_cast<Column>(i),
         "bad " + std::string{what} + ' ' + in_quotes(word.text) +
             ": a name holds letters, digits, '_', '.' and '-'");
  }
  if (word.text.size() > name_length_max) {
    fail(word.column, std::string{what} + " of " + std::to_string(word.text.size()) +
                          " characters; at most 64 are allowed");
  }
}

std::uint64_t Line::size(const Word& word, std::string_view what) const {
  constexpr std::uint64_t value_max = std::numeric_limits<std::uint64_t>::max();
  std::string_view digits = word.text;
  unsigned shift = 0;
  switch (digits.empty() ? '\0' : digits.back()) {
    case 'K': shift = 10; break;
    case 'M': shift = 20; break;
    case 'G': shift = 30; break;
    default: break;
  }
  if (shift != 0) digits.remove_suffix(1);
  if (digits.empty()) fail_size(word, what);
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is(c, digit)) fail_size(word, what);
    const auto units = static_cast<std::uint64_t>(c - '0');
    if (value > (value_max - units) / 10) {
      // If a later character is no digit, that is the clearer error.
      if (!std::ranges::all_of(digits, [](char d) { return is(d, digit); })) fail_size(word, what);
      fail(word.column,
           std::string{what} + ' ' + in_quotes(word.text) + " does not fit in 64 bits");
    }
    value = value * 10 + units;
  }
  if (value > (value_max >> shift)) {
    fail(word.column, std::string{what} + ' ' + in_quotes(word.text) + " does not fit in 64 bits");
  }
  return value << shift;
}

void Line::fail_size(const Word& word, std::string_view what) const {
  std::string reason = " is not a number";
  if (word.text.starts_with('-')) reason = " is negative";
  if (word.text.starts_with("0x") || word.text.starts_with("0X")) reason = " is hexadecimal";
  const std::string likely = likely_size(word.text);
  fail(word.column, std::string{what} + ' ' + in_quotes(word.text) + reason +
                        (likely.empty() ? "; expected digits, optionally followed by K, M or G"
                                        : "; did you mean " + in_quotes(likely) + '?'));
}

void Line::fail(Column column, std::string message) const {
  const std::size_t comment_at = std::min(text_.find('#'), text_.size());
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\0') {
      column = column_of(i);
      message = "NUL byte in a script";
      break;
    }
    if (i < comment_at && !allowed_in_command(text_[i])) {
      column = column_of(i);
      message = "byte " + hexadecimal(text_[i]) + " in a command; only comments may hold other " +
                "characters than printable ASCII";
      break;
    }
  }
  throw ScriptError{diagnostic(Severity::error, column, std::move(message))};
}

Diagnostic Line::diagnostic(Severity severity, Column column, std::string message) const {
  return {.severity = severity,
          .file = std::string{file_},
          .line = number_,
          .column = column,
          .message = std::move(message),
          .source_line = std::string{text_}};
}

}  // namespace mneme::driver
