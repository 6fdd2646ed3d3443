// purpose: a naive model of the heap, which checks the library's results after each step.
// layer: model; includes gaps, and nothing of the library.
// threads: one owner.
// invariants: it knows the rules (P1–P3, P5, P6, P8, P9, P13), not the library's structures; it is
//   given the place of each block, and checks it.
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

/// Identifies a block or request in the oracle. Numbers are reused.
using BlockId = std::uint32_t;

/// An observed grant: the request, and the offset of its block (its header) in the region.
struct Grant {
  BlockId id = 0;
  std::size_t offset = 0;
};

/// The library's result for a request at its first poll.
enum class Answer : std::uint8_t { granted, waiting, refused, closed, would_wait };

/// A difference between model and library, in words; or nothing.
using Mismatch = std::optional<std::string>;

/// The statistics that a heap reports. Bytes count whole blocks, headers included.
struct Figures {
  std::size_t free_bytes = 0;
  std::size_t used_bytes = 0;
  std::size_t live = 0;
  std::size_t waiting = 0;
  std::size_t deferred = 0;

  [[nodiscard]] bool operator==(const Figures&) const = default;
};

/// The memory of a heap, and the rules of its raw heap.
struct OracleMemory {
  /// In address order, whole words each; a block is inside of one. The region that they are parts
  /// of begins at a multiple of any alignment smaller than twice its size.
  std::vector<Gap> parts;
  /// The largest alignment up to which a request fails only if no gap fits. With a larger one it
  /// may fail too if there is no gap of size + alignment − one word; but not if everything is free.
  std::size_t exact_align_max = SIZE_MAX;
  /// If not 0, every block takes a slot of so many bytes, from the start of the first part on, and
  /// a larger one, or one with a larger alignment, is impossible.
  std::size_t slot_bytes = 0;
  std::size_t slot_align = 0;
};

/// The order in which waiting requests are granted: P2.
struct OracleQueue {
  enum class Kind : std::uint8_t {
    fifo,           // none passes another
    overtaking,     // one that fits passes others, but each of them `number` times at most
    priority,       // none passes one of its level or above
    holders_first,  // the same; the level is 1 for a holder
  };

  Kind kind = Kind::fifo;
  std::uint64_t number = 0;  // the bound, or how many levels there are
};

/// Each function below takes one step, the library's result, and the grants that the step caused,
/// in their order; it carries out the step naively, and compares. For each block that a step
/// grants, frees or cancels, it takes time logarithmic in the number of gaps and waiters.
class Oracle {
 public:
  explicit Oracle(OracleMemory memory, OracleQueue queue = {});
  /// A region in one part, and blocks of any size.
  explicit Oracle(std::size_t capacity_bytes, std::size_t exact_align_max = SIZE_MAX)
      : Oracle(OracleMemory{.parts = {{0, capacity_bytes}}, .exact_align_max = exact_align_max}) {}

  /// A new block for a payload, not yet requested. `level` matters with levels only.
  [[nodiscard]] BlockId add(std::size_t payload_bytes, std::size_t align_bytes,
                            std::uint8_t level = 0);
  /// A request for the lock.
  [[nodiscard]] BlockId add_lock(std::uint8_t level);
  /// Forgets a block that is neither live nor waiting nor deferred.
  void forget(BlockId id);

  [[nodiscard]] Mismatch request(BlockId id, Answer answer, std::size_t offset,
                                 std::span<const Grant> grants);
  [[nodiscard]] Mismatch try_now(BlockId id, Answer answer, std::size_t offset,
                                 std::span<const Grant> grants);
  [[nodiscard]] Mismatch through_guard(BlockId id, Answer answer, std::size_t offset);
  [[nodiscard]] Mismatch release(BlockId id, bool defer, std::span<const Grant> grants);
  [[nodiscard]] Mismatch cancel(BlockId id, std::span<const Grant> grants);
  /// Resizes a block in place to `payload_bytes`; `done` is false if the library refused to. A
  /// block grows into the gap at the region's end only if no other gap could hold it whole.
  [[nodiscard]] Mismatch resize(BlockId id, std::size_t payload_bytes, bool done,
                                std::span<const Grant> grants);
  void lock() { locked_ = true; }
  [[nodiscard]] Mismatch unlock(std::span<const Grant> grants);
  [[nodiscard]] Mismatch poll(std::span<const Grant> grants);
  /// Whole words were added behind the region. The heap was not locked.
  [[nodiscard]] Mismatch extend(std::size_t bytes, std::span<const Grant> grants);
  /// `closed`: the requests that were completed with `closed`, in their order.
  [[nodiscard]] Mismatch close(std::span<const BlockId> closed);

