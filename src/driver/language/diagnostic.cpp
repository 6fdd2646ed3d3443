// purpose: renders diagnostics, and guesses the intended word behind a misspelling.
// layer: language; includes diagnostic.
// threads: pure functions.
// invariants: as in the header.
#include "diagnostic.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace mneme::driver {

namespace {

constexpr std::size_t excerpt_cells_max = 96;
constexpr std::size_t quoted_length_max = 40;
constexpr std::string_view ellipsis = "…";

/// The bytes of one printed character, from its first byte on: 1 for ASCII and for broken UTF-8.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t length = 1;
  if (lead >= 0xC2 && lead <= 0xDF) length = 2;
  if (lead >= 0xE0 && lead <= 0xEF) length = 3;
  if (lead >= 0xF0 && lead <= 0xF4) length = 4;
  if (length > text.size()) return 1;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 1;
  }
  return length;
}

/// The printed form of one character: itself if it can be printed safely, else a question mark.
/// U+0080 to U+009F are control characters, too.
std::string_view shown(std::string_view character) {
  if (character == "\t") return character;
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first >= 0x20 && first < 0x7F ? character : "?";
  if (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0) return "?";
  return character;
}

struct Excerpt {
  std::string line;
  std::string caret;
};

/// The line as a row of cells, one a character, cut to a window around the caret's cell. The
/// caret's line repeats the tabs before the caret, so that both lines are indented alike.
Excerpt excerpt(std::string_view line, Column column) {
  std::vector<std::string_view> cells;
  const std::size_t caret_byte = column == 0 ? 0 : column - 1;
  std::size_t caret_cell = 0;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t length = character_length(line.substr(at));
    cells.push_back(shown(line.substr(at, length)));
    at += length;
    if (at <= caret_byte) caret_cell = cells.size();
  }
  std::size_t first = 0;
  std::size_t last = cells.size();
  if (cells.size() > excerpt_cells_max) {
    first = caret_cell - std::min(caret_cell, excerpt_cells_max / 2);
    last = std::min(cells.size(), first + excerpt_cells_max);
    first = last - std::min(last, excerpt_cells_max);
  }
  Excerpt result;
  if (first > 0) {
    result.line += ellipsis;
    result.caret += ' ';
  }
  for (std::size_t i = first; i < last; ++i) {
    result.line += cells[i];
    if (i < caret_cell) result.caret += cells[i] == "\t" ? '\t' : ' ';
  }
  if (last < cells.size()) result.line += ellipsis;
  result.caret += '^';
  return result;
}

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr std::size_t misspelt_length_max = 24;

/// For words of at most `misspelt_length_max` letters; the case of `word` does not matter.
std::size_t edit_distance(std::string_view word, std::string_view candidate) {
  using Row = std::array<std::size_t, misspelt_length_max + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= candidate.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= word.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = i;
    const char letter = lower_case(word[i - 1]);
    for (std::size_t j = 1; j <= candidate.size(); ++j) {
      const std::size_t replaced = letter == candidate[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + replaced});
      const bool are_swapped = i > 1 && j > 1 && letter == candidate[j - 2] &&
                               lower_case(word[i - 2]) == candidate[j - 1];
      if (are_swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[candidate.size()];
}

}  // namespace

void fail_at(const Op& op, Column column, std::string message) {
  throw ScriptError{Diagnostic{.severity = Severity::error,
                               .file = std::string{op.file},
                               .line = op.line,
                               .column = column == 0 ? op.column : column,
                               .message = std::move(message),
                               .source_line = std::string{op.source_line}}};
}

std::uint64_t extension_bytes(const Op& op) {
  constexpr std::uint64_t word = 8;
  if (op.size_bytes < word) {
    fail_at(
        op, op.number_column,
        "too little to extend a heap by: " + std::to_string(op.size_bytes) + " bytes (minimum 8)");
  }
  return op.size_bytes / word * word;
}

std::string render(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (!text.empty()) text += ':';
  text += std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.column);
  text += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
  text += diagnostic.message + '\n';
  if (diagnostic.source_line.empty()) return text;
  const Excerpt cut = excerpt(diagnostic.source_line, diagnostic.column);
  text += cut.line + '\n' + cut.caret + '\n';
  return text;
}

std::string in_quotes(std::string_view word) {
  std::string text = "'";
  std::size_t count = 0;
  while (!word.empty() && count < quoted_length_max) {
    const std::size_t length = character_length(word);
    const std::string_view character = shown(word.substr(0, length));
    text += character == "\t" ? " " : character;
    word.remove_prefix(length);
    ++count;
  }
  if (!word.empty()) text += ellipsis;
  text += '\'';
  return text;
}

std::string_view closest_word(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > misspelt_length_max) return {};
  std::string_view best;
  // A word of one letter, for instance, is not a misspelling of another one.
  std::size_t limit = std::min(std::max<std::size_t>(1, word.size() / 3) + 1, word.size());
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > misspelt_length_max) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= limit) continue;
    limit = distance;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view guess = closest_word(word, candidates);
  if (guess.empty()) return {};
  return "; did you mean " + in_quotes(guess) + '?';
}

std::string one_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 < words.size() ? ", " : " or ";
    text += words[i];
  }
  return text;
}

}  // namespace mneme::driver
