// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: heap destroyed while it is locked
// purpose: shows that a heap cannot end while a guard holds it.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <optional>
#include <utility>

namespace {

alignas(64) std::byte region[1024];
alignas(64) std::byte other_region[32 * mneme::word_bytes];

}  // namespace

int main() {
  mneme::Heap heap(region);
  std::optional<mneme::Heap> brief(std::in_place, other_region);
  const auto guard = brief->try_lock();
  brief.reset();
}
