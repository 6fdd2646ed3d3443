// purpose: whether the library did right: by the oracle, by blocks' bytes, by its own invariants.
// layer: execute; includes oracle, task and driver_heap.
// threads: one owner.
// invariants: what differs is thrown as Corruption, at the first step that shows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "driver/model/oracle.hpp"
#include "driver_heap.hpp"
#include "task.hpp"

namespace mneme::driver {

/// The library did something wrong, or memory does not hold what was written: exit code 4.
class Corruption : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Checker {
 public:
  /// The heap is empty, and outlives the checker.
  explicit Checker(DriverHeap& heap)
      : heap_{heap}, oracle_{heap.capacity_bytes(), exact_align_max(heap.raw())} {}

  [[nodiscard]] Oracle& oracle() { return oracle_; }
  [[nodiscard]] const Oracle& oracle() const { return oracle_; }

  /// What the oracle says of a call of the library.
  static void check_oracle(const Mismatch& mismatch) {
    if (mismatch) throw Corruption("the oracle differs: " + *mismatch);
  }
  /// The library's counters, which it takes O(1) to compare.
  void check_figures(const Stats& counters) const;
  /// The heap's lists, by a walk through the whole heap: behind each step at first, and later
  /// behind one in so many.
  void check_lists(std::uint64_t steps) {
    if (steps <= validate_each_until || steps % validate_every == 0) validate();
  }
  /// Once everything was given back: the region is one hole again (P9).
  void check_one_hole();
  [[nodiscard]] std::uint64_t checked_largest_hole_bytes() const;

  /// Writes the task's pattern into its bytes, from `from` on, a multiple of 8.
  static void fill(const Task& task, std::size_t from = 0);
  /// The task's bytes are as they were filled.
  static void check_bytes(const Task& task);

 private:
  static constexpr std::uint64_t validate_each_until = 1024;
  static constexpr std::uint64_t validate_every = 4096;

  void validate();

  DriverHeap& heap_;
  Oracle oracle_;
};

}  // namespace mneme::driver
