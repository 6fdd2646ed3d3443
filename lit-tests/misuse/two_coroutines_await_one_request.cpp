// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: two coroutines await one request
// purpose: shows that the first of them would be suspended for ever.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <coroutine>
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[8 * mneme::word_bytes];

}  // namespace

int main() {
  mneme::Heap heap(region);
  const auto guard = heap.try_lock();
  auto request = heap.allocate({.size = 8});
  (void)request.await_suspend(std::noop_coroutine());
  (void)request.await_suspend(std::noop_coroutine());
}
