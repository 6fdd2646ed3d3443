// purpose: the rows of the language table, and the look-up of a keyword.
// layer: language; includes language.
// threads: constant data.
// invariants: every OpKind has one row, in the order of OpKind, so that a kind is its row's index.
#include "command_table.hpp"

#include <algorithm>
#include <array>

#include "command_rows.hpp"

namespace mneme::driver {

namespace {

using namespace rows;

constexpr std::array table{
    Command{OpKind::heap,
            "heap",
            size_only,
            heap_options,
            "Make the heap, with a region of SIZE bytes, at least 16. The first command of a "
            "script, and given only once. The size may be overridden on the command line "
            "(--heap=SIZE), which keeps the line's options; with that, the line may be left out.",
            "heap 1K raw=first-fit",
            {}},
    Command{OpKind::alloc, "alloc", name_size, alloc_options,
            "Request SIZE bytes under a new name. If there is room, nobody waits and the heap is "
            "not locked, it is granted at once; else it waits its turn. A request that even the "
            "empty heap could not meet is refused at once. A size of 0 is legal.",
            "alloc b 600 align=64", places<0, 6, 12, 18, 24>},
    Command{OpKind::free, "free", name_only, free_options,
            "Give a block back, or destroy an owner. Waiting requests that now fit are granted, in "
            "arrival order. If the heap is locked, the block is deferred until it is unlocked.",
            "free a", places<1, 7, 13, 19, 25>},
    Command{
        OpKind::cancel,
        "cancel",
        name_only,
        {},
        "Destroy a request that waits, or that was granted and whose task did not run yet. Memory "
        "that it was granted goes to the next in the queue, and the steps that were held for it "
        "are dropped. If it is a resize that waits, only the resize is given up: the block stays "
        "as it is, and the held steps go on. For a name that has its memory, nothing happens.",
        "cancel b",
        places<4>},
    Command{OpKind::poll,
            "poll",
            {},
            {},
            "Reclaim deferred blocks, grant what fits, and resume the tasks of granted requests.",
            "poll",
            places<2, 21>},
    Command{OpKind::lock,
            "lock",
            {},
            {},
            "Take the guard: exclusive use of the heap until 'unlock'. Meanwhile requests wait and "
            "frees are deferred. If it is held already, nothing happens.",
            "lock",
            places<5>},
    Command{OpKind::unlock,
            "unlock",
            {},
            {},
            "Release the guard: deferred blocks are reclaimed and waiting requests granted.",
            "unlock",
            places<8, 26>},
    Command{OpKind::resize,
            "resize",
            name_size,
            {},
            "Make a block SIZE bytes long, keeping its contents as far as they fit: where it "
            "stands, if that can be done now; else by moving to a new block, for which it may have "
            "to wait like 'alloc'. Until then the old block stays. If the new block is refused, "
            "too. For names made by 'alloc' only.",
            "resize a 800",
            places<3, 27>},
    Command{OpKind::leak,
            "leak",
            name_only,
            {},
            "Turn the owner of a block into a bare pointer. It cannot be freed until 'unleak'.",
            "leak a",
            places<17>},
    Command{OpKind::unleak,
            "unleak",
            name_only,
            {},
            "Make the owner again from the bare pointer.",
            "unleak a",
            places<20>},
    Command{OpKind::close,
            "close",
            {},
            {},
            "Close the heap: every waiting request ends as closed, and so does every later one. "
            "Frees still work.",
            "close",
            places<28>},
    Command{OpKind::expect_state,
            "expect",
            name_state,
            {},
            "Check the state of a name (see States). The words behind 'expect' tell its forms "
            "apart.",
            "expect b granted",
            places<30>},
    Command{OpKind::expect_keys,
            "expect",
            key_numbers,
            {},
            "Check the figures of the heap (see Keys): equal to the number, at most (<=) or at "
            "least (>=) that. Each key may be given once.",
            "expect used <= 512 waiting 0",
            places<31, 32>},
    Command{OpKind::expect_at,
            "expect",
            name_at_offset,
            {},
            "Check where the payload of a name is, taken or only reserved for it.",
            "expect b at 64",
            places<33>},
    Command{
        OpKind::expect_queue,
        "expect",
        queue_of_names,
        {},
        "Check which requests wait, the oldest first: exactly those of these names, at most 16. "
        "A block called queue has the other forms: 'expect queue granted' is about its state.",
        "expect queue b c",
        places<34>},
    Command{OpKind::expect_end,
            "expect",
            ending_only,
            {},
            "Of a script with tasks: check whether some order of their steps deadlocks, or none. "
            "'mneme explore' does.",
            "expect deadlock",
            {}},
    Command{OpKind::stat, "stat", {}, {}, "Print the value of every key.", "stat", places<22>},
    Command{
        OpKind::map,
        "map",
        {},
        {},
        "Draw the region as text: live, deferred and free memory; with the names of live blocks, "
        "each with its offset and its size, and of the requests that wait.",
        "map",
        places<23>},
    Command{OpKind::array,
            "array",
            name_count,
            {},
            "Request an array of COUNT elements of 8 bytes.",
            "array samples 32",
            places<9>},
    Command{OpKind::vec,
            "vec",
            name_capacity,
            {},
            "Request an empty vector with room for CAPACITY elements of 8 bytes; it never grows.",
            "vec log 16",
            places<10>},
    Command{OpKind::push,
            "push",
            name_only,
            {},
            "Append one element to a vector. A full vector stays as it is, and says so.",
            "push log",
            places<14>},
    Command{OpKind::arc,
            "arc",
            name_only,
            {},
            "Request one value of 8 bytes, shared by counted owners.",
            "arc config",
            places<11>},
    Command{OpKind::clone,
            "clone",
            name_new_name,
            {},
            "Make NEWNAME one more owner of the value that NAME, made by 'arc' or 'clone', owns.",
            "clone config config2",
            places<15>},
    Command{OpKind::drop,
            "drop",
            name_only,
            {},
            "The same as 'free', and reads better for owners (array, vec, arc). The memory of an "
            "arc is given back with its last owner.",
            "drop config",
            places<16>},
    Command{OpKind::task,
            "task",
            name_copies,
            {},
            "Begin a task, a block of steps up to its 'end' with names of its own; xN: N identical "
            "ones (see Tasks).",
            "task worker x3",
            {}},
    Command{OpKind::isr,
            "isr",
            name_only,
            {},
            "Begin an interrupt routine: a task that never waits. It may receive, free, send, "
            "signal, and 'alloc ... try'.",
            "isr done",
            {}},
    Command{OpKind::repeat,
            "repeat",
            repeats_only,
            {},
            "Begin a block of steps that is carried out N times, or for ever.",
            "repeat 4",
            {}},
    Command{OpKind::end, "end", {}, {}, "End the innermost block: repeat, task or isr.", "end", {}},
    Command{OpKind::yield,
            "yield",
            {},
            {},
            "Let other tasks go on; see 'mneme explore --switch=waits'.",
            "yield",
            {}},
    Command{OpKind::semaphore,
            "semaphore",
            name_count,
            {},
            "Make a semaphore that starts at COUNT.",
            "semaphore slots 2",
            {}},
    Command{OpKind::signal,
            "signal",
            name_only,
            {},
            "Add one to a semaphore, or to a signal, which starts at 0.",
            "signal ready",
            {}},
    Command{OpKind::wait,
            "wait",
            name_only,
            {},
            "Wait until a semaphore or signal is above 0, and take one from it.",
            "wait ready",
            {}},
    Command{OpKind::mailbox,
            "mailbox",
            name_capacity,
            {},
            "Make a mailbox, which hands over up to CAPACITY blocks in order.",
            "mailbox rx 4",
            {}},
    Command{OpKind::send,
            "send",
            mailbox_name,
            {},
            "Hand a block to a mailbox, waiting while that is full. The name is free again.",
            "send rx frame",
            {}},
    Command{OpKind::receive,
            "receive",
            mailbox_name,
            {},
            "Take the oldest block out of a mailbox under a new name, waiting while there is none.",
            "receive rx frame",
            {}},
};

consteval bool rows_are_in_order_of_kind() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].kind) != i) return false;
  }
  return static_cast<std::size_t>(OpKind::receive) + 1 == table.size();
}
static_assert(rows_are_in_order_of_kind());

