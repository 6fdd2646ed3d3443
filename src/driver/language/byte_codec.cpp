// purpose: the codec itself.
// layer: language; includes byte_codec, command_table, diagnostic, format_op.
// threads: as in the header.
// invariants: as in the header.
#include "byte_codec.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <utility>

#include "command_table.hpp"
#include "diagnostic.hpp"
#include "format_op.hpp"

namespace mneme::driver {

namespace {

constexpr unsigned poll_auto = 1;
constexpr unsigned heap_flag_align = 4;
constexpr unsigned raw_shift = 3;
// For inputs that name no raw heap: the seeds are older than the present default.
constexpr std::uint64_t codec_align_bytes = 8;

// A step begins with a byte: its place (5 bits) and its flags (3 bits). With flags, the place of
// `define` stands for the places from 32 on, whose own flags are in the next byte.
constexpr unsigned place_bits = 5;
constexpr std::size_t short_places = std::size_t{1} << place_bits;

// `expect KEY NUMBER` has two places. The first is older than the keys behind these, and than
// comparisons.
constexpr std::size_t seed_expect_place = 31;
constexpr std::size_t seed_keys = 6;

constexpr unsigned flag_align = 1;  // of the three: an alignment follows
constexpr unsigned mode_shift = 1;  // try: 1, guard: 2
constexpr unsigned flag_defer = 1;

constexpr std::size_t short_names = 32;
constexpr std::size_t long_name_mark = 0xC0;
constexpr std::size_t names_max = std::size_t{1} << 14U;

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/// The command of each place, by the rows of the language table.
const std::array<const Command*, places_max>& rows_by_place() {
  static const auto rows = [] {
    std::array<const Command*, places_max> by_place{};
    for (const Command& row : commands()) {
      for (const std::uint8_t place : row.places) by_place[place] = &row;
    }
    return by_place;
  }();
  return rows;
}

/// Whether the first place of `expect KEY NUMBER` can hold the step.
bool is_expectation_of_seeds(const Op& op) {
  return std::ranges::all_of(std::span(op.expectations).first(op.expectation_count),
                             [](const Expectation& expectation) {
                               return expectation.comparison == Comparison::equal &&
                                      static_cast<std::size_t>(expectation.key) < seed_keys;
                             });
}

bool is_size(ArgumentKind kind) {
  return kind == ArgumentKind::size || kind == ArgumentKind::sizes;
}

std::string default_name(std::size_t index) { return 'n' + std::to_string(index); }

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) : bytes_{bytes} {}

  [[nodiscard]] Script script(RawNames raw_heaps) && {
    start_op(OpKind::heap);
    Op& heap = script_.ops.back();
    const unsigned flags = byte();
    heap.poll_mode = (flags & poll_auto) != 0 ? PollMode::automatic : PollMode::manual;
    const std::size_t plain = raw_heaps.plain.size();
    const std::size_t row = (flags >> raw_shift) % (plain + raw_heaps.sized.size());
    heap.raw = row < plain ? raw_heaps.plain[row] : raw_heaps.sized[row - plain];
    heap.size_bytes = number();
    heap.align_bytes = (flags & heap_flag_align) != 0 ? align() : codec_align_bytes;
    if (row >= plain) heap.raw_bytes = number();
    heap.has_align = heap.align_bytes != default_align_bytes;
    heap_align_bytes_ = heap.align_bytes;
    while (!bytes_.empty()) step();
    return std::move(script_);
  }

 private:
  void step() {
    const unsigned first = byte();
    std::size_t place = first % short_places;
    unsigned flags = first >> place_bits;
    if (place == define_place && flags != 0) {
      place = short_places - 1 + flags;
      if (rows_by_place()[place] != nullptr) flags = byte();
    }
    const Command* const row = rows_by_place()[place];
    if (row == nullptr) return define();
    start_op(row->kind);
    Op& op = script_.ops.back();
    bool has_align = false;
    for (const Option& option : row->options) {
      if (option.kind == OptionKind::align) has_align = (flags & flag_align) != 0;
      if (option.kind == OptionKind::try_now) {
        op.mode = static_cast<AllocMode>((flags >> mode_shift) % 3);
      }
      if (option.kind == OptionKind::defer) op.defer = (flags & flag_defer) != 0;
    }
    for (const Argument& each : row->arguments) argument(op, each.kind, place, flags);
    if (!has_align) return;
    op.align_bytes = align();
    op.has_align = op.align_bytes != heap_align_bytes_;
  }

  void argument(Op& op, ArgumentKind kind, std::size_t place, unsigned flags) {
    switch (kind) {
      case ArgumentKind::name: op.name = name(); break;
      case ArgumentKind::new_name: op.new_name = name(); break;
      case ArgumentKind::size:
      case ArgumentKind::sizes: op.size_bytes = number(); break;
      case ArgumentKind::count: op.count = number(); break;
      case ArgumentKind::state: op.state = static_cast<State>(byte() % state_words.size()); break;
      case ArgumentKind::literal: break;
      case ArgumentKind::key_numbers: expectations(op, place, flags); break;
      case ArgumentKind::queue_names: queue_names(op, flags); break;
      case ArgumentKind::ending:  // of steps that have no place
      case ArgumentKind::copies:
      case ArgumentKind::repeats: break;
    }
  }

