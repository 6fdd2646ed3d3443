// purpose: a program for the least of systems: without exceptions, RTTI, malloc or threads.
// layer: tests; includes mneme.
// threads: one.
// invariants: nothing but putchar comes from a library.
#include <mneme/mneme.hpp>

extern "C" int putchar(int);

namespace {

alignas(64) std::byte memory[sizeof(mneme::Heap) + 704];  // for one large block, not for two
int rings = 0;

void print(const char* text) {
  while (*text != '\0') putchar(*text++);
}

bool works(mneme::Heap& heap) {
  auto first = heap.make_array<long>(60).poll();
  auto request = heap.make_arc<long>(7);
  auto patient = heap.make_fixed_vec<long>(60);
  auto answer = request.poll();
  if (!first || !*first || !answer || !*answer) return false;
  if (patient.poll({[](void*) noexcept { ++rings; }, nullptr})) return false;
  {
    auto guard = heap.try_lock();
    first.reset();
    if (rings != 0 || !guard) return false;
  }
  if (rings != 1) return false;
  auto vec = patient.poll();
  heap.close();
  const auto late = heap.allocate({8}).poll();
  return vec && *vec && late && late->error() == mneme::AllocError::closed;
}

}  // namespace

int main() {
  const auto heap = mneme::Heap::bootstrap(memory);
  if (!heap || !works(**heap) || (*heap)->validate() != nullptr) return 1;
  if (((*heap)->counters().grants > 0) != mneme::Stats::enabled) return 1;
  (*heap)->~BasicHeap();
  print(mneme::checks_enabled ? "checked" : "unchecked");
  print(mneme::Stats::enabled ? ", counts: " : ", does not count: ");
  // The size of the control block in words, in unary, so that no library has to print it.
  for (std::size_t i = 0; i < sizeof(mneme::Heap) / sizeof(void*); ++i) putchar('|');
  putchar('\n');
  return 0;
}
