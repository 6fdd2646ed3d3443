// purpose: shared by the workloads: random numbers, a region, and the measured function.
// layer: bench; includes the standard library.
// threads: none.
// invariants: the same numbers in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>

namespace bench {

/// Numbers that are the same in every run (xorshift64, Marsaglia 2003).
class Random {
 public:
  [[nodiscard]] std::size_t between(std::size_t low, std::size_t high) {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return low + state_ % (high - low + 1);
  }

 private:
  std::uint64_t state_ = 88172645463325252U;
};

/// Makes the compiler assume that the memory is used.
inline void use(const void* place) { asm volatile("" : : "g"(place) : "memory"); }

/// Newly mapped memory.
class Region {
 public:
  explicit Region(std::size_t size)
      : memory_(std::make_unique_for_overwrite<std::byte[]>(size + page)), size_(size) {}
  [[nodiscard]] std::span<std::byte> bytes() const {
    void* start = memory_.get();
    std::size_t space = size_ + page;
    return {static_cast<std::byte*>(std::align(page, size_, start, space)), size_};
  }

 private:
  static constexpr std::size_t page = 4096;

  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_;
};

/// Stops a workload that does not do what its name says, as its count would be wrong.
inline void require(bool is_as_named) {
  if (!is_as_named) std::abort();
}

/// Callgrind counts the instructions of this function.
template <class F>
[[gnu::noinline]] void measured(F&& f) {
  std::forward<F>(f)();
  asm volatile("" : : : "memory");
}

}  // namespace bench
