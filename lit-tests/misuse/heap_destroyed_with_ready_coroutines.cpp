// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: heap destroyed while requests wait
// purpose: shows that a heap cannot end while a coroutine is ready, and was not resumed yet.
// layer: tests; includes the heap and a coroutine type.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <optional>
#include <utility>

#include "examples/task.hpp"

namespace {

alignas(64) std::byte region[32 * mneme::word_bytes];
constexpr mneme::Layout all{.size = 31 * mneme::word_bytes, .align = mneme::word_bytes};

examples::Task wait(mneme::Heap& heap) { (void)co_await heap.allocate(all); }

}  // namespace

int main() {
  std::optional<mneme::Heap> brief(std::in_place, region);
  void* const held = brief->try_allocate(all);
  const examples::Task task = wait(*brief);
  brief->close();  // the coroutine is ready from now on
  brief->free(held, all);
  brief.reset();
}
