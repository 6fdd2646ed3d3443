// purpose: allocates and frees blocks of the raw heap, with their headers, checks and statistics.
// layer: L1; includes L0, raw_heap, node, registry and misuse.
// threads: the owner of the heap; members that any thread may call say so.
// invariants: P9, P10 (one header per block), P12 (a block is checked before it is returned).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <type_traits>

#include "check.hpp"
#include "error.hpp"
#include "layout.hpp"
#include "misuse.hpp"
#include "node.hpp"
#include "raw_heap.hpp"
#include "registry.hpp"
#include "stats.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// The blocks of one raw heap, without locks and queues: the lowest part of a heap.
template <RawHeap Raw>
class LiveBlocks : public std::conditional_t<checks_enabled, HeapRecord, NoRecord> {
 protected:
  /// A heap without memory until init().
  constexpr LiveBlocks() noexcept = default;
  /// A raw heap with two regions is given both.
  template <class... Regions>
  explicit LiveBlocks(std::span<std::byte> region, Regions... regions) noexcept
      : raw_(region, regions...) {
    enlist(*this);
  }

  /// Gives a heap without memory its region. No other thread may use the heap yet.
  template <class... Regions>
  void init(std::span<std::byte> region, Regions... regions) noexcept {
    fatal_unless(raw_.capacity_bytes() == 0, "init of a heap that has its region");
    raw_.~Raw();
    (void)node::begin_object<Raw>(&raw_, region, regions...);
    enlist(*this);
  }

  /// The block for a layout; or the error, if not even the empty heap could hold it (P6). Any
  /// thread.
  [[nodiscard]] std::expected<BlockLayout, AllocError> check_layout(Layout layout) const noexcept {
    const auto block_layout = BlockLayout::with_header(layout);
    if (block_layout && !raw_.fits_empty(*block_layout)) {
      return std::unexpected(AllocError::too_large);
    }
    return block_layout;
  }

  /// The payload of a new live block, or nullptr if the raw heap has no room.
  [[nodiscard]] MNEME_HOT void* take(BlockLayout block_layout, std::size_t payload_size) noexcept {
    return begin_live(raw_.allocate(block_layout, header_for(block_layout.size)), block_layout,
                      payload_size);
  }
  /// The same by the raw heap's fast path; nullptr if that does not apply now.
  [[nodiscard]] void* take_quickly(BlockLayout block_layout, std::size_t payload_size) noexcept {
    return begin_live(allocate_quickly(raw_, block_layout, header_for(block_layout.size)),
                      block_layout, payload_size);
  }
  /// As take(), for requests that wait, which each free tries again. If there is no room, it notes
  /// the layout; later calls for as much or more then fail without a search, until a hole comes
  /// about that may be large enough, or give_quickly() returns a block.
  [[nodiscard, gnu::noinline]] void* take_or_note(BlockLayout block_layout,
                                                  std::size_t payload_size) noexcept {
    if (block_layout.size > largest_new_hole_ && block_layout.size >= failed_.size &&
        block_layout.align >= failed_.align) {
      return nullptr;
    }
    void* payload = take_quickly(block_layout, payload_size);
    if (payload == nullptr) payload = take(block_layout, payload_size);
    if (payload == nullptr) {
      failed_ = block_layout;
      largest_new_hole_ = 0;
    }
    return payload;
  }

  /// Returns a block to the raw heap, after end_live or load_freed. Checked builds stop the program
  /// if it is no block.
  MNEME_HOT void give(std::byte* block, std::size_t size) noexcept {
    const std::size_t hole = raw_.deallocate(block, size);
    if (checks_enabled && hole == 0) [[unlikely]]
      report_refused(*this, block, size);
    note_hole(hole);
  }
  /// The same by the raw heap's fast path; false, and nothing has happened, if that does not apply
  /// now.
  [[nodiscard]] bool give_quickly(std::byte* block, std::size_t size) noexcept {
    if (!deallocate_quickly(raw_, block, size)) return false;
    largest_new_hole_ = SIZE_MAX;
    counters_.set(Count::used_bytes, used_bytes());
    return true;
  }

