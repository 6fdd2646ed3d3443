// purpose: printing a step by its row of the language table.
// layer: language; includes canonical, language.
// threads: pure functions on the caller's buffer.
// invariants: never writes behind the buffer, even for an Op that no parser made.
#include "format_op.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <utility>

#include "command_table.hpp"

namespace mneme::driver {

namespace {

/// Appends to a fixed buffer; text that does not fit is dropped.
class Writer {
 public:
  explicit Writer(CommandBuffer& buffer)
      : begin_{buffer.data()}, next_{begin_}, end_{begin_ + buffer.size()} {}

  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    const auto left = static_cast<std::size_t>(end_ - next_);
    next_ = fmt::format_to_n(next_, left, format, std::forward<Args>(args)...).out;
  }
  void put_size(std::uint64_t size_bytes) {
    SizeBuffer digits;
    put("{}", canonical_size(size_bytes, digits));
  }

  [[nodiscard]] std::string_view text() const { return {begin_, next_}; }

 private:
  char* begin_;
  char* next_;
  char* end_;
};

void put_expectations(Writer& writer, const Op& op) {
  for (std::size_t i = 0; i < op.expectation_count && i < op.expectations.size(); ++i) {
    const Expectation& expectation = op.expectations[i];
    const std::string_view comparison = word_of(expectation.comparison);
    if (i > 0) writer.put(" ");
    writer.put("{} {}{}", word_of(expectation.key), comparison, comparison.empty() ? "" : " ");
    if (counts_bytes(expectation.key)) {
      writer.put_size(expectation.number);
    } else {
      writer.put("{}", expectation.number);
    }
  }
}

void put_queue_names(Writer& writer, const Op& op) {
  std::string_view rest = op.queue_names;
  for (std::string_view name = take_word(rest); !name.empty(); name = take_word(rest)) {
    writer.put(" {}", name);
  }
}

void put_argument(Writer& writer, const Op& op, const Argument& argument) {
  if (argument.kind == ArgumentKind::queue_names) return put_queue_names(writer, op);
  if (argument.kind == ArgumentKind::copies && op.count == 1) return;
  writer.put(" ");
  switch (argument.kind) {
    case ArgumentKind::name: writer.put("{}", op.name); break;
    case ArgumentKind::new_name: writer.put("{}", op.new_name); break;
    case ArgumentKind::sizes:
      if (!op.sizes.empty()) {
        writer.put("{}", op.sizes);
        break;
      }
      [[fallthrough]];
    case ArgumentKind::size: writer.put_size(op.size_bytes); break;
    case ArgumentKind::count: writer.put("{}", op.count); break;
    case ArgumentKind::state: writer.put("{}", word_of(op.state)); break;
    case ArgumentKind::literal: writer.put("{}", argument.word); break;
    case ArgumentKind::key_numbers: put_expectations(writer, op); break;
    case ArgumentKind::queue_names: break;  // above
    case ArgumentKind::ending:
      writer.put("{}", ending_words[static_cast<std::size_t>(op.ending)]);
      break;
    case ArgumentKind::copies: writer.put("x{}", op.count); break;
    case ArgumentKind::repeats:
      op.count == forever ? writer.put("{}", forever_word) : writer.put("{}", op.count);
      break;
  }
}

bool is_given(const Op& op, OptionKind kind) {
  switch (kind) {
    case OptionKind::raw: return op.raw != default_raw_heap || op.raw_bytes;
    case OptionKind::queue: return op.queue != default_queue || op.queue_number;
    case OptionKind::in: return op.heap != 0;
    case OptionKind::priority: return op.priority.has_value();
    case OptionKind::holding: return op.holding;
    case OptionKind::poll: return op.poll_mode != PollMode::manual;
    case OptionKind::align: return op.has_align;
    case OptionKind::try_now: return op.mode == AllocMode::try_now;
    case OptionKind::guard: return op.mode == AllocMode::guard;
    case OptionKind::timeout: return op.mode == AllocMode::timeout;
    case OptionKind::defer: return op.defer;
  }
  return false;
}

void put_option(Writer& writer, const Op& op, const Option& option) {
  writer.put(" {}{}", option.word, option.separator());
  switch (option.kind) {
    case OptionKind::raw:
      writer.put("{}", op.raw);
      if (op.raw_bytes) {
        writer.put(":");
        writer.put_size(*op.raw_bytes);
      }
      break;
    case OptionKind::poll:
      writer.put("{}", poll_words[static_cast<std::size_t>(op.poll_mode)]);
      break;
    case OptionKind::queue:
      writer.put("{}", op.queue);
      if (op.queue_number) writer.put(":{}", *op.queue_number);
      break;
    case OptionKind::in: writer.put("{}", op.heap_name); break;
    case OptionKind::priority: writer.put("{}", unsigned{*op.priority}); break;
    case OptionKind::align: writer.put_size(op.align_bytes); break;
    default: break;  // a word without a value
  }
}

}  // namespace

std::string_view format_op(const Op& op, CommandBuffer& buffer) {
  Writer writer{buffer};
  const Command& command = command_of(op.kind);
  writer.put("{}", command.keyword);
  for (const Argument& argument : command.arguments) put_argument(writer, op, argument);
  for (const Option& option : command.options) {
    if (is_given(op, option.kind)) put_option(writer, op, option);
  }
  return writer.text();
}

std::string_view canonical_size(std::uint64_t size_bytes, SizeBuffer& buffer) {
  constexpr std::string_view units = "KMG";
  std::size_t unit = 0;
  while (size_bytes != 0 && unit < units.size() && size_bytes % 1024 == 0) {
    size_bytes /= 1024;
    ++unit;
  }
  char* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), size_bytes).ptr;
  if (unit > 0) *end++ = units[unit - 1];
  return {buffer.data(), end};
}

}  // namespace mneme::driver
