// purpose: a step of a script as a value, independent of the text that it came from.
// layer: language; includes the standard library only.
// threads: plain data, no sharing.
// invariants: an Op owns and allocates nothing; its views are valid until the parser's next call.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mneme::driver {

enum class OpKind : std::uint8_t {
  heap,
  named_heap,  // heap NAME SIZE: one beside the first
  alloc,
  free,
  cancel,
  poll,
  lock,
  unlock,
  resize,
  leak,
  unleak,
  close,
  extend,
  expect_state,  // expect NAME STATE
  expect_keys,   // expect KEY [<=|>=] NUMBER ...
  expect_at,     // expect NAME at OFFSET
  expect_queue,  // expect queue [NAME]...
  expect_end,    // expect deadlock|safe
  stat,
  map,
  array,
  vec,
  push,
  arc,
  clone,
  drop,
  // Only in scripts with tasks; see program.hpp.
  task,
  isr,
  repeat,
  end,
  yield,
  semaphore,
  signal,
  wait,
  mailbox,
  send,
  receive,
  choose,
  or_else,  // the next branch of a choose
  atomic,
};

/// Whether a step is only allowed in scripts with tasks.
[[nodiscard]] constexpr bool is_of_tasks(OpKind kind) noexcept {
  return kind >= OpKind::task || kind == OpKind::expect_end;
}

/// Whether a step begins a block of steps, which `end` ends.
[[nodiscard]] constexpr bool begins_block(OpKind kind) noexcept {
  return kind == OpKind::task || kind == OpKind::isr || kind == OpKind::repeat ||
         kind == OpKind::choose || kind == OpKind::atomic;
}

/// The verdict that `expect deadlock|safe` expects: on all orders of the tasks' steps.
enum class Ending : std::uint8_t { deadlock, safe };

/// The states of `expect NAME STATE`; `granted`: the name has its memory, taken or not.
enum class State : std::uint8_t { waiting, granted, freed, cancelled, refused, closed };

/// The keys of `expect KEY NUMBER`.
enum class Key : std::uint8_t { used, free, largest, live, waiting, deferred, peak, refused };

/// How a figure is compared with the number behind its key.
enum class Comparison : std::uint8_t { equal, at_most, at_least };

/// How `alloc` meets a heap that has no room: wait, fail at once (`try`), use the held guard, or
/// wait until it is given up (`timeout`, in tasks).
enum class AllocMode : std::uint8_t { wait, try_now, guard, timeout };

/// `automatic`: the driver polls after each step, so that granted tasks continue at once.
enum class PollMode : std::uint8_t { manual, automatic };

inline constexpr std::array<std::string_view, 2> ending_words{"deadlock", "safe"};
inline constexpr std::array<std::string_view, 6> state_words{"waiting",   "granted", "freed",
                                                             "cancelled", "refused", "closed"};
inline constexpr std::array<std::string_view, 8> key_words{
    "used", "free", "largest", "live", "waiting", "deferred", "peak", "refused"};
/// The word of a comparison before its number; none for `equal`.
inline constexpr std::array<std::string_view, 3> comparison_words{"", "<=", ">="};

[[nodiscard]] constexpr std::string_view word_of(State state) noexcept {
  return state_words[static_cast<std::size_t>(state)];
}

[[nodiscard]] constexpr std::string_view word_of(Key key) noexcept {
  return key_words[static_cast<std::size_t>(key)];
}

[[nodiscard]] constexpr std::string_view word_of(Comparison comparison) noexcept {
  return comparison_words[static_cast<std::size_t>(comparison)];
}

[[nodiscard]] constexpr bool holds(std::uint64_t seen, Comparison comparison,
                                   std::uint64_t number) noexcept {
  switch (comparison) {
    case Comparison::equal: return seen == number;
    case Comparison::at_most: return seen <= number;
    case Comparison::at_least: return seen >= number;
  }
  return false;
}

/// Whether a key counts bytes (so that its number is printed as a size) or blocks and requests.
[[nodiscard]] constexpr bool counts_bytes(Key key) noexcept {
  return key <= Key::largest || key == Key::peak;
}

[[nodiscard]] constexpr std::optional<State> find_state(std::string_view word) noexcept {
  for (std::size_t i = 0; i < state_words.size(); ++i) {
    if (state_words[i] == word) return static_cast<State>(i);
  }
  return std::nullopt;
}

[[nodiscard]] constexpr std::optional<Key> find_key(std::string_view word) noexcept {
  for (std::size_t i = 0; i < key_words.size(); ++i) {
    if (key_words[i] == word) return static_cast<Key>(i);
  }
  return std::nullopt;
}

/// A column counts bytes from 1; 0 means that the item is not in the text (a default).
using Column = std::uint32_t;