consteval bool places_are_taken_once() {
  std::array<bool, places_max> taken{};
  taken[define_place] = true;
  for (const Command& row : table) {
    if (row.places.empty() != (row.kind == OpKind::heap || is_of_tasks(row.kind))) return false;
    for (const std::uint8_t place : row.places) {
      if (place >= places_max || taken[place]) return false;
      taken[place] = true;
    }
  }
  return true;
}
static_assert(places_are_taken_once());

constexpr bool begins_keyword(std::size_t row) {
  return row == 0 || table[row].keyword != table[row - 1].keyword;
}

consteval std::size_t count_keywords() {
  std::size_t count = 0;
  for (std::size_t row = 0; row < table.size(); ++row) count += begins_keyword(row) ? 1U : 0U;
  return count;
}

consteval std::array<std::string_view, count_keywords()> collect_keywords() {
  std::array<std::string_view, count_keywords()> words{};
  std::size_t count = 0;
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (begins_keyword(row)) words[count++] = table[row].keyword;
  }
  return words;
}
constexpr auto keyword_list = collect_keywords();

void add_once(std::vector<std::string>& words, std::string word) {
  if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
}

}  // namespace

std::span<const Command> commands() noexcept { return table; }

std::span<const std::string_view> keywords() noexcept { return keyword_list; }

const Command* find_command(std::string_view keyword) noexcept {
  const auto* const found = std::ranges::find(table, keyword, &Command::keyword);
  return found == table.end() ? nullptr : found;
}

const Command& command_of(OpKind kind) noexcept { return table[static_cast<std::size_t>(kind)]; }

std::string synopsis(const Command& command) {
  std::string text{command.keyword};
  for (const Argument& argument : command.arguments) {
    text += ' ';
    text += argument.word;
  }
  for (const Option& option : command.options) {
    if (option.excludes_previous) {
      text.back() = '|';
    } else {
      text += " [";
    }
    text += option.word;
    if (!option.value.empty()) text += '=' + std::string{option.value};
    text += ']';
  }
  return text;
}

std::vector<std::string> language_words() {
  std::vector<std::string> words;
  for (const Command& row : table) {
    add_once(words, std::string{row.keyword});
    for (const Option& option : row.options) {
      add_once(words, std::string{option.word} + (option.value.empty() ? "" : "="));
    }
  }
  for (const std::string_view word : poll_words) add_once(words, std::string{word});
  for (const std::string_view word : state_words) add_once(words, std::string{word});
  for (const std::string_view word : key_words) add_once(words, std::string{word});
  for (const std::string_view word : ending_words) add_once(words, std::string{word});
  add_once(words, std::string{forever_word});
  for (const std::string_view word : {"<=", ">=", "at", "queue"})
    add_once(words, std::string{word});
  add_once(words, std::string{default_raw_heap});
  return words;
}

}  // namespace mneme::driver
