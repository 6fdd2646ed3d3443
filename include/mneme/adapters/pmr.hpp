// purpose: a heap as a std::pmr::memory_resource, for the containers of the standard library.
// layer: adapters; includes L0–L3 and wait.
// threads: as the heap; not for interrupts, where allocating may block.
// invariants: bad_alloc says that there was no room for so long, never that the heap was in use.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory_resource>
#include <new>
#include <thread>

#include "../heap.hpp"
#include "wait.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// How long an allocation may block its thread before it throws std::bad_alloc.
struct Patience {
  /// For room: as a request in the queue (P2). Zero: an allocation that finds no room, or others
  /// that wait, throws at once.
  std::chrono::nanoseconds for_room{0};
  /// For whoever holds the heap, which is mostly a moment: a guard may take longer. It must not be
  /// this very thread's.
  std::chrono::nanoseconds for_holder = std::chrono::seconds(1);
};

/// Memory of `heap` for containers, such as `std::pmr::vector<int> numbers{&resource}`. Throws
/// std::bad_alloc at once if the request could never be met, or the heap is closed. The heap and
/// the resource must outlive the containers.
template <class Heap = mneme::Heap>
class BasicHeapResource final : public std::pmr::memory_resource {
 public:
  explicit BasicHeapResource(Heap& heap, Patience patience = {}) noexcept
      : heap_(heap), patience_(patience) {}

 private:
  void* do_allocate(std::size_t size, std::size_t align) override {
    const Layout layout{size, align};
    void* memory = heap_.try_allocate(layout);
    if (memory == nullptr && heap_.check_layout(layout) && !heap_.is_closed()) {
      memory = patience_.for_room > std::chrono::nanoseconds::zero() ? wait_for_room(layout)
                                                                     : wait_for_holder(layout);
    }
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t align) override {
    (heap_.free)(memory, Layout{size, align});
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    const auto* const same = dynamic_cast<const BasicHeapResource*>(&other);
    return same != nullptr && &same->heap_ == &heap_;
  }

  [[nodiscard]] void* wait_for_room(Layout layout) {
    auto request = heap_.allocate(layout);
    auto block = wait_for(request, patience_.for_room);
    return block ? block->leak() : nullptr;
  }

  /// Only who holds the heap can tell whether it has no room.
  [[nodiscard]] void* wait_for_holder(Layout layout) {
    const auto deadline = std::chrono::steady_clock::now() + patience_.for_holder;
    do {
      if (auto guard = heap_.try_lock()) {
        return guard.stats().waiting == 0 ? guard.allocate(layout) : nullptr;
      }
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < deadline);
    return nullptr;
  }

  Heap& heap_;
  Patience patience_;
};
using HeapResource = BasicHeapResource<>;

}  // namespace mneme::inline MNEME_SETTINGS
