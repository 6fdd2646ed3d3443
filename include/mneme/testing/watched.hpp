// purpose: a raw heap whose blocks are seen, held back and given back by an exploration.
// layer: testing; includes L0 and L1.
// threads: none; one owner at a time.
// invariants: a block that is held back is taken, for all that the raw heap inside can see.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "../check.hpp"
#include "../header.hpp"
#include "../instrument.hpp"
#include "../layout.hpp"
#include "../raw/block_queries.hpp"
#include "../raw/bounded.hpp"
#include "../raw_heap.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// What an exploration does with a raw heap.
class WatchedRaw {
 public:
  /// Takes back the block that was held back, at the heap's next extend(0).
  void give_back_next(std::byte* block, std::size_t size) noexcept {
    next_ = block;
    next_size_ = size;
  }
  /// Whether that has not happened yet, as the heap is locked.
  [[nodiscard]] bool is_giving_back() const noexcept { return next_ != nullptr; }
  /// By how much the region would have to be longer for a block behind its last one to fit.
  [[nodiscard]] virtual std::size_t missing_at_end(BlockLayout layout) const noexcept = 0;
  /// Whether nothing else of the raw heap depends on where the region ends.
  [[nodiscard]] virtual bool knows_growth(BlockLayout layout) const noexcept = 0;
  /// What tells its states apart besides the layout of its blocks.
  virtual void put_identity(std::vector<std::byte>& bytes) const = 0;
  virtual void put_holes(std::vector<std::size_t>& sizes) const = 0;

  WatchedRaw(const WatchedRaw&) = delete;
  WatchedRaw& operator=(const WatchedRaw&) = delete;

 protected:
  constexpr WatchedRaw() noexcept = default;
  ~WatchedRaw() = default;

  std::byte* next_ = nullptr;
  std::size_t next_size_ = 0;
};

/// Sees the raw heaps that are constructed while it is `active`.
class Watcher {
 public:
  inline static thread_local Watcher* active = nullptr;

  /// A heap begins; returns what stands for it in the other calls.
  virtual std::size_t on_raw_heap(WatchedRaw& raw, const std::byte* base) noexcept = 0;
  /// A request for this block is made or looked at once more; not only when it is tried.
  virtual void on_request(std::size_t heap, BlockLayout layout, bool fits_empty) noexcept = 0;
  /// Whether an allocation may be tried now.
  [[nodiscard]] virtual bool admits(std::size_t heap) noexcept = 0;
  /// What came of it: nullptr if there was no room.
  virtual void on_allocate(std::size_t heap, BlockLayout layout, std::byte* block) noexcept = 0;
  /// Whether a block that is freed is to stay until it is given back.
  [[nodiscard]] virtual bool holds_back(std::size_t heap, std::byte* block,
                                        std::size_t size) noexcept = 0;

  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 protected:
  Watcher() = default;
  ~Watcher() = default;
};

/// Calls put(place, bytes) for what tells the states of a bounded heap apart besides its layout:
/// the lists and trees of its holes. Their order is in the words that a hole has for them.
template <class Raw, class Put>
void put_bounded(const Raw& raw, Put put) {
  constexpr std::size_t listed_words = 2;
  constexpr std::size_t tree_words = 4;
  constexpr std::size_t in_tree_from = 8 * sizeof(std::size_t);  // words
  put(&raw, sizeof raw);
  raw.for_each_hole([&](std::size_t at, std::size_t size) {
    if (at + size == raw.capacity_bytes()) return;  // the top, which no list has
    const std::size_t words = size / word_bytes;
    const std::size_t used = words >= in_tree_from ? tree_words : words > 1 ? listed_words : 1;
    const instrument::ScopedUnpoison window(raw.base() + at, used * word_bytes);
    put(raw.base() + at, used * word_bytes);
  });
}

/// Decorates a raw heap. Without a watcher it is that heap.
template <RawHeap Inner>
class Watched final : public Inner, public WatchedRaw {  // NOLINT(misc-multiple-inheritance)
 public:
  constexpr Watched() noexcept = default;
  explicit Watched(std::span<std::byte> region) noexcept
      : Inner(region), watcher_(Watcher::active) {
    if (watcher_ != nullptr) heap_ = watcher_->on_raw_heap(*this, Inner::base());
  }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    if (watcher_ == nullptr) return Inner::allocate(layout, header);
    if (!watcher_->admits(heap_)) return nullptr;
    std::byte* const block = Inner::allocate(layout, header);
    watcher_->on_allocate(heap_, layout, block);
    return block;
  }

  /// A block that is held back has the bit header::deferred, so that a second free is detected.
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    if (watcher_ == nullptr) return Inner::deallocate(block, size);
    const Inner& inner = *this;
    if (!accepts(inner, block, size)) return 0;
    if (!watcher_->holds_back(heap_, block, size)) return Inner::deallocate(block, size);
    if constexpr (checks_enabled) (void)header::set(block, header::deferred);
    instrument::poison_free(block, size);
    return Inner::capacity_bytes();
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    const bool fits = Inner::fits_empty(layout);
    if (watcher_ != nullptr) watcher_->on_request(heap_, layout, fits);
    return fits;
  }

  /// By 0 bytes: gives back what give_back_next() names, and lets the heap look at its requests.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    if (bytes == 0 && watcher_ != nullptr) {
      if (next_ != nullptr) {
        if constexpr (checks_enabled) header::clear(next_, header::deferred);
        (void)Inner::deallocate(next_, next_size_);
        next_ = nullptr;
      }
      return true;
    }
    if constexpr (requires(Inner& inner) { inner.extend(bytes); }) return Inner::extend(bytes);
    return false;
  }

  // The fast paths would not be seen.
  void allocate_quickly() = delete;
  void deallocate_quickly() = delete;

  [[nodiscard]] std::size_t missing_at_end(BlockLayout layout) const noexcept override {
    const std::size_t capacity = Inner::capacity_bytes();
    std::size_t end = capacity;
    Inner::for_each_hole([&](std::size_t at, std::size_t size) {
      if (at + size == capacity) end = at;
    });
    const std::size_t padding = layout.padding_at(address_of(Inner::base()) + end);
    const std::size_t room = capacity - end;
    return padding + layout.size > room ? padding + layout.size - room : 0;
  }

  [[nodiscard]] bool knows_growth(BlockLayout layout) const noexcept override {
    return !std::is_same_v<Inner, Bounded> || layout.align <= 2 * word_bytes;
  }

  /// First fit looks at the layout alone.
  void put_identity(std::vector<std::byte>& bytes) const override {
    if constexpr (std::is_same_v<Inner, Bounded>) {
      const Inner& inner = *this;
      put_bounded(inner, [&](const void* from, std::size_t count) {
        const auto* const first = static_cast<const std::byte*>(from);
        bytes.insert(bytes.end(), first, first + count);
      });
    }
  }

  void put_holes(std::vector<std::size_t>& sizes) const override {
    Inner::for_each_hole([&](std::size_t /*at*/, std::size_t size) { sizes.push_back(size); });
  }

 private:
  Watcher* watcher_ = nullptr;
  std::size_t heap_ = 0;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
