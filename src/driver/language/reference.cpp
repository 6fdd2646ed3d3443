// purpose: the language reference as text, for `mneme language`.
// layer: language; includes language.
// threads: pure functions.
// invariants: at most 80 columns; commands and options are printed from the parser's own table.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "command_table.hpp"
#include "reference_text.hpp"

namespace mneme::driver {

namespace {

using namespace reference;

constexpr std::size_t columns_max = 80;

constexpr std::array state_help{
    std::string_view{"in the queue"},
    std::string_view{"it has its memory, whether its task has already taken it or not"},
    std::string_view{"freed by free or drop"},
    std::string_view{"cancelled by cancel"},
    std::string_view{
        "not met: larger than the heap, or with 'try' or 'guard' if it would have to wait"},
    std::string_view{"it was waiting at a close, or came after it"}};
static_assert(state_help.size() == state_words.size());

constexpr std::array key_help{
    std::string_view{"bytes in live and deferred blocks, headers included"},
    std::string_view{"bytes in holes"},
    std::string_view{"bytes in the largest hole"},
    std::string_view{"number of live blocks"},
    std::string_view{"number of waiting requests"},
    std::string_view{"number of blocks that are freed, but not yet reclaimed"},
    std::string_view{"the maximum of used so far"},
    std::string_view{"number of requests that were refused so far"}};
static_assert(key_help.size() == key_words.size());

void put_section(std::string& text, const Section& section) {
  text += '\n';
  text += section.title;
  text += '\n';
  text += section.text;
}

/// Appends words, and breaks lines at the last column. The first line continues the text's last
/// one; the others start with `indent` blanks.
void put_filled(std::string& text, std::string_view words, std::size_t indent) {
  std::size_t column = text.size() - (text.rfind('\n') + 1);
  bool is_first = true;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (!is_first && column + 1 + word.size() > columns_max) {
      text += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!is_first) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    is_first = false;
  }
  text += '\n';
}

/// Appends `  term      help`, with the help in its own column.
void put_entry(std::string& text, std::string_view term, std::string_view help,
               std::size_t help_column) {
  const std::size_t start = text.size();
  text += "  " + std::string{term};
  text.append(std::max<std::size_t>(2, help_column - std::min(help_column, text.size() - start)),
              ' ');
  put_filled(text, help, help_column);
}

void put_commands(std::string& text) {
  text += "\nCOMMANDS\nBrackets enclose what is optional. A bar separates alternatives.\n";
  for (const Command& command : commands()) {
    text += "\n  " + synopsis(command) + "\n      ";
    put_filled(text, command.help, 6);
    text += "      Example: " + std::string{command.example} + '\n';
  }
}

void put_options(std::string& text) {
  text += "\nOPTIONS\nOptions follow the arguments, in any order, each at most once.\n\n";
  for (const Command& command : commands()) {
    for (const Option& option : command.options) {
      std::string term = std::string{command.keyword} + " ... " + std::string{option.word};
      if (!option.value.empty()) term += '=' + std::string{option.value};
      put_entry(text, term, option.help, 30);
    }
  }
}

template <std::size_t count>
void put_words(std::string& text, std::string_view title, std::string_view intro,
               const std::array<std::string_view, count>& words,
               const std::array<std::string_view, count>& help) {
  text += '\n' + std::string{title} + '\n' + std::string{intro};
  for (std::size_t i = 0; i < count; ++i) put_entry(text, words[i], help[i], 14);
}

}  // namespace

std::string language_reference() {
  std::string text = "THE LANGUAGE OF MNEME'S SCRIPTS\n";
  text += introduction;
  put_section(text, lines_and_names);
  put_section(text, sizes);
  put_commands(text);
  put_options(text);
  put_words(text, "STATES", "For 'expect NAME STATE'.\n\n", state_words, state_help);
  put_words(text, "KEYS", "For 'expect KEY NUMBER', and in the output of stat.\n\n", key_words,
            key_help);
  put_section(text, raw_heaps);
  put_section(text, heaps);
  put_section(text, queues);
  put_section(text, held_steps);
  put_section(text, tasks);
  put_section(text, locks_in_tasks);
  put_section(text, traces);
  put_section(text, transcript);
  put_section(text, annotations);
  put_section(text, ending);
  put_section(text, exit_codes);
  return text;
}

}  // namespace mneme::driver
