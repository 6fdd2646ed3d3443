// purpose: the codec itself.
// layer: language; includes codec, canonical, diagnostic, language.
// threads: as in the header.
// invariants: as in the header.
#include "byte_codec.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "diagnostic.hpp"
#include "format_op.hpp"

namespace mneme::driver {

namespace {

constexpr unsigned poll_auto = 1;
constexpr unsigned heap_flag_align = 4;
constexpr unsigned raw_shift = 3;
// Of a heap whose bytes name none: the seeds are older than any other default.
constexpr std::uint64_t codec_align_bytes = 8;

// The forms of a step. What a fuzzer should do more often stands here more than once; the first
// place is the one that is encoded. A place without a kind is `define`.
constexpr std::array<std::optional<OpKind>, 32> forms{
    OpKind::alloc,        OpKind::free,       OpKind::poll,   OpKind::resize, OpKind::cancel,
    OpKind::lock,         OpKind::alloc,      OpKind::free,   OpKind::unlock, OpKind::array,
    OpKind::vec,          OpKind::arc,        OpKind::alloc,  OpKind::free,   OpKind::push,
    OpKind::clone,        OpKind::drop,       OpKind::leak,   OpKind::alloc,  OpKind::free,
    OpKind::unleak,       OpKind::poll,       OpKind::stat,   OpKind::map,    OpKind::alloc,
    OpKind::free,         OpKind::unlock,     OpKind::resize, OpKind::close,  std::nullopt,
    OpKind::expect_state, OpKind::expect_keys};
constexpr unsigned form_bits = 5;

constexpr unsigned flag_align = 1;  // of the three: an alignment follows
constexpr unsigned mode_shift = 1;  // try: 1, guard: 2
constexpr unsigned flag_defer = 1;

constexpr std::size_t short_names = 32;
constexpr std::size_t long_name_mark = 0xC0;
constexpr std::size_t names_max = std::size_t{1} << 14U;

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

std::size_t form_of(std::optional<OpKind> kind) {
  return static_cast<std::size_t>(std::ranges::find(forms, kind) - forms.begin());
}

std::string default_name(std::size_t index) { return 'n' + std::to_string(index); }

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) : bytes_{bytes} {}

  [[nodiscard]] Script script(std::span<const std::string_view> raw_heaps) && {
    start_op(OpKind::heap);
    Op& heap = script_.ops.back();
    const unsigned flags = byte();
    heap.poll_mode = (flags & poll_auto) != 0 ? PollMode::automatic : PollMode::manual;
    heap.raw = raw_heaps[(flags >> raw_shift) % raw_heaps.size()];
    heap.size_bytes = number();
    heap.align_bytes = (flags & heap_flag_align) != 0 ? align() : codec_align_bytes;
    heap.has_align = heap.align_bytes != default_align_bytes;
    heap_align_bytes_ = heap.align_bytes;
    while (!bytes_.empty()) step();
    return std::move(script_);
  }

 private:
  void step() {
    const unsigned first = byte();
    const unsigned flags = first >> form_bits;
    const std::optional<OpKind> kind = forms[first % forms.size()];
    if (!kind) return define();
    start_op(*kind);
    Op& op = script_.ops.back();
    switch (*kind) {
      case OpKind::alloc: return alloc(op, flags);
      case OpKind::resize:
        op.name = name();
        op.size_bytes = number();
        return;
      case OpKind::array:
      case OpKind::vec:
        op.name = name();
        op.count = number();
        return;
      case OpKind::free: op.defer = (flags & flag_defer) != 0; [[fallthrough]];
      case OpKind::cancel:
      case OpKind::leak:
      case OpKind::unleak:
      case OpKind::push:
      case OpKind::arc:
      case OpKind::drop: op.name = name(); return;
      case OpKind::clone:
        op.name = name();
        op.new_name = name();
        return;
      case OpKind::expect_state:
        op.name = name();
        op.state = static_cast<State>(byte() % state_words.size());
        return;
      case OpKind::expect_keys: return expectations(op, flags);
      case OpKind::heap:
      case OpKind::poll:
      case OpKind::lock:
      case OpKind::unlock:
      case OpKind::close:
      case OpKind::stat:
      case OpKind::map: return;
    }
  }

