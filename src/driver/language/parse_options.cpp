// purpose: the options of a command.
// layer: language; includes parser, parse_expect.
// threads: one owner.
// invariants: see parser.hpp.
#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parse_expect.hpp"
#include "parser.hpp"

namespace mneme::driver {

namespace {

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
    case OptionKind::in: break;  // the parser knows the heaps
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

void Parser::parse_options(Op& op, const Command& command) {
  unsigned given = 0;
  for (Word word = line_.next_word(); !word.at_end(); word = line_.next_word()) {
    const std::size_t equals = word.text.find('=');
    const Option& option = find_option(line_, command, word, word.text.substr(0, equals));
    const auto index = static_cast<std::size_t>(&option - command.options.data());
    if (given != 0) check_not_given(line_, command, word, index, given);
    given |= 1U << index;
    if (option.kind == OptionKind::in) {
      find_heap(op, line_.next_word());
    } else {
      set_option(op, line_, option, word, option_value(line_, option, word, equals));
    }
  }
}

/// Of `in HEAP`, or of a command without that. A block is aligned as its heap says.
void Parser::find_heap(Op& op, const Word& word) {
  if (word.at_end()) line_.fail(word.column, "option 'in' needs a value: in HEAP");
  const auto at = std::ranges::find(heaps_, word.text, &NamedHeap::name);
  if (at == heaps_.end()) {
    std::vector<std::string_view> names(heaps_.size());
    std::ranges::transform(heaps_, names.begin(), &NamedHeap::name);
    line_.fail(word.column, "unknown heap " + in_quotes(word.text) +
                                (names.empty() ? "; declare it first: 'heap NAME SIZE'"
                                               : expected_one_of(word.text, names)));
  }
  op.heap = static_cast<std::uint8_t>(at - heaps_.begin() + 1);
  op.heap_name = at->name;
  op.heap_column = word.column;
}

void Parser::add_heap(Op& op) {
  if (std::ranges::find(heaps_, op.name, &NamedHeap::name) != heaps_.end()) {
    line_.fail(op.name_column, "a second heap " + in_quotes(op.name));
  }
  if (heaps_.size() + 1 == heaps_max) line_.fail(op.name_column, "more than 8 heaps");
  heaps_.push_back({std::string{op.name}, op.align_bytes});
  op.heap = static_cast<std::uint8_t>(heaps_.size());
  op.heap_name = heaps_.back().name;
}

}  // namespace mneme::driver
