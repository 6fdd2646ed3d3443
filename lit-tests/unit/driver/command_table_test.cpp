// purpose: shows that parser, printer and reference follow the one table.
// layer: tests; includes the driver's front end.
// threads: none.
// invariants: each property is checked for every row, so a new row is tested at once.
// RUN: %runner %build/tests/command_table_test
#include "driver/language/command_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "driver/language/format_op.hpp"
#include "driver/language/parser.hpp"

using namespace mneme::driver;

namespace {

struct Outcome {
  bool is_error = false;
  std::string text;  // the message, or the canonical form
  OpKind kind{};
};

/// The lines that a command needs before it.
std::string context_of(const Command& command, const std::string& line) {
  if (command.kind == OpKind::heap) return "";
  const std::string heaps = line.contains(" in other") ? "heap 1K\nheap other 1K\n" : "heap 1K\n";
  if (command.kind == OpKind::or_else) return heaps + "task t\nchoose\n";
  const bool is_in_task = command.kind == OpKind::end || line.contains(" timeout");
  return is_in_task ? heaps + "task t\n" : heaps;
}

Outcome outcome_of(const Command& command, const std::string& line) {
  const std::string context = context_of(command, line);
  const std::string text = context + line + "\n";
  Source source{text, "test.mn"};
  Parser parser{source};
  Op op;
  CommandBuffer buffer;
  try {
    bool is_given = parser.next(op);
    for (std::ptrdiff_t before = std::ranges::count(context, '\n'); before > 0; --before) {
      is_given = parser.next(op);
    }
    CHECK(is_given);
  } catch (const ScriptError& error) {
    return {.is_error = true, .text = error.diagnostic().message};
  }
  return {.text = std::string{format_op(op, buffer)}, .kind = op.kind};
}

std::string example_of(const Argument& argument) {
  switch (argument.kind) {
    case ArgumentKind::name: return "first";
    case ArgumentKind::new_name: return "second";
    case ArgumentKind::size:
    case ArgumentKind::sizes: return "24";
    case ArgumentKind::count: return "3";
    case ArgumentKind::state: return "granted";
    case ArgumentKind::literal: return std::string{argument.word};
    case ArgumentKind::key_numbers: return "live 1 used <= 24";
    case ArgumentKind::queue_names: return "first second";
    case ArgumentKind::ending: return "deadlock";
    case ArgumentKind::copies: return "x3";
    case ArgumentKind::repeats: return "forever";
  }
  return {};
}

std::string example_of(const Option& option) {
  std::string text{option.word};
  if (option.kind == OptionKind::raw) text += "=other";
  if (option.kind == OptionKind::queue) text += "=other";
  if (option.kind == OptionKind::priority) text += "=2";
  if (option.kind == OptionKind::poll) text += "=auto";
  if (option.kind == OptionKind::in) text += " other";
  if (option.kind == OptionKind::align) text += "=64";
  return text;
}

/// The command with its first `count` arguments.
std::string with_arguments(const Command& command, std::size_t count) {
  std::string text{command.keyword};
  for (const Argument& argument : command.arguments.first(count)) {
    text += ' ' + example_of(argument);
  }
  return text;
}

}  // namespace

TEST_CASE("every row's example is an example of its command") {
  for (const Command& command : commands()) {
    CAPTURE(command.example);
    const Outcome outcome = outcome_of(command, std::string{command.example});
    CHECK(!outcome.is_error);
    CHECK(outcome.kind == command.kind);
  }
}

TEST_CASE("every row takes its arguments, no fewer and no more") {
  for (const Command& command : commands()) {
    const std::size_t count = command.arguments.size();
    const std::string whole = with_arguments(command, count);
    CAPTURE(whole);
    CHECK(outcome_of(command, whole).text == whole);
    CHECK(outcome_of(command, whole).kind == command.kind);
    const bool takes_any_number =
        count > 0 && command.arguments.back().kind == ArgumentKind::queue_names;
    const bool may_be_left_out =
        takes_any_number || (count > 0 && command.arguments.back().kind == ArgumentKind::copies);
    CHECK(outcome_of(command, whole + " surplus").is_error == !takes_any_number);
    for (std::size_t fewer = 0; fewer < count; ++fewer) {
      const Outcome outcome = outcome_of(command, with_arguments(command, fewer));
      if (may_be_left_out && fewer == count - 1) {
        CHECK(!outcome.is_error);
        continue;
      }
      CHECK(outcome.is_error);
      CHECK(outcome.text.starts_with("missing "));
      CHECK(outcome.text.contains(synopsis(command)));
    }
  }
}

