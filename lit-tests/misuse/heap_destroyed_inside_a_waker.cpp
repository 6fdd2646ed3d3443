// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: heap destroyed inside a waker
// purpose: shows that a waker which a close calls cannot end the heap.
// layer: tests; includes everything.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <optional>

namespace {

constexpr mneme::Layout most{.size = 6 * mneme::word_bytes, .align = mneme::word_bytes};

/// Not static: a static heap may be left in any state when the program ends.
struct Program {
  alignas(64) std::byte region[8 * mneme::word_bytes];
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
  program.request.emplace(*program.heap,
                          mneme::Layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes});
  (void)program.request->poll({.wake = end_all, .context = &program});
  program.heap->close();
}
