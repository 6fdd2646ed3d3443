// purpose: find out what is wrong with a pointer that came back, and say it in one line (P12).
// room: L1; includes L0, node and registry.
// threads: any, interrupts too; every path ends the program.
// invariants: only checked builds come here.
#pragma once

#include <cstddef>

#include "check.hpp"
#include "layout.hpp"
#include "node.hpp"
#include "registry.hpp"

namespace mneme::misuse {

/// Stops: `payload` came back to `heap` as a block of `block_size` bytes (0: impossible layout),
/// and is none. `is_free` says that its first byte lies in a hole. Lines give the payload's offset
/// in its region.
[[noreturn]] inline void report(const HeapIdentity* heap, void* payload, std::size_t block_size,
                                bool is_free) noexcept {
  const std::size_t offset = address_of(payload) - address_of(heap->base);
  FatalLine line;
  if (offset < sizeof(node::LiveNode) || offset > heap->size_bytes - word_bytes) {
    line.text("foreign pointer: not in this heap's region").stop();
  }
  if (offset % word_bytes != 0)
    line.text("foreign pointer: no block begins at ").number(offset).stop();
  const std::byte* const block = node::block_of(payload);
  const std::size_t mark = address_of(node::home_of(block)) - address_of(heap);
  const bool marked_live = mark > 0 && mark < node::freed_mark;
  if (is_free || mark == node::freed_mark)
    line.text("double free of the block at ").number(offset).stop();
  if (marked_live && mark != node::mark_for(block_size)) {
    line.text("wrong layout for the block at ").number(offset);
    if (block_size != 0) line.text(": freed as ").number(block_size).text(" bytes with its header");
    line.stop();
  }
  if (node::looks_freed(block, heap->size_bytes)) {
    line.text("double free of the deferred block at ").number(offset).stop();
  }
  line.text("smashed header of the block at ").number(offset).stop();
}

/// The heap that the block of `payload` came from. Fatal, in checked builds, if its header leads to
/// none.
template <class Heap>
[[nodiscard]] Heap* heap_of(void* payload) noexcept {
  std::byte* const home = node::home_base(node::block_of(payload));
  if constexpr (checked) {
    const auto leads_there = [&](const HeapIdentity* heap) {
      return address_of(heap) == address_of(home);
    };
    if (registry.find(leads_there) == nullptr && registry.knows_all()) {
      const HeapIdentity* const around = registry.find([&](const HeapIdentity* heap) {
        return address_of(payload) - address_of(heap->base) < heap->size_bytes;
      });
      if (around == nullptr) FatalLine{}.text("foreign pointer: not in any heap's region").stop();
      report(around, payload, 0, false);
    }
  }
  return node::as<Heap>(home);
}

}  // namespace mneme::misuse
