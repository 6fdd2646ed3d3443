// purpose: the memory that a script's heap manages.
// layer: execute; includes the standard library; POSIX in region.cpp only.
// threads: one owner.
// invariants: its address is a multiple of its size, rounded up to a power of two, so results that
//   depend on addresses are the same in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mneme::driver {

/// An anonymous mapping, which the system commits page by page as it is first written.
class Region {
 public:
  /// Anywhere, or if it can be at one of a few addresses that are the same in each process: then
  /// the first region of a process that is alive has the first of them.
  enum class Place : std::uint8_t { anywhere, fixed };

  /// Throws InputError if the system does not have that much memory.
  explicit Region(std::size_t size_bytes, Place place = Place::anywhere);
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  /// Makes the region longer, at its end: to a gigabyte or to twice its first size at most. Throws
  /// InputError beyond that, or if the system has not that much memory.
  void extend_to(std::size_t size_bytes);

 private:
  /// Of address space. False if there is not so much.
  [[nodiscard]] bool reserve(std::size_t align);
  [[nodiscard]] bool map_at(void* address, int more_flags);
  [[nodiscard]] bool map_at_fixed_place();
  [[nodiscard]] bool make_usable(std::size_t size_bytes);

  std::span<std::byte> bytes_;
  Place place_;
  std::size_t reserved_bytes_ = 0;  // from the region's start on
  void* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
};

}  // namespace mneme::driver
