// purpose: the memory that a script's heap manages.
// layer: execute; includes the standard library; POSIX in region.cpp only.
// threads: one owner.
// invariants: its address is a multiple of its size, rounded up to a power of two, so results that
//   depend on addresses are the same in every run.
#pragma once

#include <cstddef>
#include <span>

namespace mneme::driver {

/// An anonymous mapping, which the system commits page by page as it is first written.
class Region {
 public:
  /// Throws InputError if the system does not have that much memory.
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
