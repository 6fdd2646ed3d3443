// purpose: parses the parts of a line of `valgrind --trace-malloc=yes`.
// layer: import; includes the standard library only.
// threads: pure functions.
// invariants: a take_ function that fails leaves the text unchanged.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace mneme::driver::valgrind_line {

/// The prefix of a line: `==77== ` for messages, `--77-- ` for the trace and the lines of
/// --verbose, `**77** ` for text that the program prints through Valgrind.
struct Mark {
  char sign = '=';
  std::uint64_t process = 0;
};

/// With --time-stamp=yes the time precedes the process: `--00:00:00:01.234 77-- `.
[[nodiscard]] std::optional<Mark> take_mark(std::string_view& text) noexcept;

enum class CallKind : std::uint8_t {
  allocate,
  allocate_array,
  allocate_unseen,  // its result is never printed
  resize,
  resize_array,
  free,
  query,          // about a block
  query_nothing,  // about the heap; prints no result
};

/// A call as printed. Its result may follow on the same line, on a later one, or not at all.
struct Call {
  CallKind kind{};
  std::uint64_t key = 0;  // the pointer that is resized or freed
  std::uint64_t size = 0;
  std::uint64_t align = 0;
  bool overflows = false;     // count times size overflows: it fails, and no result is printed
  bool freed_inside = false;  // realloc(p,0) has printed its own free(p)
  std::uint64_t line = 0;
  std::string text;  // as printed
};

/// Whether the text begins with a name and an opening parenthesis.
[[nodiscard]] bool begins_with_call(std::string_view text) noexcept;

/// Takes `malloc(24)`. The error describes the fault.
[[nodiscard]] std::expected<Call, std::string_view> take_call(std::string_view& text);

[[nodiscard]] bool begins_with_result(std::string_view text) noexcept;

/// Takes ` = 0x4A5D040`.
[[nodiscard]] std::optional<std::uint64_t> take_result(std::string_view& text) noexcept;

/// Whether it is a line that --verbose adds, without its `--77-- `.
[[nodiscard]] bool is_verbose_line(std::string_view text) noexcept;

/// Whether it is a line of --debug: `--77:1:main Running thread 1`.
[[nodiscard]] bool is_debug_log_line(std::string_view text) noexcept;

/// Whether it is a line that --debug or a second --verbose adds without the usual prefix.
[[nodiscard]] bool is_unmarked_verbose_line(std::string_view text) noexcept;

/// Whether it is the message, after `==77== `, with which the process starts a program.
[[nodiscard]] bool begins_program(std::string_view text) noexcept;

/// Whether it begins a message that can come between a call and its result.
[[nodiscard]] bool begins_with_message(std::string_view text) noexcept;

}  // namespace mneme::driver::valgrind_line
