// purpose: a naive model of the heap, which says after each step whether the library did right.
// layer: model; includes gaps, and nothing of the library.
// threads: one owner.
// invariants: it knows the rules (P1–P3, P5, P6, P8, P9, P13), not the library's structures; where
//   a block lies it is told, and checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include "gaps.hpp"

namespace mneme::driver {

/// One block or request, as the oracle knows it. Numbers are used again.
using BlockId = std::uint32_t;

/// A grant that was seen: who got a block, and the block's offset (its header's) in the region.
struct Grant {
  BlockId id = 0;
  std::size_t offset = 0;
};

/// What the library answered to a request at its first poll.
enum class Answer : std::uint8_t { granted, waiting, refused, closed, would_wait };

/// What differs between model and library, in words; or nothing.
using Mismatch = std::optional<std::string>;

/// What a heap says of itself. Bytes count whole blocks, headers included.
struct Figures {
  std::size_t free_bytes = 0;
  std::size_t used_bytes = 0;
  std::size_t live = 0;
  std::size_t waiting = 0;
  std::size_t deferred = 0;

  [[nodiscard]] bool operator==(const Figures&) const = default;
};

/// Each function below is told of one step, of what the library answered, and of the grants that
/// the step caused, in their order; it does the same naively and compares. A step takes the
/// logarithm of gaps and waiters, for each block that it grants, frees or ends.
class Oracle {
 public:
  /// `capacity_bytes`: a region of whole words, at an address that is a multiple of any alignment
  /// smaller than twice its size. `exact_align_max`: the largest alignment up to which a request
  /// fails only if no gap fits. With a larger one it may fail too if there is no gap of size +
  /// alignment − one word; but not if everything is free.
  explicit Oracle(std::size_t capacity_bytes, std::size_t exact_align_max = SIZE_MAX);

  /// A new block of a payload, not yet asked for.
  [[nodiscard]] BlockId add(std::size_t payload_bytes, std::size_t align_bytes);
  /// Forgets a block that is neither live nor waiting nor deferred.
  void forget(BlockId id);

  [[nodiscard]] Mismatch request(BlockId id, Answer answer, std::size_t offset,
                                 std::span<const Grant> grants);
  [[nodiscard]] Mismatch try_now(BlockId id, Answer answer, std::size_t offset,
                                 std::span<const Grant> grants);
  [[nodiscard]] Mismatch through_guard(BlockId id, Answer answer, std::size_t offset);
  [[nodiscard]] Mismatch release(BlockId id, bool defer, std::span<const Grant> grants);
  [[nodiscard]] Mismatch cancel(BlockId id, std::span<const Grant> grants);
  /// A block that stays where it is was made `payload_bytes` long, or that was said to be
  /// impossible. It grows into the gap at the region's end only if no other takes all of it.
  [[nodiscard]] Mismatch resize(BlockId id, std::size_t payload_bytes, bool done,
                                std::span<const Grant> grants);
  void lock() { locked_ = true; }
  [[nodiscard]] Mismatch unlock(std::span<const Grant> grants);
  [[nodiscard]] Mismatch poll(std::span<const Grant> grants);
  /// `closed`: the requests that were ended, in their order.
  [[nodiscard]] Mismatch close(std::span<const BlockId> closed);

  /// What the library's own figures must be; and the first of some that is not.
  [[nodiscard]] Mismatch compare(const Figures& seen) const;
  [[nodiscard]] std::size_t free_bytes() const { return free_bytes_; }
  [[nodiscard]] std::size_t used_bytes() const { return capacity_ - free_bytes_; }
  [[nodiscard]] std::size_t largest_bytes() const;
  [[nodiscard]] std::size_t live() const { return live_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t deferred() const { return deferred_.size(); }
  [[nodiscard]] std::size_t capacity_bytes() const { return capacity_; }
  [[nodiscard]] bool locked() const { return locked_; }

  /// For explanations: the gaps in address order, the live blocks by offset, who waits, what is
  /// deferred.
  [[nodiscard]] std::vector<Gap> gaps() const { return gaps_.all(); }
  [[nodiscard]] std::vector<BlockId> live_by_offset() const;
  [[nodiscard]] auto queue() const { return std::views::values(waiting_); }
  [[nodiscard]] std::span<const BlockId> deferred_blocks() const { return deferred_; }
  [[nodiscard]] std::size_t offset_of(BlockId id) const { return blocks_[id].offset; }
  [[nodiscard]] std::size_t size_of(BlockId id) const { return blocks_[id].size; }
  [[nodiscard]] std::size_t align_of(BlockId id) const { return blocks_[id].align; }

  /// Whether a block of `size` bytes, its payload aligned to `align`, can lie in the gap.
  [[nodiscard]] static bool fits(Gap gap, std::size_t size, std::size_t align);

 private:
  struct Block {
    std::size_t size = 0;   // of the block; 0: more than the region
    std::size_t align = 0;  // of the payload
    std::size_t offset = 0;
    std::uint64_t ticket = 0;  // its place in the queue; 0: it does not wait
    std::uint32_t live_index = 0;
    bool overflows = false;  // no number says how large the block would be
  };

  [[nodiscard]] std::size_t block_size(std::size_t payload_bytes) const;
  [[nodiscard]] bool impossible(std::size_t size, std::size_t align) const;
  /// Whether a request is granted: certainly, not, or as the raw heap likes.
  enum class Room : std::uint8_t { none, some, enough };
  [[nodiscard]] Room room_for(BlockId id) { return room_for(blocks_[id].size, blocks_[id].align); }
  [[nodiscard]] Room room_for(std::size_t size, std::size_t align);
  [[nodiscard]] bool can_grow(const Block& block, std::size_t size, bool done);
  [[nodiscard]] Mismatch after_attempt(BlockId id, std::span<const Grant> grants);
  [[nodiscard]] bool is_granted(BlockId id, Answer answer, std::size_t offset);
  [[nodiscard]] Mismatch place(Grant grant);
  void enqueue(BlockId id);
  void dequeue(BlockId id);
  void make_gap(Gap gap);
  void remove_live(BlockId id);
  void reclaim();
  [[nodiscard]] Mismatch settle(std::span<const Grant> grants);
  [[nodiscard]] Mismatch none_granted(std::span<const Grant> grants) const;

  std::size_t capacity_;
  std::size_t exact_align_max_;
  std::size_t free_bytes_;
  bool locked_ = false;
  bool closed_ = false;
  Gaps gaps_;
  std::vector<Block> blocks_;
  std::vector<BlockId> unused_;
  std::vector<BlockId> live_;
  std::vector<BlockId> deferred_;
  std::uint64_t tickets_ = 0;
  std::map<std::uint64_t, BlockId> waiting_;  // by ticket
};

}  // namespace mneme::driver
