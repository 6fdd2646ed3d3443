// purpose: heaps whose frees clang proves to neither wait nor allocate (P4), or not, if told so.
// layer: tests; includes everything.
// threads: none; it is compiled, for what its compiler says.
// invariants: with ALLOCATES or WAITS defined, it must not compile.
#pragma clang diagnostic error "-Wfunction-effects"
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mutex>

struct CriticalSection {
  static constexpr bool reentrant = true;
  void lock() noexcept {}
  bool try_lock() noexcept { return true; }
  void unlock() noexcept {}
};

struct Breaking : mneme::FirstFit {
  using FirstFit::FirstFit;
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
#ifdef ALLOCATES
    delete new int;
#endif
#ifdef WAITS
    static std::mutex mutex;
    const std::scoped_lock lock(mutex);
#endif
    return FirstFit::deallocate(block, size);
  }
};

// Both say so in their types: what does not, does not convert.
using Free = void (mneme::Heap::*)(void*, mneme::Layout) noexcept [[clang::nonblocking]];
[[maybe_unused]] constexpr Free frees[] = {&mneme::Heap::free, &mneme::Heap::defer_free};

template class mneme::BasicHeap<mneme::FirstFit, mneme::SpinLock>;
template class mneme::BasicHeap<mneme::FirstFit, CriticalSection>;
template class mneme::BasicHeap<Breaking, mneme::SpinLock>;
