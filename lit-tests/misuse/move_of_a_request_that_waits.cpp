// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: move of a request that has begun
// purpose: shows that a request cannot be moved once the heap links it.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <utility>

namespace {

alignas(64) std::byte region[8 * mneme::word_bytes];

}  // namespace

int main() {
  mneme::Heap heap(region);
  const auto guard = heap.try_lock();
  auto request = heap.allocate({.size = 8});
  (void)request.poll();
  const auto moved = std::move(request);
}
