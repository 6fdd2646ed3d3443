// purpose: reads the output of `valgrind --trace-malloc=yes`, of version 3.19 and later ones.
// layer: import; includes import_valgrind, import_text and {fmt}.
// threads: one owner.
// invariants: as in the header.
//
// A call is printed in two pieces, `--77-- malloc(24)` and ` = 0x4A5D040`. They usually make one
// line, but other output can come between them:
//   --77-- realloc(0x0,20)malloc(20) = 0x4D6FE10      realloc calls malloc (before 3.20)
//   --77-- realloc(0x4D6FE10,0)free(0x4D6FE10)        … or free, and its own result follows
//   --77--  = 0
//   --77-- malloc(18446744073709551615)Argument 'size' of function malloc has a fishy (…) value: -1
//   ==77==    at 0x48417B4: malloc (…)                a message; the result follows
//   --77--  = 0x0
//   --77-- calloc(4611686018427387904,16)free(0x0)    overflow: no result is printed
//   --77-- _Znwm(81)_ZdlPvm(0x4D6FE80)                another thread runs, until …
//   --77--  = 0x4F21930                               … the first continues, much later
#include "valgrind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "text.hpp"

namespace mneme::driver {

namespace {

/// Each thread can have one pending call.
constexpr std::size_t open_calls_max = 64;

/// The calls of this many other processes are counted separately.
constexpr std::size_t processes_named_max = 8;

}  // namespace

bool ValgrindReader::recognises(std::string_view text) noexcept {
  return valgrind_line::take_mark(text).has_value() || valgrind_line::is_debug_log_line(text);
}

LineFit ValgrindReader::line(std::string_view text) {
  text = import_text::trimmed_end(text);
  const auto mark = valgrind_line::take_mark(text);
  if (!mark) {
    if (!valgrind_line::is_unmarked_verbose_line(text)) return LineFit::foreign;
    ledger_.ignore_line();
    return LineFit::known;
  }
  const bool is_chosen = mark->process == process_.value_or(mark->process);
  if (mark->sign != '-' || valgrind_line::is_verbose_line(text)) {
    const bool begins_program = mark->sign == '=' && valgrind_line::begins_program(text);
    if (begins_program && has_calls_ && is_chosen) end_program();
    ledger_.ignore_line();
    return LineFit::known;
  }
  if (valgrind_line::begins_with_result(text) || valgrind_line::begins_with_call(text)) {
    if (!is_chosen) {
      if (valgrind_line::begins_with_call(text)) count_call_of(mark->process);
      ledger_.ignore_line();
      return LineFit::known;
    }
    process_ = mark->process;
    has_calls_ = true;
  }
  traced(text);
  return LineFit::known;
}

void ValgrindReader::traced(std::string_view text) {
  if (valgrind_line::begins_with_result(text)) {
    std::string_view rest = text;
    const auto result = valgrind_line::take_result(rest);
    if (result && rest.empty()) {
      late_result(*result);
    } else {
      ledger_.error(fmt::format("malformed result: {}", in_quotes(text)));
    }
  } else if (valgrind_line::begins_with_call(text)) {
    calls(text);
  } else {
    ledger_.error(fmt::format("neither a call nor a known message: {}", in_quotes(text)));
  }
}

/// After a fork both processes write to the log, each with its own blocks.
void ValgrindReader::count_call_of(std::uint64_t process) {
  ++other_calls_;
  const auto at = std::ranges::find(others_, process, &Process::number);
  if (at != others_.end()) {
    ++at->calls;
  } else if (others_.size() < processes_named_max) {
    others_.push_back({.number = process, .calls = 1});
  }
}

/// After exec the blocks of the previous program are gone, without frees in the log.
void ValgrindReader::end_program() {
  for (const Call& call : open_) give_up(call);
  open_.clear();
  repeatable_.reset();
  ledger_.release_all(fmt::format("process {} executes another program", process_.value_or(0)));
}

/// Reads all calls of one line, and the text after each.
void ValgrindReader::calls(std::string_view text) {
  while (!text.empty()) {
    auto call = valgrind_line::take_call(text);
    if (!call) {
      ledger_.error(fmt::format("{}: {}", call.error(), in_quotes(text)));
      return;
    }
    call->line = ledger_.line_number();
    const bool may_wait = call->kind != CallKind::free && call->kind != CallKind::query_nothing;
    const auto result = may_wait ? valgrind_line::take_result(text) : std::nullopt;
    act(*std::move(call), result);
    if (text.empty() || valgrind_line::begins_with_call(text)) continue;
    if (may_wait && !result && valgrind_line::begins_with_message(text)) {
      ledger_.ignore_line();
    } else {
      ledger_.error(fmt::format("unexpected text after a call: {}", in_quotes(text)));
    }
    return;
  }
}

void ValgrindReader::act(Call call, std::optional<std::uint64_t> result) {
  repeatable_.reset();
  forget_handed_on(call);
  if (call.overflows) ledger_.failed(call.text);
  switch (call.kind) {
    case CallKind::free: free(call); return;
    case CallKind::allocate_unseen: give_up(call); return;
    case CallKind::query_nothing: ledger_.ignore_line(); return;
    case CallKind::query: ledger_.ignore_line(); break;
    default: break;
  }
  if (result) {
    settle(call, *result);
  } else {
    wait_for_result(std::move(call));
  }
}

/// realloc(0x0,n) has called the malloc(n) after it, and only that result is printed.
void ValgrindReader::forget_handed_on(const Call& call) {
  if (open_.empty() || call.kind != CallKind::allocate) return;
  const Call& last = open_.back();
  if (last.kind == CallKind::resize && last.key == 0 && last.size == call.size &&
      last.line == call.line) {
    open_.pop_back();
  }
}

void ValgrindReader::free(const Call& call) {
  const auto inside = std::ranges::find_if(open_, [&](const Call& open) {
    return open.kind == CallKind::resize && open.size == 0 && open.key == call.key;
  });
  if (inside != open_.end()) inside->freed_inside = true;
  ledger_.release(call.key);
}

/// Neither a call that overflows nor a query about the null pointer has a result.
void ValgrindReader::wait_for_result(Call call) {
  if (call.overflows || (call.kind == CallKind::query && call.key == 0)) return;
  if (open_.size() == open_calls_max) {
    give_up(open_.front());
    open_.erase(open_.begin());
  }
  open_.push_back(std::move(call));
}

void ValgrindReader::settle(const Call& call, std::uint64_t result) {
  if (call.overflows) return;  // recorded as failed when it was called
  switch (call.kind) {
    case CallKind::allocate:
    case CallKind::allocate_array:
      ledger_.allocate(result, call.size, call.align, call.text);
      return;
    case CallKind::resize:
    case CallKind::resize_array:
      repeatable_ = result;
      if (!call.freed_inside) {
        ledger_.resize(call.key, result, call.size, call.text);
      } else if (result != 0) {
        ledger_.warn(
            fmt::format("{} has a result although it freed its block", in_quotes(call.text)));
      }
      return;
    default: return;
  }
}

/// A result on a line of its own. If several threads have pending calls, the one that was
/// interrupted first continues first; only the result of realloc(p,0) can be distinguished.
void ValgrindReader::late_result(std::uint64_t result) {
  if (open_.empty()) {
    // Some versions print the result of reallocarray and reallocf twice.
    if (repeatable_ == result) {
      ledger_.ignore_line();
    } else {
      ledger_.error("result without a call");
    }
    repeatable_.reset();
    return;
  }
  auto at = open_.begin();
  const auto freed = std::ranges::find_if(open_, &Call::freed_inside);
  if (result == 0 && freed != open_.end()) {
    at = freed;
  } else if (open_.size() > 1) {
    ledger_.warn(fmt::format("a result while {} calls are pending; treated as that of line {}",
                             open_.size(), at->line));
  }
  const Call call = std::move(*at);
  open_.erase(at);
  settle(call, result);
}

void ValgrindReader::give_up(const Call& call) {
  ledger_.warn(fmt::format("no result recorded for {} on line {}; skipped", in_quotes(call.text),
                           call.line));
}

std::string ValgrindReader::finish() {
  for (const Call& call : open_) give_up(call);
  open_.clear();
  if (process_was_given_ && !has_calls_) {
    return fmt::format(
        "no calls by process {}; {}", process_.value_or(0),
        other_calls_ == 0 ? "there are no calls at all" : "calls by " + others_text());
  }
  if (!process_was_given_ && other_calls_ > 0) {
    ledger_.warn(
        fmt::format("only calls by process {} are imported, not those by {}; "
                    "use --process=PID to choose another",
                    process_.value_or(0), others_text()));
  }
  return {};
}

/// `200 (4 calls), 201 (1 call) and others (3 calls)`
std::string ValgrindReader::others_text() const {
  std::string text;
  std::uint64_t rest = other_calls_;
  const auto add = [&](std::string_view separator, std::string_view who, std::uint64_t calls) {
    text += fmt::format("{}{} ({} call{})", text.empty() ? "" : separator, who, calls,
                        calls == 1 ? "" : "s");
    rest -= calls;
  };
  for (const Process& other : others_) add(", ", std::to_string(other.number), other.calls);
  if (rest > 0) add(" and ", "others", rest);
  return text;
}

}  // namespace mneme::driver
