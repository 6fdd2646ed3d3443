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

/// `first-fit`, or `pool:64`.
void parse_raw(Op& op, const Line& line, const Word& word) {
  const std::size_t colon = word.text.find(':');
  const Word name{word.text.substr(0, colon), word.column};
  op.raw_column = word.column;
  op.raw = line.name(name, "HEAP");
  op.raw_bytes.reset();
  if (colon == std::string_view::npos) return;
  const Word number{word.text.substr(colon + 1), word.column + static_cast<Column>(colon + 1)};
  op.raw_number_column = number.column;
  if (number.at_end()) line.fail(number.column, "missing SIZE behind " + in_quotes(word.text));
  op.raw_bytes = line.size(number, "SIZE");
}

/// `fifo`, or `overtaking:2`.
void parse_queue(Op& op, const Line& line, const Word& word) {
  const std::size_t colon = word.text.find(':');
  op.queue_policy_column = word.column;
  op.queue = line.name({word.text.substr(0, colon), word.column}, "POLICY");
  op.queue_number.reset();
  if (colon == std::string_view::npos) return;
  const Word number{word.text.substr(colon + 1), word.column + static_cast<Column>(colon + 1)};
  if (number.at_end()) line.fail(number.column, "missing N behind " + in_quotes(word.text));
  op.queue_number = line.size(number, "N");
}

void parse_priority(Op& op, const Line& line, const Word& word) {
  const std::uint64_t level = line.size(word, "N");
  op.priority_column = word.column;
  if (level > priority_max) {
    line.fail(word.column, "a priority is 0 to " + std::to_string(priority_max) + ", not " +
                               in_quotes(word.text));
  }
  op.priority = static_cast<std::uint8_t>(level);
}

void set_option(Op& op, const Line& line, const Option& option, const Word& word,
                const Word& value) {
  switch (option.kind) {
    case OptionKind::raw: parse_raw(op, line, value); break;
    case OptionKind::queue: parse_queue(op, line, value); break;
    case OptionKind::priority: parse_priority(op, line, value); break;
    case OptionKind::holding:
      op.holding = true;
      op.holding_column = word.column;
      break;
    case OptionKind::poll:
      if (value.text != poll_words[0] && value.text != poll_words[1]) {
        line.fail(value.column, "poll is " + one_of(poll_words) + ", not " + in_quotes(value.text));
      }
      op.poll_mode = value.text == poll_words[0] ? PollMode::manual : PollMode::automatic;
      op.poll_column = value.column;
      break;
    case OptionKind::align:
      op.align_bytes = line.size(value, option.word);
      op.align_column = value.column;
      if (!std::has_single_bit(op.align_bytes)) {
        line.fail(value.column, "align must be a power of two, not " + in_quotes(value.text));
      }
      break;
    case OptionKind::try_now:
    case OptionKind::guard:
    case OptionKind::timeout:
      op.mode = option.kind == OptionKind::guard     ? AllocMode::guard
                : option.kind == OptionKind::timeout ? AllocMode::timeout
                                                     : AllocMode::try_now;
      op.mode_column = word.column;
      break;
    case OptionKind::defer:
      op.defer = true;
      op.mode_column = word.column;
      break;
  }
}

/// The option of a word like `align=64` or `try`; `key` is the part before the `=`.
const Option& find_option(const Line& line, const Command& command, const Word& word,
                          std::string_view key) {
  const auto option = std::ranges::find(command.options, key, &Option::word);
  if (option != command.options.end()) return *option;
  std::vector<std::string_view> words;
  for (const Option& known : command.options) words.push_back(known.word);
  fail_form(line, word.column, "unexpected " + in_quotes(word.text), command,
            did_you_mean(key, words));
}

