// purpose: a user's program, which waits for memory once; the same however it got mneme.
// layer: tests; includes mneme, by the name that users write.
// threads: one.
// invariants: none.
#include <cstdio>
#include <mneme/mneme.hpp>
#include <mneme/version.hpp>

#if MNEME_VERSION < 100
#error "the version is a number that #if can compare"
#endif

int main() {
  alignas(16) static std::byte region[512];
  mneme::Heap heap{region};
  auto first = heap.make_array<char>(300).poll();
  auto second = heap.make_array<char>(300);
  const bool waited = !second.poll();
  first.reset();
  const bool granted = second.poll().has_value();
  std::printf("mneme %s, checked %d, statistics %d: %s\n", mneme::version_text, MNEME_CHECKED,
              MNEME_STATS, waited && granted ? "waited, and was granted" : "broken");
}
