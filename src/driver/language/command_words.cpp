// purpose: the form of a command, and all words of the language, by its table.
// layer: language; includes command_table.
// threads: pure functions.
// invariants: every word of a row is in the list.
#include <algorithm>
#include <utility>

#include "command_table.hpp"

namespace mneme::driver {

namespace {

void add_once(std::vector<std::string>& words, std::string word) {
  if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
}

}  // namespace

std::string synopsis(const Command& command) {
  std::string text{command.keyword};
  for (const Argument& argument : command.arguments) {
    text += ' ';
    text += argument.word;
  }
  for (const Option& option : command.options) {
    if (option.excludes_previous) {
      text.back() = '|';
    } else {
      text += " [";
    }
    text += option.word;
    text += std::string{option.separator()} + std::string{option.value};
    text += ']';
  }
  return text;
}

std::vector<std::string> language_words() {
  std::vector<std::string> words;
  for (const Command& row : commands()) {
    add_once(words, std::string{row.keyword});
    for (const Option& option : row.options) {
      add_once(words, std::string{option.word} + (option.separator() == "=" ? "=" : ""));
    }
  }
  for (const std::string_view word : poll_words) add_once(words, std::string{word});
  for (const std::string_view word : state_words) add_once(words, std::string{word});
  for (const std::string_view word : key_words) add_once(words, std::string{word});
  for (const std::string_view word : ending_words) add_once(words, std::string{word});
  add_once(words, std::string{forever_word});
  for (const std::string_view word : {"<=", ">=", "at", "queue"})
    add_once(words, std::string{word});
  add_once(words, std::string{default_raw_heap});
  return words;
}

}  // namespace mneme::driver
