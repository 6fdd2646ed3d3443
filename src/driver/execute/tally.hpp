// purpose: counts the results of a run.
// layer: execute; includes the standard library only.
// threads: plain data, no sharing.
// invariants: each request is counted once as granted at once, as waiting, as refused or as closed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mneme::driver {

struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::uint64_t granted_at_once = 0;
  std::uint64_t granted_later = 0;
  std::uint64_t waits = 0;
  std::uint64_t refused = 0;
  std::uint64_t closed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t freed = 0;
  std::uint64_t moved = 0;
  std::uint64_t held = 0;
  std::uint64_t expectations_failed = 0;
  std::uint64_t live_at_end = 0;
  std::uint64_t waiting_at_end = 0;
  std::uint64_t peak_bytes = 0;      // of the first heap
  std::uint64_t capacity_bytes = 0;  // of the first heap

  struct OfHeap {
    std::string name;
    std::uint64_t peak_bytes = 0;
    std::uint64_t capacity_bytes = 0;
  };
  std::vector<OfHeap> others;  // the heaps behind the first
};

}  // namespace mneme::driver
