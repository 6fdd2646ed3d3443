// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: double free of the deferred block at [[#mul(8,W)]]
// purpose: shows that a deferred block cannot be freed again, by doing so under a guard.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  (void)heap.try_allocate({.size = 6 * mneme::word_bytes, .align = mneme::word_bytes});
  void* const payload = heap.try_allocate(layout);
  const auto guard = heap.try_lock();
  heap.free(payload, layout);
  heap.free(payload, layout);
}
