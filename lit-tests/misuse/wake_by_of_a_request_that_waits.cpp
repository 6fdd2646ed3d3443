// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: wake_by on a request that has begun
// purpose: shows that a request which waits already cannot be given the waker of a co_await.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[8 * mneme::word_bytes];

}  // namespace

int main() {
  mneme::Heap heap(region);
  const auto guard = heap.try_lock();
  auto request = heap.allocate({.size = 8});
  (void)request.poll();
  (void)std::move(request).wake_by({});
}
