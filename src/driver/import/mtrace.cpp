// purpose: reads the log that glibc's mtrace() writes.
// layer: import; includes import_mtrace, import_text and {fmt}.
// threads: one owner.
// invariants: as in the header.
//
//   = Start
//   @ ./program:[0x11f0] + 0x55b22ea942a0 0xa     a block of ten bytes; (nil) if there was none
//   @ ./program:(f+0x8)[0x1205] < 0x55b22ea942a0  realloc: the old block …
//   @ ./program:(f+0x8)[0x1205] > 0x55b22ea944a0 0x64   … and the new one
//   @ ./program:[0x1386] ! 0x55b22ea95000 0x7fff  a realloc that failed
//   @ ./program:[0x1254] - 0x55b22ea944a0
//   = End
// The caller or the `@` may be missing, lines may be indented, and the path of the program may
// contain blanks, so a call is parsed from its end.
#include "mtrace.hpp"

#include <fmt/format.h>

#include <utility>

#include "text.hpp"

namespace mneme::driver {

namespace {

using import_text::take_last_word;

struct Call {
  char sign = ' ';
  std::uint64_t key = 0;
  std::uint64_t size = 0;  // of +, > and !
};

std::optional<std::uint64_t> pointer(std::string_view word) {
  if (word == "(nil)") return 0;
  return word.starts_with("0x") ? import_text::whole_number(word) : std::nullopt;
}

/// Nothing, `@ caller`, or a caller with its address (`[0x8049110]`) precedes the sign.
bool is_caller(std::string_view text) {
  return text.empty() || text.starts_with("@ ") || (text.contains("[0x") && text.ends_with(']'));
}

std::optional<Call> take_call(std::string_view text) {
  text = import_text::trimmed(text);
  const std::string_view last = take_last_word(text);
  std::string_view before = text;
  const std::string_view middle = take_last_word(before);
  if (middle == "-" || middle == "<") {
    const auto key = pointer(last);
    if (!key || !is_caller(before)) return std::nullopt;
    return Call{.sign = middle[0], .key = *key};
  }
  const std::string_view sign = take_last_word(before);
  if (sign != "+" && sign != ">" && sign != "!") return std::nullopt;
  const auto key = pointer(middle);
  const auto size = import_text::whole_number(last);
  if (!key || !size || !is_caller(before)) return std::nullopt;
  return Call{.sign = sign[0], .key = *key, .size = *size};
}

bool is_frame(std::string_view text) {
  text = import_text::trimmed(text);
  return text == "= Start" || text == "= End";
}

}  // namespace

bool MtraceReader::recognises(std::string_view text) noexcept {
  return is_frame(text) || take_call(text).has_value();
}

LineFit MtraceReader::line(std::string_view text) {
  const auto call = take_call(text);
  const auto moving = std::exchange(moving_, std::nullopt);
  if (moving && (!call || call->sign != '>')) give_up(*moving);
  if (!call) {
    if (!is_frame(text)) return LineFit::foreign;
    ledger_.ignore_line();
    return LineFit::known;
  }
  switch (call->sign) {
    case '+':
      ledger_.allocate(call->key, call->size, 0, fmt::format("malloc({})", call->size));
      break;
    case '-': ledger_.release(call->key); break;
    case '!':
      ledger_.resize(call->key, 0, call->size, fmt::format("realloc(…,{})", call->size));
      break;
    case '<': moving_ = Moving{.key = call->key, .line = ledger_.line_number()}; break;
    default: {
      const std::string call_text = fmt::format("realloc(…,{})", call->size);
      if (!moving) ledger_.warn("'>' without a preceding '<'; treated as an allocation");
      ledger_.resize(moving ? moving->key : 0, call->key, call->size, call_text);
    }
  }
  return LineFit::known;
}

/// A '<' is only written after the block was moved, so the old block no longer exists.
void MtraceReader::give_up(const Moving& moving) {
  ledger_.warn(
      fmt::format("'<' on line {} is not followed by '>'; treated as a free", moving.line));
  ledger_.release(moving.key);
}

std::string MtraceReader::finish() {
  if (moving_) give_up(*moving_);
  return {};
}

}  // namespace mneme::driver