  /// Makes a block longer or shorter in place. False, and nothing has changed, if that is
  /// impossible.
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    if (!raw_.resize(block, old_size, wanted)) return false;
    header::store(block, header_for(wanted.size) | (header::load(block) & header::hole_before));
    if (wanted.size < old_size) largest_new_hole_ = SIZE_MAX;
    note_use();
    return true;
  }

  /// Adds memory behind the region, if the raw heap can have it.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    if (!raw_.extend(bytes)) return false;
    largest_new_hole_ = SIZE_MAX;
    set_extent(*this);
    return true;
  }

  /// The header of a live block of `size` bytes. Any thread.
  [[nodiscard]] std::size_t header_for(std::size_t size) const noexcept {
    return this->anchor() | header::size_tag(size);
  }

  Raw raw_;
  [[no_unique_address]] CounterSet counters_;

 private:
  [[nodiscard]] MNEME_HOT void* begin_live(std::byte* block, BlockLayout block_layout,
                                           std::size_t payload_size) noexcept {
    if (block == nullptr) return nullptr;
    note_use();
    counters_.increment(Count::grants);
    counters_.add(Count::asked_bytes, payload_size);
    counters_.raise(Count::largest_request_bytes, payload_size);
    return node::make_live(block, block_layout.size, payload_size);
  }

  /// Called when a hole of this size was made, or grew to this size.
  void note_hole(std::size_t hole) noexcept {
    if (hole > largest_new_hole_) [[unlikely]]
      largest_new_hole_ = hole;
    counters_.set(Count::used_bytes, used_bytes());
  }

  void note_use() noexcept {
    counters_.set(Count::used_bytes, used_bytes());
    counters_.raise(Count::peak_bytes, used_bytes());
  }
  [[nodiscard]] std::size_t used_bytes() const noexcept {
    return Stats::enabled ? raw_.capacity_bytes() - raw_.free_bytes() : 0;
  }

  // Templates, so that they compile in unchecked builds, whose heaps have no record.
  template <class Self>
  static void enlist(Self& self) noexcept {
    if constexpr (checks_enabled) {
      self.identify(self.raw_.base(), extent_bytes(self.raw_));
      self.is_free = [](const HeapRecord& record, std::size_t offset) noexcept MNEME_NONBLOCKING {
        return static_cast<const Self&>(record).raw_.is_free(offset);
      };
      registry.add(&self);
      fatal_unless(!is_hardened || registry.is_complete(),
                   "more than 128 heaps at MNEME_CHECKED=2");
      set_extent(self);
    }
  }
  template <class Self>
  static void set_extent(Self& self) noexcept {
    if constexpr (checks_enabled) {
      self.size_bytes = extent_bytes(self.raw_);
      const auto collides = [&](const HeapRecord* other) {
        return other != &self && self.collides_with(*other);
      };
      fatal_unless(registry.find(collides) == nullptr, "heap over a region that another heap has");
    }
  }
  template <class Self>
  [[noreturn, gnu::noinline, gnu::cold]] static void report_refused(const Self& self,
                                                                    const std::byte* block,
                                                                    std::size_t size) noexcept {
    if constexpr (checks_enabled) {
      const auto offset = static_cast<std::size_t>(block - self.raw_.base());
      misuse::report_refused(self, block, size, self.raw_.is_free(offset));
    }
    __builtin_unreachable();
  }

  // The layout of the last failed search by take_or_note, and the largest hole that was made or
  // grew since then; SIZE_MAX: unknown.
  BlockLayout failed_{};
  std::size_t largest_new_hole_ = SIZE_MAX;
};

}  // namespace mneme::inline MNEME_SETTINGS
