// purpose: shared by the unit tests: regions, heaps that must end pristine, probes and alarms.
// layer: tests; includes mneme, doctest and the examples' task.
// threads: an Alarm may be rung on any thread; the rest belongs to the test's own.
// invariants: none.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mneme/mneme.hpp>
#include <new>
#include <span>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

#include "examples/task.hpp"

namespace tests {

using examples::Task;

/// Memory for a heap, from operator new, so that sanitizers know its bounds. It begins `skew`
/// bytes after a page boundary.
class Region {
 public:
  explicit Region(std::size_t size, std::size_t skew = 0)
      : page_(static_cast<std::byte*>(::operator new(skew + size, page_bytes))),
        bytes_(page_ + skew, size) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { ::operator delete(page_, page_bytes); }

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  static constexpr std::align_val_t page_bytes{4096};

  std::byte* page_;
  std::span<std::byte> bytes_;
};

/// Whether validate() finds no error; otherwise prints the error.
template <class Heap>
[[nodiscard]] bool sound(Heap& heap) {
  const char* const wrong = heap.validate();
  if (wrong != nullptr) MESSAGE(wrong);
  return wrong == nullptr;
}

/// Whether nothing is used, no request waits, and the region is one hole (P9).
template <class Heap>
[[nodiscard]] bool whole(Heap& heap) {
  const bool is_sound = sound(heap);
  const mneme::Stats stats = heap.stats();
  return is_sound && stats.used_bytes == 0 && stats.live == 0 && stats.waiting == 0 &&
         stats.deferred == 0 && stats.largest_free_bytes == stats.capacity_bytes;
}

/// A heap over a region of its own, which must be pristine when the test ends. The region is a
/// base, as it has to exist before the heap.
template <class Heap>
class BasicTestHeap : Region, public Heap {  // NOLINT(misc-multiple-inheritance)
 public:
  explicit BasicTestHeap(std::size_t size) : Region(size), Heap(Region::bytes()) {}
  ~BasicTestHeap() { CHECK(whole(*this)); }
};
using TestHeap = BasicTestHeap<mneme::Heap>;

/// A layout of the heap's own granularity: its block is `size` bytes and one word.
[[nodiscard]] constexpr mneme::Layout bytes(std::size_t size) { return {size, mneme::word_bytes}; }

/// Lets a container construct the result of `make` in place, as requests cannot be moved into it.
template <class F>
struct InPlace {
  F make;
  operator std::invoke_result_t<F&>() { return make(); }  // NOLINT(google-explicit-constructor)
};

/// The memory of a request that must be granted by now.
template <class Request>
[[nodiscard]] auto granted(Request&& request) {
  auto answer = request.poll();
  REQUIRE(answer.has_value());
  REQUIRE(answer->has_value());
  return **std::move(answer);
}

/// The error of a request that must have failed.
template <class Request>
[[nodiscard]] mneme::AllocError failed(Request&& request) {
  auto answer = request.poll();
  REQUIRE(answer.has_value());
  REQUIRE(!answer->has_value());
  return answer->error();
}

/// An object that counts its instances, and whose constructor throws on demand.
struct Probe {
  static inline std::atomic<int> alive{0};
  static inline int throw_after = -1;  // so many are built first; -1: never

  explicit Probe(int number = 0) : value(number) {
    if (throw_after >= 0 && throw_after-- == 0) throw std::runtime_error("no probe");
    ++alive;
  }
  Probe(Probe&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
  Probe& operator=(Probe&&) = delete;
  ~Probe() { --alive; }

  int value;
};

/// A waker that counts.
class Alarm {
 public:
  [[nodiscard]] mneme::Waker waker() { return {.wake = ring, .context = this}; }
  [[nodiscard]] int rings() const { return rings_.load(std::memory_order_acquire); }

  /// Waits until it has rung `count` times. False if that takes unreasonably long: a lost wakeup.
  [[nodiscard]] bool wait_for(int count) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(100);
    while (rings() < count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  static void ring(void* alarm) noexcept {
    static_cast<Alarm*>(alarm)->rings_.fetch_add(1, std::memory_order_release);
  }

  std::atomic<int> rings_{0};
};

/// The queue lock of a single core: its holder may lock it again, and holds it while wakers run.
struct CriticalSection {
  static constexpr bool reentrant = true;
  void lock() noexcept { ++depth; }
  bool try_lock() noexcept { return ++depth > 0; }
  void unlock() noexcept { --depth; }
  int depth = 0;
};

}  // namespace tests
