// RUN: not --crash %program 2>&1 | %fatal
// CHECK: mneme: fatal: heap destroyed while requests wait
// purpose: shows that a heap cannot end while a request waits in it.
// layer: tests; includes the heap.
// threads: none.
// invariants: none but the one broken here.
#include <mneme/mneme.hpp>
#include <optional>
#include <utility>

namespace {

alignas(64) std::byte region[1024];
alignas(64) std::byte other_region[32 * mneme::word_bytes];
constexpr mneme::Layout layout{.size = 5 * mneme::word_bytes, .align = mneme::word_bytes};

}  // namespace

int main() {
  mneme::Heap heap(region);
  {
    std::optional<mneme::Heap> brief(std::in_place, other_region);
    void* const all =
        brief->try_allocate({.size = 31 * mneme::word_bytes, .align = mneme::word_bytes});
    auto request = brief->allocate(layout);
    (void)request.poll();
    brief.reset();
    brief->free(all, {.size = 31 * mneme::word_bytes, .align = mneme::word_bytes});
  }
}