TEST_CASE("every row takes its options, each once, and prints them back") {
  for (const Command& command : commands()) {
    const std::string plain = with_arguments(command, command.arguments.size());
    for (const Option& option : command.options) {
      const std::string with_option = plain + ' ' + example_of(option);
      CAPTURE(with_option);
      CHECK(outcome_of(command, with_option).text == with_option);
      const std::string twice = with_option + ' ' + example_of(option);
      CHECK(outcome_of(command, twice).text ==
            "option " + in_quotes(option.word) + " is given twice");
      for (const Option& other : command.options) {
        if (&other == &option) continue;
        const bool excluded =
            std::all_of(std::min(&option, &other) + 1, std::max(&option, &other) + 1,
                        [](const Option& each) { return each.excludes_previous; });
        CHECK(outcome_of(command, with_option + ' ' + example_of(other)).is_error == excluded);
      }
    }
  }
}

TEST_CASE("options are printed in the order of the table, whatever order they were read in") {
  const Command& alloc = command_of(OpKind::alloc);
  CHECK(outcome_of(alloc, "alloc a 8 try align=32").text == "alloc a 8 align=32 try");
  CHECK(outcome_of(alloc, "alloc a 1024 align=16").text == "alloc a 1K");
  const Command& heap = command_of(OpKind::heap);
  CHECK(outcome_of(heap, "heap 65536K align=16 poll=manual raw=bounded").text == "heap 64M");
}

TEST_CASE("every keyword is found, and nothing else") {
  std::set<std::string_view> unique;
  for (const Command& command : commands()) {
    unique.insert(command.keyword);
    const Command* found = find_command(command.keyword);
    REQUIRE(found != nullptr);
    CHECK(found->keyword == command.keyword);
    CHECK(&command_of(command.kind) == &command);
    CHECK(find_command(std::string{command.keyword} + "x") == nullptr);
    const std::string_view rest = command.keyword.substr(1);  // send: end
    const Command* const other = find_command(rest);
    CHECK((other == nullptr || other->keyword == rest));
  }
  CHECK(unique.size() == keywords().size());
  for (const std::string_view word : keywords()) CHECK(unique.contains(word));
  CHECK(find_command("") == nullptr);
}

TEST_CASE("the reference has every form, help, example, option, state and key") {
  // Lines are wrapped anywhere, so all white space is compared as one blank.
  const auto squeezed = [](std::string_view text) {
    std::istringstream words{std::string{text}};
    std::string result;
    for (std::string word; words >> word;) result += word + ' ';
    return result;
  };
  const std::string reference = squeezed(language_reference());
  const auto has = [&](std::string_view text) { return reference.contains(squeezed(text)); };
  for (const Command& command : commands()) {
    CAPTURE(command.keyword);
    CHECK(has(synopsis(command)));
    CHECK(has(command.help));
    CHECK(has("Example: " + std::string{command.example}));
    for (const Option& option : command.options) CHECK(has(option.help));
  }
  for (const std::string& word : language_words()) {
    CAPTURE(word);
    CHECK(reference.contains(word));
  }
  CHECK(!has("no such text"));
}

TEST_CASE("the reference is plain text of at most 80 columns") {
  std::istringstream lines{language_reference()};
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 80);
    CHECK(!line.ends_with(' '));
    CHECK(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7F; }));
  }
}

TEST_CASE("the words of the language are each listed once") {
  const std::vector<std::string> words = language_words();
  const std::set<std::string> unique{words.begin(), words.end()};
  CHECK(unique.size() == words.size());
  for (const std::string word : {"heap", "expect", "align=", "raw=", "poll=", "try", "guard",
                                 "defer", "auto", "bounded", "refused", "largest", "waiting"}) {
    CAPTURE(word);
    CHECK(unique.contains(word));
  }
}
