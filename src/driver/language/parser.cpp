// purpose: reads each command according to its row of the language table.
// layer: language; includes parser.
// threads: one owner.
// invariants: a correct line allocates nothing.
#include "parser.hpp"

#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parse_expect.hpp"

namespace mneme::driver {

namespace {

[[noreturn]] void fail_keyword(const Line& line, const Word& word) {
  line.fail(word.column,
            "unknown command " + in_quotes(word.text) + expected_one_of(word.text, keywords()));
}

[[noreturn]] void fail_missing(const Line& line, Column column, const Argument& argument,
                               const Command& command) {
  // The first form of a command is assumed, so all of them are shown.
  std::string forms;
  for (const Command& form : commands()) {
    if (form.keyword != command.keyword) continue;
    forms += (forms.empty() ? "'" : " or '") + synopsis(form) + '\'';
  }
  line.fail(column, "missing " + std::string{argument.word} + "; the form is " + forms);
}

/// `x3`, or nothing.
void parse_copies(Op& op, const Line& line, const Word& word) {
  op.count = 1;
  if (word.at_end()) return;
  const std::string_view digits = word.text.substr(1);
  const bool is_number = word.text.front() == 'x' && !digits.empty() &&
                         digits.find_first_not_of("0123456789") == std::string_view::npos;
  op.count = is_number && digits.size() <= 2 ? line.size({digits, word.column + 1}, "N") : 0;
  op.number_column = word.column;
  if (op.count == 0 || op.count > tasks_max) {
    line.fail(word.column, "the number of tasks must be x1 to x64, not " + in_quotes(word.text));
  }
}

/// `600`, or `64|128`: then the largest of them is Op::size_bytes.
void parse_sizes(Op& op, const Line& line, const Word& word) {
  op.number_column = word.column;
  if (!word.text.contains('|')) {
    op.size_bytes = line.size(word, "SIZE");
    return;
  }
  std::size_t count = 0;
  for (std::size_t at = 0; at <= word.text.size(); ++count) {
    const std::string_view part = word.text.substr(at, word.text.find('|', at) - at);
    const Word each{part, word.column + static_cast<Column>(at)};
    if (part.empty()) line.fail(each.column, "missing SIZE beside '|'");
    if (count == choices_max) line.fail(each.column, "more than 16 sizes to choose from");
    op.size_bytes = std::max(op.size_bytes, line.size(each, "SIZE"));
    at += part.size() + 1;
  }
  op.sizes = word.text;
}

void parse_argument(Op& op, Line& line, const Argument& argument, const Word& word,
                    const Command& command) {
  if (argument.kind == ArgumentKind::queue_names) {
    return parse_queue_names(op, line, word);
  }
  if (argument.kind == ArgumentKind::copies) return parse_copies(op, line, word);
  if (word.at_end()) fail_missing(line, word.column, argument, command);
  switch (argument.kind) {
    case ArgumentKind::name:
      op.name = line.name(word, argument.word);
      op.name_column = word.column;
      break;
    case ArgumentKind::new_name:
      op.new_name = line.name(word, argument.word);
      op.new_name_column = word.column;
      break;
    case ArgumentKind::size:
      op.size_bytes = line.size(word, argument.word);
      op.number_column = word.column;
      break;
    case ArgumentKind::sizes: parse_sizes(op, line, word); break;
    case ArgumentKind::count:
      op.count = line.size(word, argument.word);
      op.number_column = word.column;
      break;
    case ArgumentKind::state: parse_state(op, line, word); break;
    case ArgumentKind::literal:      // it chose the form
    case ArgumentKind::queue_names:  // above
    case ArgumentKind::copies: break;
    case ArgumentKind::ending:  // it chose the form, too
      op.ending = word.text == ending_words[0] ? Ending::deadlock : Ending::safe;
      op.state_column = word.column;
      break;
    case ArgumentKind::repeats:
      op.count = word.text == forever_word ? forever : line.size(word, argument.word);
      op.number_column = word.column;
      break;
    case ArgumentKind::key_numbers: parse_key_numbers(op, line, word, command); break;
  }
}

/// A second `heap` has a name, which could also be a number.
const Command& choose_heap_form(Line ahead, std::uint64_t heap_line) {
  const Word first = ahead.next_word();
  const Word second = ahead.next_word();
  const bool is_number = !first.at_end() && first.text.front() >= '0' && first.text.front() <= '9';
  if (is_number && (second.at_end() || second.text.contains('='))) {
    ahead.fail(first.column, "a second heap needs a name: 'heap NAME SIZE'; the first is on line " +
                                 std::to_string(heap_line));
  }
  return command_of(OpKind::named_heap);
}

}  // namespace

Parser::Parser(Source& source, ParserOptions options)
    : source_{source}, options_{std::move(options)} {}

/// Reads the next line, unless its own step was not returned yet. False at the end.
[[gnu::always_inline]] inline bool Parser::begin_line() {
  if (line_is_pending_ || line_.read_from(source_)) {
    line_is_pending_ = false;
    return true;
  }
  if (malloclab_) malloclab_->finish(options_.on_warning);
  if (!blocks_.empty()) throw ScriptError{std::move(blocks_.back().unfinished)};
  return false;
}

[[gnu::always_inline]] inline void Parser::start_op(Op& op) const {
  op = Op{};
  op.align_bytes = heap_align_bytes_;
  op.line = line_.number();
  op.file = line_.file();
  op.source_line = line_.text();
}

/// Parses a line that is written as format_op() does, of the commands that long scripts consist of.
/// For any other line it returns false, and the line is parsed by the language table.
[[gnu::always_inline]] inline bool Parser::parse_plainly(Op& op) const {
  if (heap_line_ == 0 || malloclab_) return false;
  const std::string_view text = line_.text();
  const auto starts_with = [&](std::string_view word) { return text.starts_with(word); };
  PlainWords words;
  OpKind kind{};
  if (starts_with("free ")) {
    kind = OpKind::free;
    words.name_at = 5;
  } else if (starts_with("alloc ")) {
    kind = OpKind::alloc;
    words.name_at = 6;
  } else if (starts_with("resize ")) {
    kind = OpKind::resize;
    words.name_at = 7;
  } else {
    return false;
  }
  if (!line_.read_plainly(words, kind != OpKind::free)) return false;
  start_op(op);
  op.kind = kind;
  op.column = 1;
  op.name = words.name;
  op.name_column = static_cast<Column>(words.name_at + 1);
  if (kind == OpKind::free) return true;
  op.size_bytes = words.size;
  op.number_column = static_cast<Column>(words.size_at + 1);
  return true;
}

bool Parser::next(Op& op) {
  while (begin_line()) {
    if (parse_plainly(op)) return true;
    LineContent content;
    parse_line(op, content);
    if (content.kind == LineKind::op) return true;
  }
  return false;
}

bool Parser::next_line(Op& op, LineContent& content) {
  if (!begin_line()) return false;
  content = {};
  parse_line(op, content);
  return true;
}

void Parser::parse_line(Op& op, LineContent& content) {
  const Word first = line_.next_word();
  if (first.at_end()) {
    content.comment = line_.comment();
    return;
  }
  if (heap_line_ == 0 && is_malloclab_line(line_)) {
    malloclab_.emplace();
    const std::uint64_t wanted = options_.default_heap_bytes;
    heap_align_bytes_ = recorded_align_bytes;
    give_synthetic_heap(op, wanted == 0 ? malloclab_heap_bytes : wanted, PollMode::automatic);
    content.kind = LineKind::op;
    return;
  }
  if (heap_line_ == 0 && first.text != command_of(OpKind::heap).keyword &&
      options_.default_heap_bytes != 0) {
    give_synthetic_heap(op, options_.default_heap_bytes, PollMode::manual);
    content.kind = LineKind::op;
    return;
  }
  start_op(op);
  op.column = first.column;
  if (malloclab_) {
    content.kind = malloclab_->parse(line_, first, op, options_.on_warning);
    if (malloclab_->reads_line_again()) return read_line_again();
  } else {
    parse_command(op, first);
    content.kind = LineKind::op;
  }
  content.comment = line_.comment();
}

void Parser::parse_command(Op& op, const Word& keyword) {
  const Command* command = find_command(keyword.text);
  if (command == nullptr) fail_keyword(line_, keyword);
  if (command->kind == OpKind::expect_state) command = &choose_expect_form(line_);
  if (command->kind == OpKind::heap && heap_line_ != 0 && malloclab_ == std::nullopt) {
    command = &choose_heap_form(line_, heap_line_);
  }
  op.kind = command->kind;
  check_heap_comes_first(op, keyword);
  for (const Argument& argument : command->arguments) {
    parse_argument(op, line_, argument, line_.next_word(), *command);
  }
  if (op.kind == OpKind::named_heap) op.align_bytes = default_align_bytes;
  std::uint64_t usual_align_bytes = op.align_bytes;
  parse_options(op, *command);
  if (op.heap != 0) {
    usual_align_bytes = heaps_[op.heap - 1].align_bytes;
    if (op.align_column == 0) op.align_bytes = usual_align_bytes;
  }
  op.has_align = op.align_bytes != usual_align_bytes;
  if (op.kind == OpKind::heap) heap_align_bytes_ = op.align_bytes;
  if (op.kind == OpKind::named_heap) add_heap(op);
  check_blocks(op, keyword);
  check_is_in_task(op);
}

void Parser::check_is_in_task(const Op& op) const {
  if (!blocks_.empty()) return;
  if (!op.sizes.empty()) line_.fail(op.number_column, "only a task can choose from several sizes");
  if (op.mode == AllocMode::timeout)
    line_.fail(op.mode_column, "only a task can wait with 'timeout'");
}

void Parser::check_blocks(const Op& op, const Word& keyword) {
  if (op.kind == OpKind::end) {
    if (blocks_.empty()) line_.fail(keyword.column, "'end' without a block to end");
    blocks_.pop_back();
  } else if (op.kind == OpKind::or_else) {
    if (blocks_.empty() || blocks_.back().kind != OpKind::choose) {
      line_.fail(keyword.column, "'or' outside of a 'choose'");
    }
  } else if (begins_block(op.kind)) {
    const std::string quoted = in_quotes(keyword.text);
    if ((op.kind == OpKind::task || op.kind == OpKind::isr) && !blocks_.empty()) {
      line_.fail(keyword.column, quoted + " inside the block of line " +
                                     std::to_string(blocks_.front().unfinished.line));
    }
    blocks_.push_back(
        {op.kind, line_.diagnostic(Severity::error, keyword.column, quoted + " has no 'end'")});
  }
}

void Parser::check_heap_comes_first(const Op& op, const Word& keyword) {
  if (op.kind == OpKind::heap) {
    heap_line_ = op.line;
  } else if (heap_line_ == 0) {
    line_.fail(keyword.column,
               "the first command must be 'heap SIZE', not " + in_quotes(keyword.text));
  }
}

/// The next call then returns the line's own step.
void Parser::read_line_again() noexcept {
  line_.rewind();
  line_is_pending_ = true;
}

void Parser::give_synthetic_heap(Op& op, std::uint64_t size_bytes, PollMode poll_mode) {
  start_op(op);
  op.kind = OpKind::heap;
  op.column = 1;
  op.size_bytes = size_bytes;
  op.poll_mode = poll_mode;
  op.synthetic = true;
  op.has_align = op.align_bytes != default_align_bytes;
  heap_line_ = op.line;
  read_line_again();
}

}  // namespace mneme::driver
