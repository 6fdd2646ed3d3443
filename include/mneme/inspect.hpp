// purpose: the state of a live heap as values, for a debugger or a shell, and as sentences.
// layer: L2; includes L0, L1, basic_heap, guard.
// threads: any thread, as Heap::stats; no interrupts, as it waits for the queue lock.
// invariants: allocates nothing, and changes nothing but that the unlock reclaims and grants.
#pragma once

#include <array>
#include <cstddef>

#include "basic_heap.hpp"
#include "guard.hpp"
#include "wait_queue.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A request that waits.
struct WaitingRequest {
  const void* request = nullptr;  ///< as a recording identifies it
  std::size_t needed_bytes = 0;   ///< of its block, in one piece; 0: it is for something else
  std::size_t align = 1;          ///< of its payload
  bool is_of_coroutine = false;   ///< a coroutine is suspended for it
};

/// Consecutive bytes of a region, all of them free, or all in live and deferred blocks.
struct Extent {
  std::size_t offset = 0;
  std::size_t size_bytes = 0;
};

/// A heap at one moment. The lists have as many entries as there are, or as fit; a debugger shows
/// them if a program keeps one of these in a variable.
template <std::size_t entries_max = 8>
struct HeapDump {
  template <class T>
  struct List {
    std::array<T, entries_max> entries{};
    std::size_t listed = 0;  ///< of the entries
    std::size_t total = 0;   ///< of all there are

    [[nodiscard]] const T* begin() const noexcept { return entries.data(); }
    [[nodiscard]] const T* end() const noexcept { return entries.data() + listed; }
  };

  Stats stats;
  List<WaitingRequest> waiting;  ///< in the order of the queue
  bool is_locked = false;        ///< then the rest is not known
  std::size_t free_bytes = 0;
  List<Extent> largest_holes;   ///< the largest first
  List<Extent> extents_in_use;  ///< by offset: what is between the holes
};

namespace detail {

/// Puts a hole into its place among the largest.
template <class Holes>
void add_hole(Holes& holes, Extent hole) noexcept {
  ++holes.total;
  std::size_t at = holes.listed;
  if (at == holes.entries.size()) {
    if (at == 0 || holes.entries[at - 1].size_bytes >= hole.size_bytes) return;
    --at;
  } else {
    ++holes.listed;
  }
  for (; at > 0 && holes.entries[at - 1].size_bytes < hole.size_bytes; --at) {
    holes.entries[at] = holes.entries[at - 1];
  }
  holes.entries[at] = hole;
}

template <class List, class T>
void add_entry(List& list, const T& entry) noexcept {
  ++list.total;
  if (list.listed < list.entries.size()) list.entries[list.listed++] = entry;
}

/// Writes the parts of a line, each as soon as it is known.
template <class Put>
struct DumpWriter {
  Put& put;

  DumpWriter& text(const char* words) noexcept {
    std::size_t size = 0;
    while (words[size] != '\0') ++size;
    put(words, size);
    return *this;
  }
  DumpWriter& number(std::size_t value, std::size_t base = 10) noexcept {
    char digits[24];
    std::size_t first = sizeof digits;
    do {
      digits[--first] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    put(digits + first, sizeof digits - first);
    return *this;
  }
  DumpWriter& bytes(std::size_t value) noexcept {
    return number(value).text(value == 1 ? " byte" : " bytes");
  }
};

}  // namespace detail

/// The only part that sees the inside of a heap.
template <class Heap>
class Inspector {
 public:
  template <class Dump>
  static void look(Heap& heap, Dump& dump) noexcept {
    Guard<Heap> guard = heap.try_lock();
    dump.is_locked = !guard;
    dump.stats = guard ? guard.stats() : heap.counters();
    if (guard) look_at_memory(heap, dump);
    heap.with_requests_then_settle([&] {
      heap.requests_.queue().for_each([&](const Waiter& at) noexcept {
        const auto layout = BlockLayout::with_header(at.layout);
        detail::add_entry(dump.waiting,
                          WaitingRequest{.request = &at,
                                         .needed_bytes = layout && !at.is_custom ? layout->size : 0,
                                         .align = at.layout.align,
                                         .is_of_coroutine = static_cast<bool>(at.continuation)});
      });
    });
  }

