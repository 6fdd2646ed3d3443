// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: double free of the deferred block at [[#W]]
// purpose: shows that a block deferred twice stops the program at the second time.
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
  void* const payload = heap.try_allocate(layout);
  heap.defer_free(payload, layout);
  heap.defer_free(payload, layout);
}
