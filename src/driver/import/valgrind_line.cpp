// purpose: parses the parts of a line of `valgrind --trace-malloc=yes`.
// layer: import; includes import_valgrind_line and import_text.
// threads: pure functions.
// invariants: as in the header.
#include "valgrind_line.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "text.hpp"

namespace mneme::driver::valgrind_line {

namespace {

using import_text::is_digit;
using import_text::take_number;
using import_text::take_prefix;

/// Lines that --verbose adds, and Valgrind's reports about itself. They may look like calls, so
/// they are recognised by their beginnings; any other line is reported.
constexpr std::array verbose_beginnings = std::to_array<std::string_view>({
    "  ",
    "Adding active redirection",
    "Arch and hwcaps: ",
    "Caught __NR_exit",
    "Considering ",
    "Contents of /proc/version:",
    "DHAT: ",
    "DWARF",
    "DWARF2 CFI reader: ",
    "Discarding syms ",
    "Ignoring non-",
    "Massif: ",
    "Nevertheless we consider this a bug.",
    "Page sizes: ",
    "REDIR: ",
    "Read the file README_MISSING_SYSCALL_OR_IOCTL",
    "Reading suppressions file: ",
    "Reading syms from ",
    "Scheduler: ",
    "TT/TC: ",
    "VALGRIND INTERNAL ERROR: ",
    "Valgrind library directory: ",
    "Valgrind options:",
    "WARNING: ",
    "Warning: ",
    "When reading debug info from ",
    "You may be able to write your own handler.",
    "dhat: ",
    "drd: ",
    "embedded gdbserver: ",
    "errormgr: ",
    "exectx: ",
    "helgrind: ",
    "it at http",
    "memcheck: ",
    "parse_",
    "run: ",
    "sanity: ",
    "scheduler: ",
    "si_code=",
    "summarise_context(",
    "translate: ",
    "transtab: ",
    "tt/tc: ",
    "used_suppression: ",
    "warning: ",
});

constexpr std::array<std::string_view, 8> message_beginnings{
    "Argument '",     "Conditional jump ", "Invalid ", "Mismatched ",
    "Syscall param ", "Thread ",           "Use of ",  "Warning: set address range perms",
};

constexpr std::string_view result_mark = " = ";

struct Function {
  std::string_view name;
  CallKind kind;
};

constexpr std::array<Function, 22> functions{{
    {"malloc", CallKind::allocate},
    {"free", CallKind::free},
    {"calloc", CallKind::allocate_array},
    {"realloc", CallKind::resize},
    {"reallocarray", CallKind::resize_array},
    {"reallocf", CallKind::resize},
    {"memalign", CallKind::allocate},
    {"valloc", CallKind::allocate},
    {"pvalloc", CallKind::allocate},
    {"aligned_alloc", CallKind::allocate},
    // 3.19 prints a memalign instead; later versions print no address.
    {"posix_memalign", CallKind::allocate_unseen},
    {"malloc_usable_size", CallKind::query},
    {"malloc_size", CallKind::query},
    {"mallinfo", CallKind::query_nothing},
    {"mallinfo2", CallKind::query_nothing},
    {"cfree", CallKind::free},
    {"free_sized", CallKind::free},
    {"free_aligned_sized", CallKind::free},
    {"__builtin_new", CallKind::allocate},
    {"__builtin_vec_new", CallKind::allocate},
    {"__builtin_delete", CallKind::free},
    {"__builtin_vec_delete", CallKind::free},
}};

bool begins_with_any(std::string_view text, auto const& beginnings) {
  return std::ranges::any_of(beginnings, [&](auto word) { return text.starts_with(word); });
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.';
}

/// The number of characters of that kind at the front.
std::size_t length_of(std::string_view text, auto is_of_kind) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_of_kind) - text.begin());
}

/// The length of a function name that is followed by a parenthesis, or 0.
std::size_t call_name_length(std::string_view text) {
  const std::size_t length = length_of(text, is_name_character);
  return length < text.size() && text[length] == '(' ? length : 0;
}

std::optional<CallKind> find_kind(std::string_view name) {
  // operator new, new[], delete and delete[] are mangled, and have aligned, sized and nothrow
  // forms.
  if (name.starts_with("_Znw") || name.starts_with("_Zna")) return CallKind::allocate;
  if (name.starts_with("_ZdlPv") || name.starts_with("_ZdaPv")) return CallKind::free;
  const auto at = std::ranges::find(functions, name, &Function::name);
  if (at == functions.end()) return std::nullopt;
  return at->kind;
}

/// `24`, `3,7`, `0x4A5D040,80`, `al 64, size 100` or `size 100, al 64`: arguments with a label may
/// be in any order, arguments without one are positional.
struct Arguments {
  std::array<std::uint64_t, 3> plain{};
  std::size_t plain_count = 0;
  std::optional<std::uint64_t> size;
  std::optional<std::uint64_t> align;
};

bool take_argument(std::string_view& text, Arguments& arguments) {
  const bool is_align = take_prefix(text, "alignment ") || take_prefix(text, "al ");
  const bool is_size = !is_align && take_prefix(text, "size ");
  const auto number = take_number(text);
  if (!number) return false;
  if (is_align) {
    arguments.align = number;
  } else if (is_size) {
    arguments.size = number;
  } else if (arguments.plain_count < arguments.plain.size()) {
    arguments.plain[arguments.plain_count++] = *number;
  } else {
    return false;
  }
  return true;
}

