// purpose: the two kinds of memory that a tool might treat differently as a region.
// layer: tests; includes nothing of mneme.
// threads: none.
// invariants: both are the same size, and neither begins at a page.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace mneme::test {

struct StaticRegion {
  std::span<std::byte> bytes() { return memory; }

  alignas(64) static inline std::byte memory[1024];
};

struct HeapRegion {
  [[nodiscard]] std::span<std::byte> bytes() const { return {memory.get(), 1024}; }

  std::unique_ptr<std::byte[]> memory = std::make_unique<std::byte[]>(1024);
};

/// Reads or writes one byte that is out of bounds, such that no compiler removes the access.
[[gnu::noinline]] inline void read(const std::byte* place) {
  [[maybe_unused]] const volatile std::byte copy = *place;
}
[[gnu::noinline]] inline void write(std::byte* place) {
  *static_cast<volatile std::byte*>(place) = std::byte{1};
}

}  // namespace mneme::test
