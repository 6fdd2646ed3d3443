// purpose: errors in the input: file:line:col, the message, the line and a caret.
// layer: language; includes op and the standard library.
// threads: plain data, no sharing.
// invariants: a rendered error is a few short lines of printable text, whatever the input is.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "op.hpp"

namespace mneme::driver {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  std::uint64_t line = 0;  // from 1
  Column column = 0;       // in bytes, from 1
  std::string message;
  std::string source_line;  // may be empty: then there is no excerpt
};

/// An error in a script: exit code 2.
class ScriptError : public std::exception {
 public:
  explicit ScriptError(Diagnostic diagnostic) : diagnostic_{std::move(diagnostic)} {}

  [[nodiscard]] const Diagnostic& diagnostic() const noexcept { return diagnostic_; }
  [[nodiscard]] const char* what() const noexcept override { return diagnostic_.message.c_str(); }

 private:
  Diagnostic diagnostic_;
};

/// An input that cannot be read at all. `what()` is the whole message without the program's name:
/// `cannot read 'x': Is a directory`.
class InputError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws a ScriptError at a column of a step; column 0 means the step's keyword. For errors that
/// only a run can detect: unknown names, names in use, and so on.
[[noreturn]] void fail_at(const Op& op, Column column, std::string message);

/// The whole words that an `extend` hands over, in bytes. Throws a ScriptError if there are none.
[[nodiscard]] std::uint64_t extension_bytes(const Op& op);

/// `file:line:col: error: message` (without a file: `line:col: …`), then the line (cut around the
/// caret when long, control characters shown as `?`), then the caret. Ends with a newline.
[[nodiscard]] std::string render(const Diagnostic& diagnostic);

/// The word in single quotes; shortened if it is long, and with control characters replaced.
[[nodiscard]] std::string in_quotes(std::string_view word);

/// The candidate, in lower case, that `word` in any case is most likely a misspelling of, or an
/// empty view. The distance counts inserted, deleted, replaced and swapped letters (optimal string
/// alignment).
[[nodiscard]] std::string_view closest_word(std::string_view word,
                                            std::span<const std::string_view> candidates);

/// `; did you mean 'alloc'?`, or nothing if no candidate is close.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string_view> candidates);

/// `used, free or largest`.
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

}  // namespace mneme::driver