  void alloc(Op& op, unsigned flags) {
    op.mode = static_cast<AllocMode>((flags >> mode_shift) % 3);
    op.name = name();
    op.size_bytes = number();
    if ((flags & flag_align) == 0) return;
    op.align_bytes = align();
    op.has_align = op.align_bytes != heap_align_bytes_;
  }

  void expectations(Op& op, unsigned flags) {
    const std::size_t count = std::min<std::size_t>(flags + 1, key_words.size());
    unsigned given = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t key = byte() % key_words.size();
      while (((given >> key) & 1U) != 0) key = (key + 1) % key_words.size();
      given |= 1U << key;
      op.expectations[i].key = static_cast<Key>(key);
      op.expectations[i].number = number();
    }
    op.expectation_count = static_cast<std::uint8_t>(count);
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

Script decode(std::span<const std::uint8_t> bytes, std::span<const std::string_view> raw_heaps) {
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
  if (op.kind == OpKind::heap) {
    const auto raw = std::ranges::find(raw_heaps_, op.raw);
    if (raw == raw_heaps_.end()) {
      fail_at(op, op.raw_column,
              "raw heap " + in_quotes(op.raw) + " has no number in the fuzzers' bytes");
    }
    const bool has_align = op.align_bytes != codec_align_bytes;
    put((op.poll_mode == PollMode::automatic ? poll_auto : 0U) |
        (has_align ? heap_flag_align : 0U) |
        static_cast<std::size_t>(raw - raw_heaps_.begin()) << raw_shift);
    put_number(op.size_bytes);
    if (has_align) put_align(op.align_bytes);
    return;
  }
  // Names first, as a definition is a step of its own.
  std::vector<std::size_t> indices;
  if (!op.name.empty()) indices.push_back(index_of(op, op.name, op.name_column));
  if (!op.new_name.empty()) indices.push_back(index_of(op, op.new_name, op.new_name_column));

  std::size_t flags = (op.has_align ? flag_align : 0U) | static_cast<unsigned>(op.mode)
                                                             << mode_shift;
  if (op.defer) flags = flag_defer;
  if (op.kind == OpKind::expect_keys) flags = op.expectation_count - std::size_t{1};
  put(form_of(op.kind) | flags << form_bits);
  for (const std::size_t index : indices) put_index(index);
  if (op.kind == OpKind::alloc || op.kind == OpKind::resize) put_number(op.size_bytes);
  if (op.kind == OpKind::array || op.kind == OpKind::vec) put_number(op.count);
  if (op.has_align) put_align(op.align_bytes);
  if (op.kind == OpKind::expect_state) put(static_cast<std::size_t>(op.state));
  put_expectations(op);
}

void Encoder::put_expectations(const Op& op) {
  for (std::size_t i = 0; i < op.expectation_count; ++i) {
    put(static_cast<std::size_t>(op.expectations[i].key));
    put_number(op.expectations[i].number);
  }
}

std::size_t Encoder::index_of(const Op& op, std::string_view text, Column column) {
  const std::string name{text};
  if (const auto known = indices_.find(name); known != indices_.end()) return known->second;
  // A name that is called as one of the short ones is by default needs no definition.
  std::size_t index = 0;
  while (index < short_names && default_name(index) != name) ++index;
  if (index >= short_names || (index < taken_.size() && taken_[index])) {
    index = static_cast<std::size_t>(std::ranges::find(taken_, false) - taken_.begin());
    if (index == names_max) fail_at(op, column, "more than 16,384 names");
    put(form_of(std::nullopt));
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
