// purpose: the figures that a heap has with MNEME_STATS=2, after each step that changes them.
// layer: tests; includes mneme.
// threads: none.
// invariants: returns the number of wrong figures.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <mneme/mneme.hpp>
#include <mneme/waiting/make_all.hpp>
#include <mneme/waiting/reallocate.hpp>
#include <mneme/waiting/try_allocate.hpp>
#include <optional>

namespace {

alignas(64) std::byte region[1024];
int wrong = 0;

void expect(const char* what, std::size_t is, std::size_t expected) {
  if (is == expected) return;
  std::printf("%s: expected %zu, got %zu\n", what, expected, is);
  ++wrong;
}

template <class Heap>
void asked(const Heap& heap, const char* what, std::size_t bytes) {
  expect(what, heap.counters().asked_bytes, bytes);
}

void count_bytes(mneme::Heap& heap) {
  auto box = *heap.make_array<char>(21).poll().value();
  asked(heap, "granted at once", 21);
  void* const plain = heap.try_allocate({.size = 3, .align = 8});
  asked(heap, "tried", 24);
  heap.defer_free(plain, {.size = 3, .align = 8});
  asked(heap, "deferred", 21);
  auto block = *heap.allocate({.size = 100, .align = 8}).poll().value();
  asked(heap, "a block", 121);
  (void)heap.reallocate(block, 60).poll();
  asked(heap, "shorter", 81);
  {
    auto guard = heap.try_lock();
    (void)heap.reallocate(block, 21).poll();
    asked(heap, "shorter on a locked heap", 42);
  }
  (void)heap.reallocate(block, 210).poll();
  asked(heap, "longer", 231);
  {
    std::optional group{heap.make_all(heap.make<int>(7), heap.make_array<char>(300))};
    auto hog = *heap.allocate({.size = 550, .align = 8}).poll().value();
    if (group->poll()) ++wrong;
    asked(heap, "a group that waits", 781);
    hog.reset();
    asked(heap, "a group that is granted", 231 + sizeof(int) + 300);
    group.reset();
    asked(heap, "a group that is cancelled", 231);
    std::optional single{heap.allocate({.size = 300, .align = 8})};
    hog = *heap.allocate({.size = 500, .align = 8}).poll().value();
    if (single->poll()) ++wrong;
    hog.reset();
    asked(heap, "a request that is granted", 531);
    single.reset();
    asked(heap, "a request that is cancelled", 231);
  }
  box.reset();
  expect("the largest", heap.counters().largest_request_bytes, 550);
  void* const longer = block.leak();
  if (!heap.try_resize(longer, {.size = 210, .align = 8}, {.size = 560, .align = 8})) ++wrong;
  expect("a larger one by a resize", heap.counters().largest_request_bytes, 560);
  block = mneme::Allocation<>::from_leaked(longer, {.size = 560, .align = 8});
  auto wall = *heap.allocate({.size = 64, .align = 8}).poll().value();
  auto longest = heap.reallocate(block, 610);
  if (longest.poll()) ++wrong;
  wall.reset();
  if (!longest.poll()) ++wrong;
  expect("a larger one in place", heap.counters().largest_request_bytes, 610);
  block.reset();
  asked(heap, "nothing", 0);
}

void count_tries(mneme::Heap& heap) {
  const auto tries = [&](const char* what, std::size_t count) {
    expect(what, heap.counters().failed_tries, count);
  };
  tries("no tries", 0);
  if (heap.try_allocate({.size = 2000}) != nullptr) ++wrong;
  tries("too large", 1);
  if (heap.try_make<int>(1).value_or(nullptr) == nullptr) ++wrong;
  tries("a try that succeeded", 1);
  {
    const auto guard = heap.try_lock();
    if (heap.try_make<int>(1)) ++wrong;
    tries("locked", 2);
    if (heap.try_allocate({.size = 8}, 3)) ++wrong;
    tries("locked, with attempts", 3);
  }
  if (heap.try_allocate({.size = 8, .align = 3}, 3)) ++wrong;
  tries("an alignment that is none", 4);
  if (heap.try_make_array<int>(SIZE_MAX)) ++wrong;
  tries("a size that overflows", 5);
  (void)heap.allocate({.size = 2000}).poll();
  tries("a request is no try", 5);
}

}  // namespace

int main() {
  mneme::Heap heap(region);
  count_bytes(heap);
  count_tries(heap);
  return wrong;
}
