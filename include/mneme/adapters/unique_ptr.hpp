// purpose: lets std::unique_ptr own what a Box let go of, at the size of a pointer.
// layer: adapters; includes L0–L3.
// threads: as the object, and as Box.
// invariants: the way back to the heap is the word before the object, so the deleter has no size.
#pragma once

#include <memory>
#include <type_traits>

#include "../box.hpp"

namespace mneme::inline MNEME_SETTINGS {

template <class Heap = mneme::Heap>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    Box<T, Heap>::from_leaked(object).reset();
  }
};
static_assert(std::is_empty_v<Deleter<>>);

template <class T, class Heap = mneme::Heap>
using UniquePtr = std::unique_ptr<T, Deleter<Heap>>;

/// `mneme::UniquePtr<Packet> packet = mneme::to_unique(std::move(box));` A class with a virtual
/// destructor converts to its bases, as with Box; others must not, and nothing here can see it.
template <class T, class Heap>
[[nodiscard]] UniquePtr<T, Heap> to_unique(Box<T, Heap> box) noexcept {
  return UniquePtr<T, Heap>(box.leak());
}

}  // namespace mneme::inline MNEME_SETTINGS
