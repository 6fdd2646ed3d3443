// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: too many clones of an Arc
// purpose: shows that a count of clones near its end stops the program, by forging one.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <atomic>
#include <mneme/mneme.hpp>

namespace {

alignas(64) std::byte region[1024];

}  // namespace

int main() {
  mneme::Heap heap(region);
  auto made = heap.make_arc<int>(7).poll();
  auto* const shared = (*made)->leak();
  shared->count.store(mneme::Arc<int>::count_max, std::memory_order_relaxed);
  const auto last = mneme::Arc<int>::from_leaked(shared);
  const auto one_more = last.clone();
}