  /// Compares the library's statistics with those of the model. Returns the first difference.
  [[nodiscard]] Mismatch compare(const Figures& seen) const;
  [[nodiscard]] Figures figures() const {
    return {.free_bytes = free_bytes(),
            .used_bytes = used_bytes(),
            .live = live(),
            .waiting = waiting(),
            .deferred = deferred()};
  }
  [[nodiscard]] std::size_t free_bytes() const { return free_bytes_; }
  [[nodiscard]] std::size_t used_bytes() const { return capacity_ - free_bytes_; }
  [[nodiscard]] std::size_t largest_bytes() const;
  [[nodiscard]] std::size_t live() const { return live_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t deferred() const { return deferred_.size(); }
  [[nodiscard]] std::size_t capacity_bytes() const { return capacity_; }
  /// From the start of the region to the end of its last part.
  [[nodiscard]] std::size_t extent_bytes() const { return end_of(memory_.parts.back()); }
  [[nodiscard]] std::span<const Gap> parts() const { return memory_.parts; }
  [[nodiscard]] bool locked() const { return locked_; }

  /// For explanations: the gaps in address order, the live blocks by offset, the waiting requests,
  /// and the deferred blocks.
  [[nodiscard]] std::vector<Gap> gaps() const { return gaps_.all(); }
  [[nodiscard]] std::vector<BlockId> live_by_offset() const;
  [[nodiscard]] auto queue() const { return std::views::values(waiting_); }
  [[nodiscard]] std::span<const BlockId> deferred_blocks() const { return deferred_; }
  [[nodiscard]] std::size_t offset_of(BlockId id) const { return blocks_[id].offset; }
  [[nodiscard]] std::size_t size_of(BlockId id) const { return blocks_[id].size; }
  [[nodiscard]] std::size_t align_of(BlockId id) const { return blocks_[id].align; }

  /// Whether a block of `size` bytes, with its payload aligned to `align`, fits into the gap.
  [[nodiscard]] static bool fits(Gap gap, std::size_t size, std::size_t align);

 private:
  /// Whether there is room for a request: no; possibly, as the raw heap decides; certainly.
  enum class Room : std::uint8_t { none, some, enough };
  struct Block {
    std::size_t size = 0;   // of the memory that it takes; 0: there is none for it
    std::size_t asked = 0;  // of the block, as its payload is
    std::size_t align = 0;  // of the payload
    std::size_t offset = 0;
    std::uint64_t ticket = 0;  // orders the queue; 0: not waiting
    std::uint64_t passed = 0;  // how often a later one was granted before it
    std::uint8_t level = 0;
    std::uint32_t live_index = 0;
    bool is_lock = false;
    bool overflows = false;  // the size of the block does not fit into a size_t
  };

  [[nodiscard]] static std::size_t end_of(Gap part) { return part.offset + part.size; }
  [[nodiscard]] std::size_t block_size(std::size_t payload_bytes) const;
  [[nodiscard]] std::size_t taken_size(std::size_t block_bytes) const;
  [[nodiscard]] Room room_in_part(Gap part, std::size_t size, std::size_t align) const;
  [[nodiscard]] bool impossible(std::size_t size, std::size_t align) const;
  [[nodiscard]] Room room_for(BlockId id) {
    if (blocks_[id].is_lock) return Room::enough;
    return room_for(blocks_[id].size, blocks_[id].align);
  }
  [[nodiscard]] BlockId add(Block block);
  void take_lock(BlockId id);
  [[nodiscard]] Room room_for(std::size_t size, std::size_t align);
  [[nodiscard]] bool can_grow(const Block& block, std::size_t size, bool done);
  [[nodiscard]] Mismatch after_attempt(BlockId id, std::span<const Grant> grants);
  [[nodiscard]] bool is_granted(BlockId id, Answer answer, std::size_t offset);
  [[nodiscard]] Mismatch place(Grant grant);
  void enqueue(BlockId id);
  void dequeue(BlockId id);
  [[nodiscard]] std::optional<BlockId> next_granted(std::span<const Grant> grants);
  void count_passed(BlockId granted);
  void make_gap(Gap gap);
  void remove_live(BlockId id);
  void reclaim() {
    if (!deferred_.empty()) reclaim_all();
  }
  void reclaim_all();
  /// Does what the lock owner does before it unlocks: P1, P2, P3.
  [[nodiscard]] Mismatch settle(std::span<const Grant> grants) {
    reclaim();
    return waiting_.empty() ? none_granted(grants) : grant_waiting(grants);
  }
  [[nodiscard]] Mismatch grant_waiting(std::span<const Grant> grants);
  [[nodiscard]] static Mismatch none_granted(std::span<const Grant> grants) {
    if (grants.empty()) return std::nullopt;
    return "a request was granted that should still wait";
  }

  OracleMemory memory_;
  OracleQueue queue_;
  std::size_t capacity_ = 0;
  std::size_t free_bytes_ = 0;
  bool locked_ = false;
  bool closed_ = false;
  Gaps gaps_;
  std::vector<Block> blocks_;
  std::vector<BlockId> unused_;
  std::vector<BlockId> live_;
  std::vector<BlockId> deferred_;
  std::uint64_t tickets_ = 0;
  std::map<std::uint64_t, BlockId> waiting_;  // by ticket, in the order of the queue
};

}  // namespace mneme::driver
