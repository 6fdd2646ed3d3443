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
    Command{
        OpKind::heap,
        "heap",
        size_only,
        heap_options,
        "Create the heap, with a region of SIZE bytes, at least 16. It must be the first command "
        "of a script. --heap=SIZE on the command line replaces the "
        "size and keeps the options; with --heap the line may be left out.",
        "heap 1K raw=first-fit",
        {}},
    Command{
        OpKind::named_heap,
        "heap",
        name_size,
        named_heap_options,
        "Create a heap beside the first one: a raw heap, a queue and an alignment of its own. 'in "
        "NAME' behind a command means this heap; a block stays in its heap, so that no other "
        "command on its name needs that. Up to 8 heaps, before the tasks.",
        "heap dma 8K raw=pool:512",
        {}},
    Command{OpKind::alloc, "alloc", name_sizes, alloc_options,
            "Request SIZE bytes under a new name. If there is room, no other request waits and the "
            "heap is not locked, it is granted at once; otherwise it waits in the queue. A request "
            "that even the empty heap could not meet is refused at once. A size of 0 is legal. "
            "In a task, SIZE|SIZE|... is a choice of one of them.",
            "alloc b 600 align=64", places<0, 6, 12, 18, 24>},
    Command{
        OpKind::free, "free", name_only, free_options,
        "Free a block, or destroy an owner. Waiting requests that now fit are granted, in order "
        "of arrival. If the heap is locked, the block is deferred until it is unlocked.",
        "free a", places<1, 7, 13, 19, 25>},
    Command{
        OpKind::cancel,
        "cancel",
        name_only,
        {},
        "Cancel a request that waits, or that is granted and whose task has not run yet. Its "
        "memory goes to the next request in the queue, and its held steps are dropped. If a "
        "resize waits, only the resize is cancelled: the block stays as it is, and the held steps "
        "run. If the name has already taken its memory, nothing happens.",
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
            in_option,
            "Lock the heap by taking its guard. Until 'unlock', requests wait and frees are "
            "deferred. If it is locked already, nothing happens; but a task waits for the lock, "
            "behind all requests that wait.",
            "lock",
            places<5>},
    Command{OpKind::unlock,
            "unlock",
            {},
            in_option,
            "Release the guard: deferred blocks are reclaimed, and requests that fit are granted.",
            "unlock",
            places<8, 26>},
    Command{
        OpKind::resize,
        "resize",
        name_size,
        {},
        "Change the size of a block to SIZE bytes, and keep its contents as far as they fit. If "
        "it cannot be done in place now, the contents move to a new block, for which the resize "
        "may have to wait like 'alloc'. Until then, or if the new block is refused, the old "
        "block stays. Only for blocks made by 'alloc'.",
        "resize a 800",
        places<3, 27>},
    Command{
        OpKind::leak,
        "leak",
        name_only,
        {},
        "Release a block from its owner, which leaves a bare pointer. It cannot be freed before "
        "'unleak'.",
        "leak a",
        places<17>},
    Command{OpKind::unleak,
            "unleak",
            name_only,
            {},
            "Make an owner from the bare pointer again.",
            "unleak a",
            places<20>},
    Command{OpKind::close,
            "close",
            {},
            in_option,
            "Close the heap: all waiting requests and all later ones end as closed. Frees still "
            "work.",
            "close",
            places<28>},
    Command{OpKind::extend, "extend", size_only, in_option,
            "Hand over SIZE more bytes behind the region, at least 8, such as memory that was only "
            "needed for booting. Waiting requests that fit now are granted; requests that were too "
            "large may not be any more. If the heap is locked, nothing happens.",
            "extend 4K", places<35>},
    Command{OpKind::expect_state,
            "expect",
            name_state,
            {},
            "Check the state of a name (see States). The words behind 'expect' decide which of its "
            "forms is meant.",
            "expect b granted",
            places<30>},
    Command{OpKind::expect_keys, "expect", key_numbers, in_option,
            "Check values of the heap (see Keys): equal to the number, at most (<=) or at least "
            "(>=) the number. Each key may be given once.",
            "expect used <= 512 waiting 0", places<31, 32>},
    Command{OpKind::expect_at,
            "expect",
            name_at_offset,
            {},
            "Check the offset of a name's payload, whether its task has already taken it or not.",
            "expect b at 64",
            places<33>},
    Command{
        OpKind::expect_queue,
        "expect",
        queue_of_names,
        {},
        "Check that exactly the requests of these names wait, the oldest first; at most 16. If a "
        "block is called queue, 'expect queue granted' checks the state of that block.",
        "expect queue b c",
        places<34>},
    Command{OpKind::expect_end,
            "expect",
            ending_only,
            {},
            "In a script with tasks: check that some order of their steps deadlocks, or that none "
            "does. Only 'mneme explore' checks it.",
            "expect deadlock",
            {}},
    Command{
        OpKind::stat, "stat", {}, in_option, "Print the value of every key.", "stat", places<22>},
    Command{
        OpKind::map,
        "map",
        {},
        in_option,
        "Draw the region as text: live, deferred and free memory; then list the live blocks with "
        "their offsets and sizes, and the requests that wait.",
        "map",
        places<23>},
    Command{OpKind::array, "array", name_count, in_option,
            "Request an array of COUNT elements of 8 bytes.", "array samples 32", places<9>},
    Command{OpKind::vec, "vec", name_capacity, in_option,
            "Request an empty vector with a fixed capacity of CAPACITY elements of 8 bytes.",
            "vec log 16", places<10>},
    Command{
        OpKind::push,
        "push",
        name_only,
        {},
        "Append one element to a vector. A full vector stays as it is, and the transcript shows "
        "that.",
        "push log",
        places<14>},
    Command{OpKind::arc, "arc", name_only, in_option,
            "Request one value of 8 bytes that several owners can share, with a reference count.",
            "arc config", places<11>},
    Command{OpKind::clone,
            "clone",
            name_new_name,
            {},
            "Make NEWNAME one more owner of the value of NAME, which 'arc' or 'clone' has made.",
            "clone config config2",
            places<15>},
    Command{
        OpKind::drop,
        "drop",
        name_only,
        {},
        "The same as 'free'; it reads better for owners (array, vec, arc). The memory of an arc "
        "is freed with its last owner.",
        "drop config",
        places<16>},
    Command{OpKind::task,
            "task",
            name_copies,
            {},
            "Begin a task: a block of steps up to its 'end', with names of its own. xN makes N "
            "identical tasks (see Tasks).",
            "task worker x3",
            {}},
    Command{OpKind::isr,
            "isr",
            name_only,
            {},
            "Begin an interrupt routine: a task that never waits. It may use receive, free, send, "
            "signal, and 'alloc ... try'.",
            "isr done",
            {}},
    Command{OpKind::repeat,
            "repeat",
            repeats_only,
            {},
            "Begin a block of steps that runs N times, or for ever.",
            "repeat 4",
            {}},
    Command{OpKind::end,
            "end",
            {},
            {},
            "End the innermost block: repeat, choose, atomic, task or isr.",
            "end",
            {}},
    Command{OpKind::yield,
            "yield",
            {},
            {},
            "Let other tasks run; see 'mneme explore --switch=waits'.",
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
            "Wait until a semaphore or signal is greater than 0, and subtract one from it.",
            "wait ready",
            {}},
    Command{OpKind::mailbox,
            "mailbox",
            name_capacity,
            {},
            "Make a mailbox, a queue that can hold up to CAPACITY blocks.",
            "mailbox rx 4",
            {}},
    Command{OpKind::send,
            "send",
            mailbox_name,
            {},
            "Put a block into a mailbox; wait while it is full. The name may then be used again.",
            "send rx frame",
            {}},
    Command{OpKind::receive,
            "receive",
            mailbox_name,
            {},
            "Take the oldest block out of a mailbox under a new name; wait while there is none.",
            "receive rx frame",
            {}},
    Command{OpKind::choose,
            "choose",
            {},
            {},
            "Begin a choice: one of the blocks of steps up to 'or' or 'end' is carried out.",
            "choose",
            {}},
    Command{OpKind::or_else, "or", {}, {}, "Begin the next block of a choice.", "or", {}},
    Command{OpKind::atomic,
            "atomic",
            {},
            {},
            "Begin a block of steps between which no other task goes on, unless one has to wait.",
            "atomic",
            {}},
};

consteval bool rows_are_in_order_of_kind() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].kind) != i) return false;
  }
  return static_cast<std::size_t>(OpKind::atomic) + 1 == table.size();
}
static_assert(rows_are_in_order_of_kind());

consteval bool places_are_taken_once() {
  std::array<bool, places_max> taken{};
  taken[define_place] = true;
  for (const Command& row : table) {
    if (row.places.empty() != (row.kind <= OpKind::named_heap || is_of_tasks(row.kind)))
      return false;
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

}  // namespace

std::span<const Command> commands() noexcept { return table; }

std::span<const std::string_view> keywords() noexcept { return keyword_list; }

const Command* find_command(std::string_view keyword) noexcept {
  const auto* const found = std::ranges::find_if(table, [&](const Command& row) {
    return row.keyword.size() == keyword.size() && row.keyword.front() == keyword.front() &&
           row.keyword == keyword;
  });
  return found == table.end() ? nullptr : found;
}

const Command& command_of(OpKind kind) noexcept { return table[static_cast<std::size_t>(kind)]; }

}  // namespace mneme::driver
