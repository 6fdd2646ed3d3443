// purpose: a raw heap that detects writes to freed blocks by delaying their reuse.
// layer: L1; includes L0, raw_heap and block_queries.
// threads: none; one owner at a time.
// invariants: an allocation fails only if it would fail without the quarantine (P1, P9).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "../check.hpp"
#include "../header.hpp"
#include "../instrument.hpp"
#include "../layout.hpp"
#include "../raw_heap.hpp"
#include "block_queries.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Decorates a raw heap: the last `blocks` freed blocks are filled with a pattern, count as free,
/// but are not reused yet. When a block leaves the quarantine, the pattern must be unchanged. Until
/// then its header has the bit header::deferred, so that a second free is detected.
///
/// An allocation that finds no room ends the quarantine and tries again; so do a resize, and all
/// functions about holes. deallocate is O(size of the block).
template <RawHeap Inner, std::size_t blocks>
class Quarantining {
 public:
  static constexpr const char* name = Inner::name;
  static constexpr bool is_quarantining = true;
  static constexpr std::size_t min_region_bytes = Inner::min_region_bytes;

  constexpr Quarantining() noexcept = default;
  template <class... Regions>
  explicit Quarantining(std::span<std::byte> region, Regions... regions) noexcept
      : inner_(region, regions...) {}
  ~Quarantining() { end_quarantine(); }
  Quarantining(const Quarantining&) = delete;
  Quarantining& operator=(const Quarantining&) = delete;

  [[nodiscard]] static constexpr bool is_exact(BlockLayout layout) noexcept {
    return Inner::is_exact(layout);
  }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    std::byte* const block = inner_.allocate(layout, header);
    if (block != nullptr || held_bytes_ == 0) return block;
    end_quarantine();
    return inner_.allocate(layout, header);
  }

  /// Returns the capacity, as the block's hole is not known before it leaves the quarantine.
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    if (is_held(block, size) || !accepts(inner_, block, size)) return 0;
    let_go(oldest_);
    const std::size_t header = header::set(block, header::deferred) | header::deferred;
    held_[oldest_] = {.block = block, .size = size, .header = header};
    held_bytes_ += taken_bytes(block, size);
    oldest_ = (oldest_ + 1) % blocks;
    {
      const instrument::ScopedUnpoison window(block + word_bytes, size - word_bytes);
      __builtin_memset(block + word_bytes, fill, size - word_bytes);
    }
    instrument::poison_free(block, size);
    return capacity_bytes();
  }

  /// As blocks of the quarantine are no holes, it may grow a block that would be moved without it.
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    if (inner_.resize(block, old_size, wanted)) return true;
    if (held_bytes_ == 0) return false;
    end_quarantine();
    return inner_.resize(block, old_size, wanted);
  }

  [[nodiscard]] bool extend(std::size_t bytes) noexcept
    requires requires(Inner& inner) { inner.extend(bytes); }
  {
    return inner_.extend(bytes);
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return inner_.fits_empty(layout);
  }
  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    for (const Held& held : held_) {
      if (address_of(base()) + offset - address_of(held.block) < held.size) return true;
    }
    return inner_.is_free(offset);
  }

  /// Events go to the raw heap inside.
  template <class... What>
  void on_event(Event event, What... what) const noexcept {
    report_event(inner_, event, what...);
  }
  [[nodiscard]] const Inner& inner() const noexcept { return inner_; }
  [[nodiscard]] std::size_t taken_bytes(const std::byte* block, std::size_t size) const noexcept {
    return mneme::taken_bytes(inner_, block, size);
  }
  [[nodiscard]] bool fits_beside(const std::byte* block, BlockLayout wanted) const noexcept {
    return mneme::fits_beside(inner_, block, wanted);
  }

  /// Makes holes of all blocks of the quarantine.
  void end_quarantine() const noexcept {
    for (std::size_t index = 0; index < blocks; ++index) let_go(index);
  }

  [[nodiscard]] std::byte* base() const noexcept { return inner_.base(); }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return inner_.capacity_bytes(); }
  [[nodiscard]] std::size_t extent_bytes() const noexcept { return mneme::extent_bytes(inner_); }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return inner_.free_bytes() + held_bytes_;
  }

  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    end_quarantine();
    return inner_.largest_hole_bytes();
  }
  template <class F>
  void for_each_hole(F each) const noexcept {
    end_quarantine();
    inner_.for_each_hole(each);
  }
  [[nodiscard]] const char* validate() const noexcept {
    end_quarantine();
    return inner_.validate();
  }

 private:
  struct Held {
    std::byte* block = nullptr;
    std::size_t size = 0;
    std::size_t header = 0;  // the inner heap may change its bit hole_before
  };
  static constexpr unsigned char fill = 0xD7;

  // Whether any byte of the block is in the quarantine.
  [[nodiscard]] bool is_held(const std::byte* block, std::size_t size) const noexcept {
    for (const Held& held : held_) {
      if (address_of(block) < address_of(held.block) + held.size &&
          address_of(held.block) < address_of(block) + size)
        return true;
    }
    return false;
  }
  void let_go(std::size_t index) const noexcept {
    Held& held = held_[index];
    if (held.block == nullptr) return;
    check_fill(held);
    header::clear(held.block, header::deferred);
    fatal_unless(inner_.deallocate(held.block, held.size) != 0,
                 "the memory beside a block of the quarantine was written");
    held_bytes_ -= taken_bytes(held.block, held.size);
    held = {};
  }
  void check_fill(const Held& held) const noexcept {
    if (((header::load(held.block) ^ held.header) & ~header::hole_before) != 0) {
      report(held, 0);
    }
    const instrument::ScopedUnpoison window(held.block, held.size);
    for (std::size_t at = word_bytes; at < held.size; ++at) {
      unsigned char byte = 0;
      __builtin_memcpy(&byte, held.block + at, 1);
      instrument::mark_initialised(&byte, 1);
      if (byte != fill) [[unlikely]]
        report(held, at);
    }
  }
  // The line gives the payload's offset in its region.
  [[noreturn, gnu::noinline, gnu::cold]] void report(const Held& held,
                                                     std::size_t at) const noexcept {
    FatalLine line;
    line.text("write after free of the block at ")
        .number(address_of(held.block) - address_of(base()) + word_bytes);
    if (at < word_bytes) line.text(": its header was written").stop();
    line.text(": byte ").number(at - word_bytes).text(" of it was written").stop();
  }

  // Mutable, as const members may end the quarantine, which changes no result.
  mutable Inner inner_;
  mutable std::array<Held, blocks> held_{};
  mutable std::size_t held_bytes_ = 0;
  std::size_t oldest_ = 0;
};

}  // namespace mneme::inline MNEME_SETTINGS
