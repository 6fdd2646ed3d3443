// purpose: a raw heap of another kind, so that what all must do alike shows where one does not.
// layer: raws; includes L0 and the standard library.
// threads: none; one owner at a time.
// invariants: its holes are kept in a map of its own; the region is never touched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <mneme/header.hpp>
#include <mneme/layout.hpp>
#include <span>

namespace mneme {

/// Takes the smallest hole that a block fits into. As simple as it can be, and not fast.
class BestFit {
 public:
  static constexpr const char* name = "best-fit";
  static constexpr std::size_t min_region_bytes = 2 * word_bytes;

  explicit BestFit(std::span<std::byte> region) noexcept {
    const std::size_t skew = BlockLayout{}.padding_at(address_of(region.data()));
    if (region.size() < skew + min_region_bytes) return;
    base_ = region.data() + skew;
    capacity_ = (region.size() - skew) / word_bytes * word_bytes;
    holes_[0] = capacity_;
  }

  [[nodiscard]] static constexpr bool is_exact(BlockLayout /*layout*/) noexcept { return true; }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    auto best = holes_.end();
    for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
      if (fits(layout, *hole) && (best == holes_.end() || hole->second < best->second)) best = hole;
    }
    if (best == holes_.end()) return nullptr;
    const std::size_t at = best->first + padding(layout, best->first);
    take(best, at, layout.size);
    header::store(base_ + at, header);
    return base_ + at;
  }

  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    const std::size_t at = address_of(block) - address_of(base_);  // wrapped, it is huge
    if (at > capacity_ || size > capacity_ - at) return 0;
    auto behind = holes_.lower_bound(at);
    if (behind != holes_.end() && behind->first < at + size) return 0;
    auto hole = holes_.end();
    if (behind != holes_.begin()) {
      const auto front = std::prev(behind);
      if (front->first + front->second > at) return 0;
      if (front->first + front->second == at) hole = front;
    }
    if (hole == holes_.end()) hole = holes_.emplace_hint(behind, at, 0);
    hole->second += size;
    if (behind != holes_.end() && behind->first == at + size) {
      hole->second += behind->second;
      holes_.erase(behind);
    }
    return hole->second;
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    if (wanted.size < old_size) return deallocate(block + wanted.size, old_size - wanted.size) != 0;
    if (wanted.size == old_size) return true;
    const auto behind = holes_.find(static_cast<std::size_t>(block - base_) + old_size);
    if (behind == holes_.end() || behind->second < wanted.size - old_size) return false;
    const bool is_at_end = behind->first + behind->second == capacity_;
    const auto takes_all = [&](const auto& hole) { return fits(wanted, hole); };
    if (is_at_end && std::any_of(holes_.begin(), behind, takes_all)) return false;
    take(behind, behind->first, wanted.size - old_size);
    return true;
  }

  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    const std::size_t more = bytes / word_bytes * word_bytes;
    if (capacity_ == 0 || more > SIZE_MAX - address_of(base_) - capacity_) return false;
    if (more == 0) return true;
    const bool merges =
        !holes_.empty() &&
        std::prev(holes_.end())->first + std::prev(holes_.end())->second == capacity_;
    if (!merges) holes_[capacity_] = 0;
    std::prev(holes_.end())->second += more;
    capacity_ += more;
    return true;
  }

  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return layout.size <= capacity_ && padding(layout, 0) <= capacity_ - layout.size;
  }
  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    const auto behind = holes_.upper_bound(offset);
    return behind != holes_.begin() &&
           offset - std::prev(behind)->first < std::prev(behind)->second;
  }

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& [offset, size] : holes_) sum += size;
    return sum;
  }
  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    std::size_t largest = 0;
    for (const auto& [offset, size] : holes_) largest = size > largest ? size : largest;
    return largest;
  }
  /// The map has no invariant that a walk could find broken; tests compare it with a model.
  [[nodiscard]] const char* validate() const noexcept { return nullptr; }
  template <class F>
  void for_each_hole(F each) const noexcept {
    for (const auto& [offset, size] : holes_) each(offset, size);
  }

 private:
  using Holes = std::map<std::size_t, std::size_t>;  // offset: size

  [[nodiscard]] std::size_t padding(BlockLayout layout, std::size_t at) const noexcept {
    return layout.padding_at(address_of(base_) + at);
  }

  [[nodiscard]] bool fits(BlockLayout layout, const Holes::value_type& hole) const noexcept {
    return layout.size <= hole.second && padding(layout, hole.first) <= hole.second - layout.size;
  }

  /// Takes [at, at + size) out of a hole.
  void take(Holes::iterator hole, std::size_t at, std::size_t size) noexcept {
    const std::size_t end = hole->first + hole->second;
    hole->second = at - hole->first;
    if (hole->second == 0) holes_.erase(hole);
    if (at + size < end) holes_[at + size] = end - at - size;
  }

  std::byte* base_ = nullptr;
  std::size_t capacity_ = 0;
  Holes holes_;
};

}  // namespace mneme
