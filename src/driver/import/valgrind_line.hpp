// purpose: the pieces that one line of `valgrind --trace-malloc=yes` is made of.
// layer: import; includes the standard library only.
// threads: pure functions.
// invariants: a taker that fails leaves the text as it was.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace mneme::driver::valgrind_line {

/// What a line begins with: `==77== ` for messages, `--77-- ` for the trace and for what --verbose
/// adds, `**77** ` for what the program has Valgrind print.
struct Mark {
  char sign = '=';
  std::uint64_t process = 0;
};

/// With --time-stamp=yes the time stands before the process: `--00:00:00:01.234 77-- `.
[[nodiscard]] std::optional<Mark> take_mark(std::string_view& text) noexcept;

enum class CallKind : std::uint8_t {
  allocate,
  allocate_array,
  allocate_unseen,  // its result is never printed
  resize,
  resize_array,
  free,
  query,          // asks about a block
  query_nothing,  // asks about the heap, and prints no result
};

/// One call as printed: its result may stand behind it, on a later line, or nowhere.
struct Call {
  CallKind kind{};
  std::uint64_t key = 0;  // the pointer that is resized or freed
  std::uint64_t size = 0;
  std::uint64_t align = 0;
  bool overflows = false;     // count times size does: it fails, and no result is printed
  bool freed_inside = false;  // realloc(p,0) has printed its own free(p)
  std::uint64_t line = 0;
  std::string text;  // as printed
};

/// Whether the text begins with a name and an opening parenthesis.
[[nodiscard]] bool begins_with_call(std::string_view text) noexcept;

/// Takes `malloc(24)`. The error says what is wrong with it.
[[nodiscard]] std::expected<Call, std::string_view> take_call(std::string_view& text);

[[nodiscard]] bool begins_with_result(std::string_view text) noexcept;

/// Takes ` = 0x4A5D040`.
[[nodiscard]] std::optional<std::uint64_t> take_result(std::string_view& text) noexcept;

/// Whether it is one of the lines that --verbose adds behind `--77-- `.
[[nodiscard]] bool is_verbose_line(std::string_view text) noexcept;

/// Whether it is one of the lines that --debug writes: `--77:1:main Running thread 1`.
[[nodiscard]] bool is_debug_log_line(std::string_view text) noexcept;

/// Whether it is one of the lines that --debug, or a second --verbose, adds without the usual mark.
[[nodiscard]] bool is_unmarked_verbose_line(std::string_view text) noexcept;

/// Whether it follows `==77== ` when the process begins a program.
[[nodiscard]] bool begins_program(std::string_view text) noexcept;

/// Whether it is the start of a message that can come between a call and its result.
[[nodiscard]] bool begins_with_message(std::string_view text) noexcept;

}  // namespace mneme::driver::valgrind_line
