// purpose: shows how diagnostics of any line are rendered, and the guesses for misspelt words.
// layer: tests; includes driver/diagnostic.
// threads: none.
// invariants: the caret is below the byte that the column names.
// RUN: %runner %build/tests/diagnostic_test
#include "driver/language/diagnostic.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

using namespace mneme::driver;

namespace {

/// The excerpt: the line and the caret's line.
std::string excerpt_of(const std::string& source_line, Column column) {
  const std::string text = render(
      {.file = "f", .line = 3, .column = column, .message = "m", .source_line = source_line});
  const std::string head = "f:3:" + std::to_string(column) + ": error: m\n";
  REQUIRE(text.starts_with(head));
  return text.substr(head.size());
}

constexpr std::array<std::string_view, 5> words{"alloc", "free", "lock", "unlock", "poll"};

}  // namespace

TEST_CASE("a diagnostic is a head, the line and the caret") {
  CHECK(excerpt_of("free a", 6) == "free a\n     ^\n");
  CHECK(excerpt_of("free", 5) == "free\n    ^\n");
  CHECK(excerpt_of("free", 1) == "free\n^\n");
  CHECK(render({.severity = Severity::warning,
                .file = "f",
                .line = 1,
                .column = 2,
                .message = "m",
                .source_line = ""}) == "f:1:2: warning: m\n");
}

TEST_CASE("tabs are kept before the caret, so that it is below its byte") {
  CHECK(excerpt_of("\tfree\ta", 7) == "\tfree\ta\n\t    \t^\n");
}

TEST_CASE("control characters and broken UTF-8 are shown as question marks") {
  CHECK(excerpt_of(std::string{"a\0\x1B[31m\x7F", 8}, 2) == "a??[31m?\n ^\n");
  CHECK(excerpt_of("\xC3(\xFF\x80\xE2\x82", 3) == "?(????\n  ^\n");
  CHECK(excerpt_of("\xC2\x9B"
                   "31m",
                   3) == "?31m\n ^\n");
}

TEST_CASE("a character of several bytes takes one column of the caret's line") {
  CHECK(excerpt_of("# ä€😀 x", 13) == "# ä€😀 x\n      ^\n");
}

TEST_CASE("a long line is truncated around the caret") {
  std::string line(1000, 'x');
  line[499] = 'y';
  const std::string cut = "…" + std::string(48, 'x') + 'y' + std::string(47, 'x') + "…\n";
  CHECK(excerpt_of(line, 500) == cut + std::string(49, ' ') + "^\n");
  CHECK(excerpt_of(line, 1) == std::string(96, 'x') + "…\n^\n");
  CHECK(excerpt_of(line, 1001) == "…" + std::string(96, 'x') + '\n' + std::string(97, ' ') + "^\n");
}

TEST_CASE("a column far beyond the end of the line is harmless") {
  CHECK(excerpt_of("free", 4'000'000'000) == "free\n    ^\n");
  CHECK(excerpt_of("free", 0) == "free\n^\n");
}

TEST_CASE("quoted words are short and printable") {
  CHECK(in_quotes("a") == "'a'");
  CHECK(in_quotes("") == "''");
  CHECK(in_quotes("a\tb\x01") == "'a b?'");
  CHECK(in_quotes(std::string(41, 'x')) == "'" + std::string(40, 'x') + "…'");
  CHECK(in_quotes(std::string(40, 'x')) == "'" + std::string(40, 'x') + "'");
}

TEST_CASE("the closest word is the one with the fewest typing errors") {
  CHECK(closest_word("alloc", words) == "alloc");
  CHECK(closest_word("aloc", words) == "alloc");
  CHECK(closest_word("allocc", words) == "alloc");
  CHECK(closest_word("alkoc", words) == "alloc");
  CHECK(closest_word("lokc", words) == "lock");
  CHECK(closest_word("unlokc", words) == "unlock");
  CHECK(closest_word("FREE", words) == "free");
}

TEST_CASE("a word that is unlike all others gets no guess") {
  CHECK(closest_word("", words).empty());
  CHECK(closest_word("x", words).empty());
  CHECK(closest_word("malloc_usable", words).empty());
  CHECK(closest_word(std::string(65'536, 'a'), words).empty());
  CHECK(closest_word("b", std::array<std::string_view, 2>{"a", "c"}).empty());
  CHECK(did_you_mean("zzzz", words).empty());
  CHECK(did_you_mean("fre", words) == "; did you mean 'free'?");
}

TEST_CASE("lists read as English") {
  CHECK(one_of(words) == "alloc, free, lock, unlock or poll");
  CHECK(one_of(std::span{words}.first(1)) == "alloc");
  CHECK(one_of({}).empty());
}
