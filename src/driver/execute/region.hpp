// purpose: the memory that a script's heap manages.
// layer: execute; includes the standard library; POSIX in region.cpp only.
// threads: one owner.
// invariants: its address is a multiple of the power of two that holds it, so that whatever depends
//   on addresses is the same in every run.
#pragma once

#include <cstddef>
#include <span>

namespace mneme::driver {

/// Anonymous memory of its own, which is only backed as it is touched.
class Region {
 public:
  /// Throws InputError if the system has not that much memory.
  explicit Region(std::size_t size_bytes);
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
  void* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
};

}  // namespace mneme::driver