  void expectations(Op& op, std::size_t place, unsigned flags) {
    const std::size_t keys = place == seed_expect_place ? seed_keys : key_words.size();
    const std::size_t count = std::min<std::size_t>(flags % 8 + 1, keys);
    unsigned given = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const unsigned first = byte();
      std::size_t key = first % keys;
      while (((given >> key) & 1U) != 0) key = (key + 1) % keys;
      given |= 1U << key;
      op.expectations[i].key = static_cast<Key>(key);
      if (place != seed_expect_place) {
        op.expectations[i].comparison =
            static_cast<Comparison>(first / key_words.size() % comparison_words.size());
      }
      op.expectations[i].number = number();
    }
    op.expectation_count = static_cast<std::uint8_t>(count);
  }

  void queue_names(Op& op, unsigned flags) {
    std::string text;
    for (std::size_t i = 0; i < flags % (queue_names_max + 1); ++i) {
      if (i > 0) text += ' ';
      text += name();
    }
    op.queue_names = script_.names.emplace_back(std::move(text));
  }

  void define() {
    const std::size_t at = index();
    std::string& text = script_.names.emplace_back(byte() % name_length_max + 1, '?');
    for (char& character : text) {
      const unsigned given = byte();
      const bool fits = name_characters.contains(static_cast<char>(given));
      character = fits ? static_cast<char>(given) : name_characters[given % name_characters.size()];
    }
    known_[at] = text;
  }

  std::string_view name() {
    const auto [known, is_new] = known_.try_emplace(index());
    if (is_new) known->second = script_.names.emplace_back(default_name(known->first));
    return known->second;
  }

  std::size_t index() {
    const std::size_t first = byte();
    if (first < long_name_mark) return first % short_names;
    return (first - long_name_mark) << 8U | byte();
  }

  std::uint64_t number() {
    const std::uint64_t first = byte();
    if (first < 0x80) return first;
    if (first < 0xC0) return 128 + (first - 0x80) * 64;
    if (first < 0xF0) return (first - 0xC0) << 8U | byte();
    if (first < 0xF8) {
      std::uint64_t value = 0;
      for (unsigned at = 0; at <= first - 0xF0; ++at) value |= std::uint64_t{byte()} << (8 * at);
      return value;
    }
    const std::uint64_t next = byte();
    const std::uint64_t power = std::uint64_t{1} << (next % 64);
    switch (first) {
      case 0xF8: return power;
      case 0xF9: return power - 1;
      case 0xFA: return power + 1;
      case 0xFB: return power | 8U;
      default: return ~next;
    }
  }

  std::uint64_t align() { return std::uint64_t{1} << (byte() % 64); }

  unsigned byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }

  void start_op(OpKind kind) {
    Op& op = script_.ops.emplace_back();
    op.kind = kind;
    op.align_bytes = heap_align_bytes_;
    op.line = script_.ops.size();
    op.column = 1;
  }

  std::span<const std::uint8_t> bytes_;
  Script script_;
  std::map<std::size_t, std::string_view> known_;
  std::uint64_t heap_align_bytes_ = codec_align_bytes;
};

}  // namespace

Script decode(std::span<const std::uint8_t> bytes, RawNames raw_heaps) {
  return Decoder(bytes).script(raw_heaps);
}

std::string text_of(const Script& script, std::size_t steps_max) {
  std::string text;
  CommandBuffer buffer;
  for (const Op& op : std::span(script.ops).first(std::min(steps_max, script.ops.size()))) {
    text += format_op(op, buffer);
    text += '\n';
  }
  return text;
}

