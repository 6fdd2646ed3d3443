// purpose: reads the arguments of `expect`, and reports the errors that all commands share.
// layer: language; includes command_table, line.
// threads: pure functions.
// invariants: nothing is allocated for a correct line.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "command_table.hpp"
#include "line.hpp"
#include "op.hpp"

namespace mneme::driver {

/// Throws an error that shows the command's synopsis.
[[noreturn]] void fail_form(const Line& line, Column column, const std::string& message,
                            const Command& command, const std::string& hint = {});

/// `expected a, b or c`, or the one of them that the word is most likely a misspelling of.
[[nodiscard]] std::string expected_one_of(std::string_view word,
                                          std::span<const std::string_view> words);

void parse_state(Op& op, const Line& line, const Word& word);

/// Reads names up to the end of the line, and keeps the text from the first to the last.
void parse_queue_names(Op& op, Line& line, Word word);

/// Reads keys, each with a comparison, if any, and a number, up to the end of the line.
void parse_key_numbers(Op& op, Line& line, Word word, const Command& command);

/// The words behind `expect` decide its form: a key has a number, even a malformed one, or a
/// comparison behind it, a name may have `at`; `queue` means the queue unless a state follows;
/// `deadlock` and `safe` have nothing behind them.
[[nodiscard]] const Command& choose_expect_form(Line ahead);

}  // namespace mneme::driver