/// The part behind the `=`, if the option takes a value.
Word option_value(const Line& line, const Option& option, const Word& word, std::size_t equals) {
  const bool has_value = equals != std::string_view::npos;
  if (option.value.empty()) {
    if (!has_value) return {};
    line.fail(word.column, "option " + in_quotes(option.word) + " takes no value");
  }
  const std::size_t start = has_value ? equals + 1 : word.text.size();
  const Word value{word.text.substr(start), word.column + static_cast<Column>(start)};
  if (value.at_end()) {
    line.fail(value.column, "option " + in_quotes(option.word) + " needs a value: " +
                                std::string{option.word} + '=' + std::string{option.value});
  }
  return value;
}

/// `given` has a bit for each option of the command's row.
void check_not_given(const Line& line, const Command& command, const Word& word, std::size_t index,
                     unsigned given) {
  const std::span<const Option> options = command.options;
  const auto is_given = [given](std::size_t i) { return ((given >> i) & 1U) != 0; };
  const std::string option = in_quotes(options[index].word);
  if (is_given(index)) line.fail(word.column, "option " + option + " is given twice");
  for (std::size_t i = 0; i < options.size(); ++i) {
    const auto from = std::min(i, index) + 1;
    const bool exclude_each_other =
        i != index && std::ranges::all_of(options.subspan(from, std::max(i, index) + 1 - from),
                                          &Option::excludes_previous);
    if (is_given(i) && exclude_each_other) {
      fail_form(line, word.column,
                option + " and " + in_quotes(options[i].word) + " exclude each other", command);
    }
  }
}

}  // namespace

void set_raw_heap(Op& op, std::string_view text) {
  parse_raw(op, Line{}, {.text = text});
  op.raw_column = op.raw_number_column = 0;
}

void set_queue(Op& op, std::string_view text) {
  parse_queue(op, Line{}, {.text = text});
  op.queue_policy_column = 0;
}

Parser::Parser(Source& source, ParserOptions options)
    : source_{source}, options_{std::move(options)} {}

bool Parser::next(Op& op) {
  LineContent content;
  while (next_line(op, content)) {
    if (content.kind == LineKind::op) return true;
  }
  return false;
}

bool Parser::next_line(Op& op, LineContent& content) {
  content = {};
  if (!line_is_pending_ && !line_.read_from(source_)) {
    if (malloclab_) malloclab_->finish(options_.on_warning);
    if (!blocks_.empty()) throw ScriptError{std::move(blocks_.back().unfinished)};
    return false;
  }
  line_is_pending_ = false;
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
  op.kind = command->kind;
  check_heap_comes_first(op, keyword);
  for (const Argument& argument : command->arguments) {
    parse_argument(op, line_, argument, line_.next_word(), *command);
  }
  const std::uint64_t usual_align_bytes = op.align_bytes;
  parse_options(op, *command);
  op.has_align = op.align_bytes != usual_align_bytes;
  if (op.kind == OpKind::heap) heap_align_bytes_ = op.align_bytes;
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
  if (op.kind != OpKind::heap) {
    if (heap_line_ != 0) return;
    line_.fail(keyword.column,
               "the first command must be 'heap SIZE', not " + in_quotes(keyword.text));
  }
  if (heap_line_ != 0) {
    line_.fail(keyword.column,
               "a second 'heap'; the first is on line " + std::to_string(heap_line_));
  }
  heap_line_ = op.line;
}

void Parser::parse_options(Op& op, const Command& command) {
  unsigned given = 0;
  for (Word word = line_.next_word(); !word.at_end(); word = line_.next_word()) {
    const std::size_t equals = word.text.find('=');
    const Option& option = find_option(line_, command, word, word.text.substr(0, equals));
    const auto index = static_cast<std::size_t>(&option - command.options.data());
    if (given != 0) check_not_given(line_, command, word, index, given);
    given |= 1U << index;
    set_option(op, line_, option, word, option_value(line_, option, word, equals));
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

void Parser::start_op(Op& op) const {
  op = Op{};
  op.align_bytes = heap_align_bytes_;
  op.line = line_.number();
  op.file = line_.file();
  op.source_line = line_.text();
}

}  // namespace mneme::driver