void Encoder::add(const Op& op) {
  if (op.kind == OpKind::heap) return put_heap(op);
  const Command& row = command_of(op.kind);
  if (row.places.empty()) {
    fail_at(op, 0, in_quotes(row.keyword) + " has no place in the fuzzers' bytes");
  }
  if (op.mode == AllocMode::timeout || !op.sizes.empty()) {
    fail_at(op, 0, "what only tasks can do has no place in the fuzzers' bytes");
  }
  if (op.priority || op.holding) {
    fail_at(op, 0, "the place of a request in its queue has none in the fuzzers' bytes");
  }
  const bool is_of_seeds = is_expectation_of_seeds(op);
  const std::size_t place =
      op.kind == OpKind::expect_keys && !is_of_seeds ? row.places[1] : row.places[0];
  // Names first, as a definition is a step of its own.
  std::vector<std::size_t> indices;
  for (const Argument& argument : row.arguments) {
    if (argument.kind == ArgumentKind::name) {
      indices.push_back(index_of(op, op.name, op.name_column));
    } else if (argument.kind == ArgumentKind::new_name) {
      indices.push_back(index_of(op, op.new_name, op.new_name_column));
    } else if (argument.kind == ArgumentKind::queue_names) {
      std::string_view rest = op.queue_names;
      for (std::string_view name = take_word(rest); !name.empty(); name = take_word(rest)) {
        indices.push_back(index_of(op, name, op.queue_column));
      }
    }
  }
  std::size_t flags = (op.has_align ? flag_align : 0U) | static_cast<unsigned>(op.mode)
                                                             << mode_shift;
  if (op.defer) flags = flag_defer;
  if (op.kind == OpKind::expect_keys) flags = op.expectation_count - std::size_t{1};
  if (op.kind == OpKind::expect_queue) flags = indices.size();
  if (place < short_places) {
    put(place | flags << place_bits);
  } else {
    put(define_place | (place - short_places + 1) << place_bits);
    put(flags);
  }
  for (const std::size_t index : indices) put_index(index);
  for (const Argument& argument : row.arguments) {
    if (is_size(argument.kind)) put_number(op.size_bytes);
    if (argument.kind == ArgumentKind::count) put_number(op.count);
    if (argument.kind == ArgumentKind::state) put(static_cast<std::size_t>(op.state));
  }
  if (op.has_align) put_align(op.align_bytes);
  put_expectations(op, is_of_seeds);
}

void Encoder::put_heap(const Op& op) {
  if (op.queue != default_queue) {
    fail_at(op, op.queue_policy_column,
            "queue " + in_quotes(op.queue) + " has no number in the fuzzers' bytes");
  }
  const auto& names = op.raw_bytes ? raw_heaps_.sized : raw_heaps_.plain;
  const auto raw = std::ranges::find(names, op.raw);
  if (raw == names.end()) {
    fail_at(op, op.raw_column,
            "raw heap " + in_quotes(op.raw) + " has no number in the fuzzers' bytes");
  }
  const auto row =
      static_cast<std::size_t>(raw - names.begin()) + (op.raw_bytes ? raw_heaps_.plain.size() : 0);
  const bool has_align = op.align_bytes != codec_align_bytes;
  put((op.poll_mode == PollMode::automatic ? poll_auto : 0U) | (has_align ? heap_flag_align : 0U) |
      row << raw_shift);
  put_number(op.size_bytes);
  if (has_align) put_align(op.align_bytes);
  if (op.raw_bytes) put_number(*op.raw_bytes);
}

void Encoder::put_expectations(const Op& op, bool is_of_seeds) {
  for (std::size_t i = 0; i < op.expectation_count; ++i) {
    const Expectation& expectation = op.expectations[i];
    const auto comparison = static_cast<std::size_t>(expectation.comparison);
    put(static_cast<std::size_t>(expectation.key) +
        (is_of_seeds ? 0 : comparison * key_words.size()));
    put_number(expectation.number);
  }
}

std::size_t Encoder::index_of(const Op& op, std::string_view text, Column column) {
  const std::string name{text};
  if (const auto known = indices_.find(name); known != indices_.end()) return known->second;
  // A name that equals the default of a short number needs no definition.
  std::size_t index = 0;
  while (index < short_names && default_name(index) != name) ++index;
  if (index >= short_names || (index < taken_.size() && taken_[index])) {
    index = static_cast<std::size_t>(std::ranges::find(taken_, false) - taken_.begin());
    if (index == names_max) fail_at(op, column, "more than 16,384 names");
    put(define_place);
    put_index(index);
    put(name.size() - 1);
    for (const char character : name) put(static_cast<unsigned char>(character));
  }
  if (index >= taken_.size()) taken_.resize(index + 1);
  taken_[index] = true;
  return indices_.emplace(name, index).first->second;
}

void Encoder::put_align(std::uint64_t align_bytes) {
  put(static_cast<std::size_t>(std::countr_zero(align_bytes)));
}

void Encoder::put_index(std::size_t index) {
  if (index < short_names) return put(index);
  put(long_name_mark + (index >> 8U));
  put(index & 0xFFU);
}

void Encoder::put_number(std::uint64_t number) {
  if (number < 0x80) return put(number);
  if (number % 64 == 0 && number < 128 + 64 * 64) return put(0x80 + (number - 128) / 64);
  if (number < 0x3000) {
    put(0xC0 + (number >> 8U));
    return put(number & 0xFFU);
  }
  if (std::has_single_bit(number)) {
    put(0xF8);
    return put(static_cast<std::size_t>(std::countr_zero(number)));
  }
  const auto size = static_cast<unsigned>(std::bit_width(number) + 7) / 8;
  put(0xF0 + size - 1);
  for (unsigned at = 0; at < size; ++at) put((number >> (8 * at)) & 0xFFU);
}

}  // namespace mneme::driver
