// purpose: maps a region.
// layer: execute; includes region, diagnostic and POSIX.
// threads: one owner.
// invariants: each mapping is unmapped.
#include "region.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <mneme/layout.hpp>
#include <string>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t mapped_bytes_min = 4096;
constexpr std::size_t size_max = std::size_t{1} << 46U;  // half of the address space

}  // namespace

Region::Region(std::size_t size_bytes) {
  const auto fail = [&] {
    throw InputError("not enough memory for a heap of " + std::to_string(size_bytes) +
                     " bytes on this machine");
  };
  if (size_bytes > size_max) fail();
  // Reserves address space for two aligned copies, and makes one of them usable: this fails at once
  // if the system could never provide the memory.
  const std::size_t align = std::bit_ceil(std::max(size_bytes, mapped_bytes_min));
  mapping_bytes_ = 2 * align;
  mapping_ = ::mmap(nullptr, mapping_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
  if (mapping_ == MAP_FAILED) fail();
  const std::size_t address = address_of(mapping_);
  std::byte* const start = static_cast<std::byte*>(mapping_) + ((0 - address) & (align - 1));
  if (::mmap(start, std::max(size_bytes, mapped_bytes_min), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    ::munmap(mapping_, mapping_bytes_);
    fail();
  }
  bytes_ = {start, size_bytes};
}

Region::~Region() { ::munmap(mapping_, mapping_bytes_); }

}  // namespace mneme::driver
