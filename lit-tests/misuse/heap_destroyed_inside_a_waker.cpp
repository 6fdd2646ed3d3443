// RUN: not --crash %program 2>&1 | FileCheck %s --match-full-lines
// CHECK: mneme: fatal: heap destroyed inside a waker
// purpose: shows that a waker which a close calls cannot end the heap.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <optional>

namespace {

constexpr mneme::Layout most{.size = 48, .align = 8};

/// Not static: a static heap may be left in any state when the program ends.
struct Program {
  alignas(64) std::byte region[64];
  std::optional<mneme::Heap> heap{region};
  std::optional<mneme::Request<>> request;
  void* held = heap->try_allocate(most);
};

void end_all(void* context) noexcept {
  auto& program = *static_cast<Program*>(context);
  program.request.reset();
  program.heap->free(program.held, most);
  program.heap.reset();
}

}  // namespace

int main() {
  Program program;
  program.request.emplace(*program.heap, mneme::Layout{.size = 40, .align = 8});
  (void)program.request->poll({.wake = end_all, .context = &program});
  program.heap->close();
}
