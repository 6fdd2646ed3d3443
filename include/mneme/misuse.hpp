// purpose: diagnose a wrong pointer or layout at a free, and stop with one exact line (P12).
// layer: L1; includes L0, node and registry.
// threads: any, interrupts too.
// invariants: only checked builds report; every report ends the program.
#pragma once

#include <cstddef>

#include "check.hpp"
#include "layout.hpp"
#include "node.hpp"
#include "registry.hpp"

#if __STDC_HOSTED__ && defined(__ELF__)
// The linker defines these: the first byte of the program or shared object, and the end of it.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
[[gnu::visibility("hidden")]] extern const char __ehdr_start[];
[[gnu::visibility("hidden")]] extern const char _end[];
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}
#endif

namespace mneme::inline MNEME_SETTINGS::misuse {

/// Whether an object has static storage duration, as far as that can be known: in a hosted ELF
/// program, whether it lies inside the program or shared object that contains this code. Always
/// false on other targets, where programs do not end.
[[nodiscard]] inline bool is_static([[maybe_unused]] const void* object) noexcept {
#if __STDC_HOSTED__ && defined(__ELF__)
  const std::size_t size = address_of(_end) - address_of(__ehdr_start);
  return address_of(object) - address_of(__ehdr_start) < size;
#else
  return false;
#endif
}

/// Stops the program: `payload` was freed to `heap` as the payload of a block of `block_size` bytes
/// (0: an impossible layout), but there is no such block. `is_free(offset)` returns whether the
/// byte at an offset of the region is in a hole. The line gives the payload's offset in its region.
template <class IsFree>
[[noreturn, gnu::noinline, gnu::cold]] void report(const HeapRecord& heap, const void* payload,
                                                   std::size_t block_size,
                                                   IsFree is_free) noexcept {
  const std::size_t offset = address_of(payload) - address_of(heap.base);
  FatalLine line;
  if (offset < sizeof(node::LiveNode) || offset + word_bytes > heap.size_bytes) {
    line.text("foreign pointer: not in this heap's region").stop();
  }
  if (offset % word_bytes != 0) {
    line.text("foreign pointer: no block begins at ").number(offset).stop();
  }
  const std::size_t header = header::load(heap.base + offset - sizeof(node::LiveNode));
  const bool leads_here = header::same_heap(header, heap.anchor());
  if (is_free(offset - sizeof(node::LiveNode)) || (leads_here && (header & header::hole) != 0)) {
    line.text("double free of the block at ").number(offset).stop();
  }
  if (!leads_here) line.text("smashed header of the block at ").number(offset).stop();
  if ((header & header::deferred) != 0) {
    line.text("double free of the deferred block at ").number(offset).stop();
  }
  line.text("wrong layout for the block at ").number(offset);
  if (block_size != 0) {
    line.text(": freed as ").number(block_size).text(" bytes with its header");
  }
  line.stop();
}

/// Stops the program: the slack behind a payload was written.
[[noreturn, gnu::noinline, gnu::cold]] inline void report_overflow(
    const HeapRecord& heap, const void* payload, std::size_t payload_size) noexcept {
  FatalLine{}
      .text("overflow of the block at ")
      .number(address_of(payload) - address_of(heap.base))
      .text(": freed as ")
      .number(payload_size)
      .text(" bytes, and what is behind them was written")
      .stop();
}

/// Stops the program: the raw heap refused to take back a block although its header is right.
/// `is_free`: whether the block begins in a hole.
[[noreturn, gnu::noinline, gnu::cold]] inline void report_refused(const HeapRecord& heap,
                                                                  const std::byte* block,
                                                                  std::size_t block_size,
                                                                  bool is_free) noexcept {
  const std::size_t offset = address_of(block) - address_of(heap.base);
  FatalLine line;
  line.text(is_free       ? "double free of"
            : is_hardened ? "overflow or wrong layout of"
                          : "wrong layout for");
  line.text(" the block at ").number(offset + sizeof(node::LiveNode));
  line.text(": freed as ").number(block_size).text(" bytes with its header").stop();
}

/// Stops the program: the deferred block with its payload at `offset` was written.
[[noreturn, gnu::noinline, gnu::cold]] inline void report_smashed(std::size_t offset) noexcept {
  FatalLine{}
      .text("smashed deferred block at ")
      .number(offset)
      .text(": freed memory was written")
      .stop();
}

/// Stops the program if the contents of a deferred block of `heap`, read from `freed`, are
/// impossible.
inline void check_deferred(const HeapRecord& heap, node::FreedNode* freed,
                           node::Freed read) noexcept {
  const std::byte* const block = node::block_of_freed(freed);
  const std::size_t offset = address_of(block) - address_of(heap.base);
  const std::size_t link = address_of(read.link) - address_of(heap.base) - sizeof(node::LiveNode);
  const bool good_size = read.size % word_bytes == 0 && read.size >= sizeof(node::Node) &&
                         read.size <= heap.size_bytes - offset;
  const bool good_link = read.link == nullptr ||
                         (link <= heap.size_bytes - sizeof(node::Node) && link % word_bytes == 0);
  const std::size_t expected = heap.anchor() | header::deferred | header::size_tag(read.size);
  if (!good_size || !good_link || (header::load(block) & ~header::hole_before) != expected)
      [[unlikely]]
    report_smashed(offset + sizeof(node::LiveNode));
}

/// Stops the program: the header of the block leads to no heap.
[[noreturn, gnu::noinline, gnu::cold]] inline void report_unknown(const void* payload) noexcept {
  const HeapRecord* const around =
      registry.find([&](const HeapRecord* heap) { return heap->has_place(payload); });
  if (around == nullptr) FatalLine{}.text("foreign pointer: not in any heap's region").stop();
  report(*around, payload, 0,
         [&](std::size_t at) noexcept { return around->is_free(*around, at); });
}

/// Stops the program: the block is free or deferred, according to its header.
[[noreturn, gnu::noinline, gnu::cold]] inline void report_again(const HeapRecord& heap,
                                                                const void* payload) noexcept {
  report(heap, payload, 0, [](std::size_t) noexcept { return false; });
}

/// The heap to which `payload` belongs, according to its block's header. Stops the program if the
/// header leads to no heap, or if the block is free.
[[nodiscard]] inline const HeapRecord* record_of(const void* payload) noexcept {
  const std::size_t header = header::load(node::block_of(payload));
  // On 32 bits, the headers of two heaps may look the same in a hardened build.
  const HeapRecord* known = registry.find([&](const HeapRecord* heap) {
    return header::same_heap(header, heap->anchor()) && (!is_hardened || heap->has_place(payload));
  });
  if (known == nullptr && (is_hardened || registry.is_complete())) report_unknown(payload);
  // The registry is full: the header is followed unverified, and free() then checks the block.
  if (!is_hardened && known == nullptr) {
    known = *node::object_at<const HeapRecord*>(header::load_address(node::block_of(payload)));
  }
  if ((header & (header::hole | header::deferred)) != 0) [[unlikely]]
    report_again(*known, payload);
  return known;
}

/// The same as the heap itself. Unchecked builds believe the header.
template <class Heap>
[[nodiscard]] Heap* heap_of(void* payload) noexcept {
  if constexpr (checks_enabled) {
    return node::object_at<Heap>(record_of(payload));
  } else {
    return node::object_at<Heap>(header::load_address(node::block_of(payload)));
  }
}

}  // namespace mneme::inline MNEME_SETTINGS::misuse
