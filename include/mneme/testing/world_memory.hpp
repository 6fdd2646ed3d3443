// purpose: the memory of worlds that are made one after the other, at the same addresses.
// layer: testing; includes L0.
// threads: one.
// invariants: the pieces that each world takes are those that the first one took.
#pragma once

#include <bit>
#include <cstddef>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "../settings.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// The memory of worlds that are made one after the other, at the same addresses.
class WorldMemory {
 public:
  inline static thread_local WorldMemory* active = nullptr;

  /// The next piece; the pieces are the same after each begin().
  [[nodiscard]] std::span<std::byte> take(std::size_t size_bytes) {
    if (next_ == pieces_.size()) pieces_.emplace_back(size_bytes);
    return pieces_[next_++].bytes();
  }
  void begin() { next_ = 0; }

  /// Aligned as the region of a script, so that a task gets the same places there.
  class Piece {
   public:
    explicit Piece(std::size_t size_bytes)
        : size_{size_bytes}, align_{std::bit_ceil(size_bytes < 64 ? 64 : size_bytes)} {
      if (align_ > align_max) align_ = align_max;
      start_ = static_cast<std::byte*>(::operator new(size_ + 1, std::align_val_t{align_}));
    }
    Piece(Piece&& other) noexcept
        : size_{other.size_}, align_{other.align_}, start_{std::exchange(other.start_, nullptr)} {}
    Piece& operator=(Piece&&) = delete;
    ~Piece() { ::operator delete(start_, std::align_val_t{align_}); }
    [[nodiscard]] std::span<std::byte> bytes() const { return {start_, size_}; }

   private:
    static constexpr std::size_t align_max = 4096;

    std::size_t size_;
    std::size_t align_;
    std::byte* start_ = nullptr;
  };

 private:
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
