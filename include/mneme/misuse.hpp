// purpose: diagnose a bad pointer at a free, and stop with one exact line (P12).
// layer: L1; includes L0, node and registry.
// threads: any, interrupts too; every path ends the program.
// invariants: only checked builds come here.
#pragma once

#include <cstddef>

#include "check.hpp"
#include "layout.hpp"
#include "node.hpp"
#include "registry.hpp"

namespace mneme::inline MNEME_SETTINGS::misuse {

/// Stops: `payload` was freed to `heap` as a block of `block_size` bytes (0: impossible layout),
/// and is not one. Lines give the payload's offset in its region.
[[noreturn]] inline void report(const HeapRecord& heap, void* payload,
                                std::size_t block_size) noexcept {
  const std::size_t offset = address_of(payload) - address_of(heap.base);
  FatalLine line;
  if (offset < sizeof(node::LiveNode) || offset + word_bytes > heap.size_bytes) {
    line.text("foreign pointer: not in this heap's region").stop();
  }
  if (offset % word_bytes != 0) {
    line.text("foreign pointer: no block begins at ").number(offset).stop();
  }
  const std::byte* const block = node::block_of(payload);
  const std::size_t mark = address_of(node::read_tagged_heap(block)) - address_of(&heap);
  const bool is_live = mark > 0 && mark < node::freed_tag;
  if (heap.is_free(heap, offset - sizeof(node::LiveNode)) || mark == node::freed_tag) {
    line.text("double free of the block at ").number(offset).stop();
  }
  if (!is_live && node::looks_freed(block, heap.size_bytes)) {
    line.text("double free of the deferred block at ").number(offset).stop();
  }
  if (!is_live) line.text("smashed header of the block at ").number(offset).stop();
  line.text("wrong layout for the block at ").number(offset);
  if (block_size != 0) {
    line.text(": freed as ").number(block_size).text(" bytes with its header");
  }
  line.stop();
}

/// Stops: the raw heap did not take back a block whose header was good.
[[noreturn]] inline void report_refused(const HeapRecord& heap, const std::byte* block,
                                        std::size_t block_size) noexcept {
  const std::size_t offset = address_of(block) - address_of(heap.base);
  FatalLine line;
  line.text(heap.is_free(heap, offset) ? "double free of" : "wrong layout for");
  line.text(" the block at ").number(offset + sizeof(node::LiveNode));
  line.text(": freed as ").number(block_size).text(" bytes with its header").stop();
}

/// Stops unless `node`, read from the deferred block at `freed`, can belong to `heap`.
inline void check_deferred(const HeapRecord& heap, node::FreedNode* freed,
                           node::FreedNode node) noexcept {
  const std::size_t offset = address_of(freed) - address_of(heap.base);
  const std::size_t link = address_of(node.link) - address_of(heap.base);
  const bool good_size = (node.tagged_size & 1) != 0 && node.size_bytes() % word_bytes == 0 &&
                         node.size_bytes() >= 2 * word_bytes &&
                         node.size_bytes() <= heap.size_bytes - offset;
  const bool good_link = node.link == nullptr ||
                         (link <= heap.size_bytes - sizeof(node::Node) && link % word_bytes == 0);
  if (good_size && good_link) return;
  FatalLine{}
      .text("smashed deferred block at ")
      .number(offset + sizeof(node::LiveNode))
      .text(": freed memory was written")
      .stop();
}

/// The heap that the block of `payload` came from. In checked builds fatal if its header leads to
/// no heap, or has the tag of a freed block.
template <class Heap>
[[nodiscard]] Heap* heap_of(void* payload) noexcept {
  std::byte* const home = node::heap_address(node::block_of(payload));
  if constexpr (checks_enabled) {
    const auto leads_there = [&](const HeapRecord* heap) {
      return address_of(heap) == address_of(home);
    };
    const HeapRecord* const known = registry.find(leads_there);
    if (known == nullptr && registry.is_complete()) {
      const HeapRecord* const around = registry.find([&](const HeapRecord* heap) {
        return address_of(payload) - address_of(heap->base) < heap->size_bytes;
      });
      if (around == nullptr) FatalLine{}.text("foreign pointer: not in any heap's region").stop();
      report(*around, payload, 0);
    }
    const std::size_t mark =
        address_of(node::read_tagged_heap(node::block_of(payload))) % node::tag_space;
    if (known != nullptr && mark == node::freed_tag) report(*known, payload, 0);
  }
  return node::as<Heap>(home);
}

}  // namespace mneme::inline MNEME_SETTINGS::misuse
