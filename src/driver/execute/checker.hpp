// purpose: checks the library against the oracle, the fill patterns and its own invariants.
// layer: execute; includes oracle, task and driver_heap.
// threads: one owner.
// invariants: any difference is thrown as Corruption, at the first step that shows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "driver/model/oracle.hpp"
#include "driver_heap.hpp"
#include "fill_pattern.hpp"
#include "task.hpp"

namespace mneme::driver {

/// The library made an error, or memory was overwritten: exit code 4.
class Corruption : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Checker {
 public:
  /// The heap must be empty, and outlive the checker.
  Checker(DriverHeap& heap, OracleQueue queue)
      : heap_{heap}, oracle_{memory_of(heap.raw()), queue} {}

  [[nodiscard]] Oracle& oracle() { return oracle_; }
  [[nodiscard]] const Oracle& oracle() const { return oracle_; }

  /// Throws if the oracle found a mismatch.
  static void check_oracle(const Mismatch& mismatch) {
    if (mismatch) [[unlikely]]
      fail_mismatch(*mismatch);
  }
  /// Compares the library's counters with those of the oracle. O(1).
  void check_figures(const Stats& counters) const {
    const Figures seen{.free_bytes = heap_.raw().free_bytes(),
                       .used_bytes = counters.used_bytes,
                       .live = counters.live,
                       .waiting = counters.waiting,
                       .deferred = counters.deferred};
    if (seen != oracle_.figures()) [[unlikely]]
      fail_figures(seen);
  }
  /// Validates the heap's lists by walking through the whole heap: at first after each step, later
  /// only now and then.
  void check_lists(std::uint64_t steps) {
    if (steps <= validate_each_until || steps % validate_every == 0) validate();
  }
  /// Once everything has been freed: the region must be one hole again (P9).
  void check_one_hole();
  [[nodiscard]] std::uint64_t checked_largest_hole_bytes() const;

  /// Writes the task's pattern into its bytes, starting at `from`, a multiple of 8.
  static void fill(const Task& task, std::size_t from = 0) {
    fill_pattern(task.owner->bytes(), task.serial, from);
  }
  /// Throws unless the task's bytes still hold its pattern.
  static void check_bytes(const Task& task) {
    const auto damage = find_damage(task.owner->bytes(), task.serial);
    if (damage) [[unlikely]]
      fail_damaged(task, *damage);
  }

 private:
  static constexpr std::uint64_t validate_each_until = 1024;
  static constexpr std::uint64_t validate_every = 4096;

  [[gnu::noinline]] void fail_figures(const Figures& seen) const;
  [[noreturn]] static void fail_damaged(const Task& task, std::size_t damage);
  [[noreturn]] static void fail_mismatch(const std::string& mismatch);
  void validate();

  DriverHeap& heap_;
  Oracle oracle_;
};

}  // namespace mneme::driver