 private:
  template <class Dump>
  static void look_at_memory(const Heap& heap, Dump& dump) noexcept {
    std::size_t used_from = 0;
    const auto end_use = [&](std::size_t at) {
      if (at > used_from) {
        detail::add_entry(dump.extents_in_use,
                          Extent{.offset = used_from, .size_bytes = at - used_from});
      }
    };
    heap.raw().for_each_hole([&](std::size_t offset, std::size_t size) noexcept {
      end_use(offset);
      used_from = offset + size;
      dump.free_bytes += size;
      detail::add_hole(dump.largest_holes, Extent{.offset = offset, .size_bytes = size});
    });
    end_use(heap.capacity_bytes());
  }
};

/// Returns the state of a heap: which requests wait for how much, what is in use, and the largest
/// holes. If it is locked, only the requests and the counters are known. O(raw heap + requests).
template <std::size_t entries_max = 8, class Heap>
[[nodiscard]] HeapDump<entries_max> inspect(Heap& heap) noexcept {
  HeapDump<entries_max> dump;
  Inspector<Heap>::look(heap, dump);
  return dump;
}

/// Prints a dump by put(text, size), in the sentences of the driver's explanations.
template <std::size_t entries_max, class Put>
void print(const HeapDump<entries_max>& dump, Put put) {
  detail::DumpWriter<Put> out{put};
  const std::size_t largest =
      dump.largest_holes.listed != 0 ? dump.largest_holes.begin()->size_bytes : 0;
  if (dump.is_locked) {
    out.text("  the heap is locked.\n");
  } else {
    out.text("  ")
        .number(dump.free_bytes)
        .text(" of ")
        .bytes(dump.stats.capacity_bytes)
        .text(" are free");
    if (dump.largest_holes.total == 1) out.text(", in one hole");
    if (dump.largest_holes.total > 1) {
      out.text(", in ")
          .number(dump.largest_holes.total)
          .text(" holes; the largest has ")
          .bytes(largest);
    }
    out.text(".\n");
  }
  for (const WaitingRequest& wait : dump.waiting) {
    const bool is_first = &wait == dump.waiting.begin();
    out.text("  request 0x").number(address_of(wait.request), 16);
    if (wait.needed_bytes == 0) {
      out.text(is_first ? " is first and waits for the lock or for several blocks\n"
                        : " waits for the lock or for several blocks\n");
      continue;
    }
    out.text(is_first ? " is first and needs " : " needs ")
        .bytes(wait.needed_bytes)
        .text(" in one piece");
    if (dump.is_locked) {
      out.text("\n");
      continue;
    }
    const char* why = " (would fit, but is not first)\n";
    if (wait.needed_bytes > dump.free_bytes) {
      why = " (exhaustion: not enough is free)\n";
    } else if (is_first || wait.needed_bytes > largest) {
      why = " (fragmentation: enough is free, but not in one piece)\n";
    }
    out.text(why);
  }
  if (dump.waiting.total > dump.waiting.listed) {
    out.text("  and ").number(dump.waiting.total - dump.waiting.listed).text(" more wait\n");
  }
  for (const Extent& used : dump.extents_in_use) {
    out.text("  in use: ").bytes(used.size_bytes).text(" at ").number(used.offset).text("\n");
  }
  for (const Extent& hole : dump.largest_holes) {
    out.text("  hole: ").bytes(hole.size_bytes).text(" at ").number(hole.offset).text("\n");
  }
}

}  // namespace mneme::inline MNEME_SETTINGS
