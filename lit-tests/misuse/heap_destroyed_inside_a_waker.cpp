// RUN: not --crash %program 2>&1 | FileCheck %s --match-full-lines
// CHECK: mneme: fatal: heap destroyed inside a waker
// purpose: shows that a waker which a close calls cannot end the heap.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <optional>

namespace {

alignas(64) std::byte region[64];
std::optional<mneme::Heap> heap(region);
std::optional<mneme::Request<>> request;

}  // namespace

int main() {
  void* const held = heap->try_allocate({.size = 48, .align = 8});
  request.emplace(*heap, mneme::Layout{.size = 40, .align = 8});
  const auto end_all = [](void* block) noexcept {
    request.reset();
    heap->free(block, {.size = 48, .align = 8});
    heap.reset();
  };
  (void)request->poll({.wake = end_all, .context = held});
  heap->close();
}