std::optional<Arguments> take_arguments(std::string_view text) {
  Arguments arguments;
  text = import_text::trimmed(text);
  while (!text.empty()) {
    if (!take_argument(text, arguments)) return std::nullopt;
    text = import_text::trimmed(text);
    if (text.empty()) break;
    if (!take_prefix(text, ",")) return std::nullopt;
    text = import_text::trimmed(text);
    if (text.empty()) return std::nullopt;
  }
  return arguments;
}

/// Assigns the arguments to the fields of the call. False if they do not fit its kind.
bool place_arguments(const Arguments& arguments, Call& call) {
  const auto& plain = arguments.plain;
  const auto multiply = [&](std::uint64_t count, std::uint64_t size_bytes) {
    call.overflows = __builtin_mul_overflow(count, size_bytes, &call.size);
  };
  const bool has_labels = arguments.size || arguments.align;
  if (call.kind == CallKind::allocate || call.kind == CallKind::allocate_unseen) {
    call.size = arguments.size.value_or(plain[0]);
    call.align = arguments.align.value_or(0);
    return arguments.size ? arguments.plain_count == 0 : !has_labels && arguments.plain_count == 1;
  }
  if (call.kind == CallKind::query_nothing) return arguments.plain_count == 0 && !has_labels;
  if (call.kind == CallKind::allocate_array) {
    multiply(plain[0], plain[1]);
    return arguments.plain_count == 2 && !has_labels;
  }
  call.key = plain[0];
  if (call.kind == CallKind::resize) {
    call.size = plain[1];
    return arguments.plain_count == 2 && !has_labels;
  }
  if (call.kind == CallKind::resize_array) {
    multiply(plain[1], plain[2]);
    return arguments.plain_count == 3 && !has_labels;
  }
  // A sized or aligned free may also have size and alignment; a query only has a pointer.
  return call.kind == CallKind::free ? arguments.plain_count >= 1
                                     : arguments.plain_count == 1 && !has_labels;
}

}  // namespace

std::optional<Mark> take_mark(std::string_view& text) noexcept {
  std::string_view rest = text;
  if (rest.size() < 5 || rest[0] != rest[1]) return std::nullopt;
  Mark mark{.sign = rest[0]};
  if (mark.sign != '=' && mark.sign != '-' && mark.sign != '*') return std::nullopt;
  rest.remove_prefix(2);
  const std::size_t clock =
      length_of(rest, [](char c) { return is_digit(c) || c == ':' || c == '.'; });
  const bool has_clock = rest.substr(0, clock).contains(':');
  if (has_clock && clock < rest.size() && rest[clock] == ' ') rest.remove_prefix(clock + 1);
  const auto process = take_number(rest);
  const std::array<char, 2> end{mark.sign, mark.sign};
  if (!process || !take_prefix(rest, {end.data(), end.size()})) return std::nullopt;
  if (!rest.empty() && !take_prefix(rest, " ")) return std::nullopt;
  mark.process = *process;
  text = rest;
  return mark;
}

bool begins_with_call(std::string_view text) noexcept { return call_name_length(text) != 0; }

std::expected<Call, std::string_view> take_call(std::string_view& text) {
  const std::size_t name_length = call_name_length(text);
  const std::size_t close = text.find(')', name_length);
  if (name_length == 0 || close == std::string_view::npos) return std::unexpected{"malformed call"};
  const auto kind = find_kind(text.substr(0, name_length));
  if (!kind) return std::unexpected{"unknown function"};
  const auto arguments = take_arguments(text.substr(name_length + 1, close - name_length - 1));
  Call call{.kind = *kind, .text = std::string{text.substr(0, close + 1)}};
  if (!arguments || !place_arguments(*arguments, call)) {
    return std::unexpected{"call with malformed arguments"};
  }
  text.remove_prefix(close + 1);
  return call;
}

bool begins_with_result(std::string_view text) noexcept { return text.starts_with(result_mark); }

std::optional<std::uint64_t> take_result(std::string_view& text) noexcept {
  std::string_view rest = text;
  if (!take_prefix(rest, result_mark)) return std::nullopt;
  const auto result = take_number(rest);
  if (result) text = rest;
  return result;
}

bool is_verbose_line(std::string_view text) noexcept {
  return text.empty() || begins_with_any(text, verbose_beginnings);
}

bool is_debug_log_line(std::string_view text) noexcept {
  return take_prefix(text, "--") && take_number(text) && take_prefix(text, ":") &&
         take_number(text) && take_prefix(text, ":");
}

bool is_unmarked_verbose_line(std::string_view text) noexcept {
  if (is_debug_log_line(text)) return true;
  if (text.starts_with("client request: code ")) return true;
  return take_prefix(text, "0x") &&
         text.substr(length_of(text, import_text::is_hex_digit)).starts_with(": [");
}

bool begins_program(std::string_view text) noexcept { return text.starts_with("Command: "); }

bool begins_with_message(std::string_view text) noexcept {
  return begins_with_any(text, message_beginnings);
}

}  // namespace mneme::driver::valgrind_line
