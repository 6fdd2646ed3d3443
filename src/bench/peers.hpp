// purpose: the measured allocators, with a common interface: allocate(size) and free(place, size).
// layer: bench; includes mneme and support.
// threads: none.
// invariants: Peer is the allocator that this program was compiled for.
#pragma once

#include <cstddef>
#include <cstdlib>

#include "support.hpp"

#ifdef BENCH_MALLOC
/// The C library's allocator, or a preloaded one.
struct Peer {
  explicit Peer(std::size_t /*bytes*/) {}
  void* allocate(std::size_t size) { return std::malloc(size); }
  void free(void* place, std::size_t /*size*/) { std::free(place); }
};
#elifdef BENCH_PMR
#include <memory_resource>
/// A pool of the standard library over one fixed buffer.
struct Peer {
  explicit Peer(std::size_t bytes) : region(bytes) {}
  void* allocate(std::size_t size) { return pool.allocate(size, 8); }
  void free(void* place, std::size_t size) { pool.deallocate(place, size, 8); }

  bench::Region region;
  std::pmr::monotonic_buffer_resource buffer{region.bytes().data(), region.bytes().size(),
                                             std::pmr::null_memory_resource()};
  std::pmr::unsynchronized_pool_resource pool{&buffer};
};
#elifdef BENCH_BOOST
#include <boost/interprocess/managed_external_buffer.hpp>
/// Boost.Interprocess's best fit in one fixed buffer, without a mutex.
struct Peer {
  explicit Peer(std::size_t bytes) : region(bytes) {}
  void* allocate(std::size_t size) { return heap.allocate(size, std::nothrow); }
  void free(void* place, std::size_t /*size*/) { heap.deallocate(place); }

  bench::Region region;
  boost::interprocess::managed_external_buffer heap{boost::interprocess::create_only,
                                                    region.bytes().data(), region.bytes().size()};
};
#else
#include <mneme/mneme.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#ifndef BENCH_RAW
#define BENCH_RAW mneme::DefaultRaw
#endif
#ifndef BENCH_ALIGN
#define BENCH_ALIGN 8
#endif
#define BENCH_MNEME
/// mneme over the raw heap BENCH_RAW. Its alignment is 8 unless BENCH_ALIGN says otherwise.
struct Peer {
  using Heap = mneme::BasicHeap<BENCH_RAW>;
  static constexpr std::size_t align = BENCH_ALIGN;

  explicit Peer(std::size_t bytes) : region(bytes) {}
  void* allocate(std::size_t size) { return heap.try_allocate({.size = size, .align = align}); }
  void free(void* place, std::size_t size) { heap.free(place, {.size = size, .align = align}); }

  bench::Region region;
  Heap heap{region.bytes()};
};
#endif

/// Whether a request gets the smallest hole that fits.
#ifdef BENCH_MNEME
inline constexpr bool is_best_fit = std::is_same_v<BENCH_RAW, mneme::Bounded>;
#else
inline constexpr bool is_best_fit = false;
#endif
