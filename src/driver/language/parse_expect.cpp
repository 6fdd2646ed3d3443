// purpose: the forms of `expect`.
// layer: language; includes parse_expect, diagnostic.
// threads: pure functions.
// invariants: see parse_expect.hpp.
#include "parse_expect.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "diagnostic.hpp"

namespace mneme::driver {

namespace {

bool is_comparison(std::string_view word) { return word.find_first_of("<>=!") == 0; }

/// Reads a comparison, if the word is one, and goes on to the number behind it.
Comparison parse_comparison(Line& line, Word& word) {
  if (!is_comparison(word.text)) return Comparison::equal;
  const auto at = std::ranges::find(comparison_words, word.text);
  if (at == comparison_words.end()) {
    line.fail(word.column, "unknown comparison " + in_quotes(word.text) +
                               "; expected <= or >= and a blank, or only the number");
  }
  word = line.next_word();
  return static_cast<Comparison>(at - comparison_words.begin());
}

}  // namespace

void fail_form(const Line& line, Column column, const std::string& message, const Command& command,
               const std::string& hint) {
  line.fail(column, message + "; the form is '" + synopsis(command) + '\'' + hint);
}

std::string expected_one_of(std::string_view word, std::span<const std::string_view> words) {
  const std::string hint = did_you_mean(word, words);
  return hint.empty() ? "; expected " + one_of(words) : hint;
}

void parse_state(Op& op, const Line& line, const Word& word) {
  const std::optional<State> state = find_state(word.text);
  if (!state) {
    line.fail(word.column,
              "unknown state " + in_quotes(word.text) + expected_one_of(word.text, state_words));
  }
  op.state = *state;
  op.state_column = word.column;
}

void parse_queue_names(Op& op, Line& line, Word word) {
  const Column first = word.column;
  std::size_t count = 0;
  std::size_t length = 0;
  for (; !word.at_end(); word = line.next_word()) {
    const std::string_view name = line.name(word, "NAME");
    if (++count > queue_names_max) {
      line.fail(word.column, "more than " + std::to_string(queue_names_max) + " names behind " +
                                 in_quotes("queue"));
    }
    length = word.column - first + name.size();
  }
  op.queue_names = line.text().substr(first - 1, length);
  op.queue_column = first;
}

void parse_key_numbers(Op& op, Line& line, Word word, const Command& command) {
  unsigned given = 0;
  Line ahead = line;
  for (; !word.at_end(); ahead = line, word = line.next_word()) {
    if (given != 0 && word.text == in_word) {  // an option, which is read again
      line = ahead;
      return;
    }
    const std::optional<Key> key = find_key(word.text);
    if (!key) {
      line.fail(word.column,
                "unknown key " + in_quotes(word.text) + expected_one_of(word.text, key_words));
    }
    const unsigned bit = 1U << static_cast<unsigned>(*key);
    if ((given & bit) != 0) {
      line.fail(word.column, "key " + in_quotes(word.text) + " is given twice");
    }
    given |= bit;
    Word number = line.next_word();
    const Comparison comparison = parse_comparison(line, number);
    if (number.at_end()) {
      fail_form(line, number.column, "missing NUMBER behind " + in_quotes(word.text), command);
    }
    op.expectations[op.expectation_count++] = {.key = *key,
                                               .comparison = comparison,
                                               .key_column = word.column,
                                               .number_column = number.column,
                                               .number = line.size(number, "NUMBER")};
  }
}

const Command& choose_expect_form(Line ahead) {
  const std::string_view first = ahead.next_word().text;
  const std::string_view second = ahead.next_word().text;
  const std::size_t sign = second.starts_with('-') || second.starts_with('+') ? 1 : 0;
  const bool is_number = second.size() > sign && second[sign] >= '0' && second[sign] <= '9';
  if (second == "at") return command_of(OpKind::expect_at);
  if (second.empty() && std::ranges::find(ending_words, first) != ending_words.end()) {
    return command_of(OpKind::expect_end);
  }
  if (first == "queue" && !find_state(second)) return command_of(OpKind::expect_queue);
  return command_of(is_number || is_comparison(second) ? OpKind::expect_keys
                                                       : OpKind::expect_state);
}

}  // namespace mneme::driver
