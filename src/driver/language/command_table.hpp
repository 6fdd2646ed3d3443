// purpose: the table of the script language, which drives parser, formatter and reference.
// layer: language; includes op and the standard library.
// threads: constant data.
// invariants: one row per form; rows of one keyword are adjacent; options are in canonical order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "op.hpp"

namespace mneme::driver {

/// The kind of an argument decides how it is read and printed, and where it is stored in Op.
enum class ArgumentKind : std::uint8_t {
  name,         // Op::name
  new_name,     // Op::new_name
  size,         // Op::size_bytes
  sizes,        // the same; or, in a task, Op::sizes
  count,        // Op::count
  state,        // Op::state
  literal,      // a fixed word, which distinguishes a form from the others
  key_numbers,  // Op::expectations; takes all words up to the end of the line
  queue_names,  // Op::queue_names; takes all words up to the end of the line, even none
  ending,       // Op::ending
  copies,       // Op::count, as `x3`; one if it is missing
  repeats       // Op::count, a number or `forever`
};

struct Argument {
  ArgumentKind kind{};
  std::string_view word;  // as in the synopsis: NAME, SIZE, …
};

/// The kind of an option. Options follow the arguments, in any order, each at most once.
enum class OptionKind : std::uint8_t {
  raw,
  queue,
  poll,
  in,  // a blank before its value, instead of `=`
  align,
  priority,
  holding,
  try_now,
  guard,
  timeout,
  defer
};

struct Option {
  OptionKind kind{};
  std::string_view word;   // `align`
  std::string_view value;  // the part behind the `=` in the synopsis; empty: a plain word
  std::string_view help;
  bool excludes_previous = false;  // `try|guard`: not both

  /// Between the word and its value.
  [[nodiscard]] constexpr std::string_view separator() const {
    return kind == OptionKind::in ? " " : value.empty() ? "" : "=";
  }
};

struct Command {
  OpKind kind{};
  std::string_view keyword;
  std::span<const Argument> arguments;
  std::span<const Option> options;
  std::string_view help;
  std::string_view example;
  /// Its codes in the fuzzers' bytes (byte_codec.hpp); the encoder uses the first. They must never
  /// change, as seeds contain them. Heaps and steps of scripts with tasks have none.
  std::span<const std::uint8_t> places;
};

/// The number of places in the fuzzers' bytes, and the one that belongs to no command.
inline constexpr std::size_t places_max = 39;
inline constexpr std::size_t define_place = 29;

/// All rows, in the order of the reference. Rows whose keyword is the same are forms of one
/// command.
[[nodiscard]] std::span<const Command> commands() noexcept;

/// The first row of a keyword, or nullptr. O(rows); the most frequent commands come first.
[[nodiscard]] const Command* find_command(std::string_view keyword) noexcept;

[[nodiscard]] const Command& command_of(OpKind kind) noexcept;

/// The words of the `poll` option, by PollMode.
inline constexpr std::array<std::string_view, 2> poll_words{"manual", "auto"};

/// `alloc NAME SIZE [align=N] [priority=N|holding] [try|guard|timeout]`.
[[nodiscard]] std::string synopsis(const Command& command);

/// Every word with a meaning, each once: keywords, options (`align=`), choices, states and keys.
/// For spelling hints and fuzz dictionaries.
[[nodiscard]] std::vector<std::string> language_words();

/// The keywords, each once.
[[nodiscard]] std::span<const std::string_view> keywords() noexcept;

/// The whole reference as plain text of at most 80 columns.
[[nodiscard]] std::string language_reference();

}  // namespace mneme::driver