/// One `KEY [<=|>=] NUMBER`.
struct Expectation {
  Key key{};
  Comparison comparison{};
  Column key_column = 0;
  Column number_column = 0;
  std::uint64_t number = 0;
};

/// `repeat forever`, as a count.
inline constexpr std::uint64_t forever = std::uint64_t{0} - 1;
inline constexpr std::string_view forever_word = "forever";
inline constexpr std::size_t tasks_max = 64;
/// Of a script.
inline constexpr std::size_t heaps_max = 8;
/// The largest number of choices of one step of a task.
inline constexpr std::size_t choices_max = 16;
inline constexpr std::size_t name_length_max = 64;
inline constexpr std::size_t queue_names_max = 16;
/// The alignment of a block if neither its line nor that of the heap gives one: that of C++.
inline constexpr std::uint64_t default_align_bytes = alignof(std::max_align_t);
/// The size of an element of an array or a vec, and of the payload of an arc.
inline constexpr std::uint64_t element_bytes = 8;
inline constexpr std::uint64_t arc_bytes = 16;
/// The alignment of imported and malloclab scripts; the figures of the recordings depend on it.
inline constexpr std::uint64_t recorded_align_bytes = 8;
inline constexpr std::string_view default_raw_heap = "bounded";
inline constexpr std::string_view default_queue = "fifo";
inline constexpr std::string_view priority_queue = "priority";
inline constexpr std::string_view priority_of_try =
    "a request with 'try' or 'guard' never waits, and has no place in a queue";
/// Before the name of a heap.
inline constexpr std::string_view in_word = "in";
/// The largest priority of a request; how many there are depends on the heap.
inline constexpr std::uint64_t priority_max = 7;

/// One step. The comment at each member names the kinds that use it; for others it has its default.
/// Views point into the parser's current line: copy what must live longer.
struct Op {
  OpKind kind{};
  AllocMode mode = AllocMode::wait;           // alloc
  PollMode poll_mode = PollMode::manual;      // heap
  State state{};                              // expect_state
  Ending ending{};                            // expect_end
  bool defer = false;                         // free: use the deferring form
  bool synthetic = false;                     // heap: not in the text (malloclab, or no heap line)
  bool has_align = false;                     // heap, alloc: align_bytes is not the default
  std::uint8_t expectation_count = 0;         // expect_keys
  std::uint8_t heap = 0;                      // alloc and others with `in HEAP`: 0 is the first;
                                              // named_heap: its own number
  std::string_view heap_name;                 // empty for the first; lives as long as the parser
  std::string_view name;                      // every kind with a NAME
  std::string_view new_name;                  // clone; send, receive: the block, name: the mailbox
  std::string_view sizes;                     // alloc in a task: `64|128`; else empty
  std::string_view queue_names;               // expect_queue: names with blanks between them
  std::string_view raw = default_raw_heap;    // heap: not checked to exist
  std::optional<std::uint64_t> raw_bytes;     // heap: the number behind its raw heap's name
  std::string_view queue = default_queue;     // heap: its policy, not checked to exist
  std::optional<std::uint64_t> queue_number;  // heap: the number behind it
  bool holding = false;                       // alloc: as a request of a task that holds memory
  std::optional<std::uint8_t> priority;       // alloc
  std::uint64_t size_bytes = 0;               // heap, extend, alloc, resize; expect_at: the offset
  std::uint64_t count = 0;  // array: elements; vec, mailbox: capacity; semaphore: its start;
                            // task: how many; repeat: how often
  /// A power of two. heap: for blocks whose lines give none; other kinds: of the block, by default
  /// the heap's.
  std::uint64_t align_bytes = default_align_bytes;

  // Positions in the text, for diagnostics. `column` is the keyword's.
  std::uint64_t line = 0;
  Column column = 0;
  Column name_column = 0;
  Column new_name_column = 0;
  Column number_column = 0;  // of size_bytes or count
  Column queue_column = 0;
  Column heap_column = 0;
  Column align_column = 0;
  Column mode_column = 0;
  Column state_column = 0;
  Column raw_column = 0;
  Column raw_number_column = 0;
  Column queue_policy_column = 0;
  Column priority_column = 0;
  Column holding_column = 0;
  Column poll_column = 0;
  std::string_view file;         // as printed in diagnostics; lives as long as the Source
  std::string_view source_line;  // the whole line; empty in a stored Op is fine (no excerpt then)

  std::array<Expectation, key_words.size()> expectations{};  // expect_keys: in the order given
};

/// Removes and returns the first word of a text; empty at the end.
[[nodiscard]] constexpr std::string_view take_word(std::string_view& text) noexcept {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace mneme::driver
