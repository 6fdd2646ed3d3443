// purpose: maps a region.
// layer: execute; includes region, diagnostic and POSIX.
// threads: one owner.
// invariants: each mapping is unmapped.
#include "region.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <mneme/layout.hpp>
#include <string>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

/// A region can become as large as this, or twice as large as it was.
constexpr std::size_t growth_bytes = std::size_t{1} << 30U;
constexpr std::size_t size_max = std::size_t{1} << 46U;  // half of the address space

std::size_t system_page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

[[noreturn]] void fail_without_memory(std::size_t size_bytes) {
  throw InputError("not enough memory for a heap of " + std::to_string(size_bytes) +
                   " bytes on this machine");
}

}  // namespace

// Reserves address space for two aligned copies, and makes one of them usable: this fails at once
// if the system could never provide the memory.
Region::Region(std::size_t size_bytes, Place place) : place_{place} {
  if (size_bytes > size_max) fail_without_memory(size_bytes);
  const std::size_t least = std::bit_ceil(std::max(size_bytes, system_page_bytes()));
  if (!reserve(std::max(2 * least, growth_bytes)) && !reserve(least))
    fail_without_memory(size_bytes);
  if (!make_usable(size_bytes)) {
    ::munmap(mapping_, mapping_bytes_);
    fail_without_memory(size_bytes);
  }
}

bool Region::reserve(std::size_t align) {
  mapping_bytes_ = 2 * align;
  const bool is_there = place_ == Place::fixed && map_at_fixed_place();
  if (!is_there && !map_at(nullptr, 0)) return false;
  const std::size_t address = address_of(mapping_);
  bytes_ = {static_cast<std::byte*>(mapping_) + ((0 - address) & (align - 1)), 0};
  reserved_bytes_ = align;
  return true;
}

bool Region::map_at(void* address, int more_flags) {
  mapping_ = ::mmap(address, mapping_bytes_, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | more_flags, -1, 0);
  return mapping_ != MAP_FAILED;
}

// Where neither the system nor a sanitizer maps anything, as far as is known. An old kernel takes
// the address for a wish.
bool Region::map_at_fixed_place() {
  if constexpr (sizeof(void*) >= sizeof(std::uint64_t)) {
    constexpr std::uintptr_t first = std::uintptr_t{1} << 45U;
    constexpr std::uintptr_t distance = std::uintptr_t{1} << 40U;
    constexpr std::uintptr_t places = 16;
    for (std::uintptr_t at = 0; at < places; ++at) {
      void* const address = std::bit_cast<void*>(first + at * distance);
      if (!map_at(address, MAP_FIXED_NOREPLACE)) continue;
      if (mapping_ == address) return true;
      ::munmap(mapping_, mapping_bytes_);
    }
  }
  return false;
}

// From the last page on that is usable; its bytes stay what they are.
bool Region::make_usable(std::size_t size_bytes) {
  const std::size_t page = system_page_bytes();
  const std::size_t usable = (bytes_.size() + page - 1) / page * page;
  const std::size_t wanted = std::max(size_bytes, page);
  if (wanted > usable && ::mmap(bytes_.data() + usable, wanted - usable, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    return false;
  }
  bytes_ = {bytes_.data(), size_bytes};
  return true;
}

void Region::extend_to(std::size_t size_bytes) {
  if (size_bytes > reserved_bytes_) {
    throw InputError("the region cannot grow to " + std::to_string(size_bytes) +
                     " bytes (maximum " + std::to_string(reserved_bytes_) + ")");
  }
  if (!make_usable(size_bytes)) fail_without_memory(size_bytes);
}

Region::~Region() { ::munmap(mapping_, mapping_bytes_); }

}  // namespace mneme::driver
