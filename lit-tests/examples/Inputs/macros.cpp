// purpose: macros of C libraries, platforms and firmware, defined before mneme is included.
// layer: tests; includes mneme.
// threads: one.
// invariants: none.
#include <algorithm>
#include <array>
#include <atomic>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <tuple>

#define check(assertion) macro_of_another_header
#define require(assertion) macro_of_another_header
#define verify(assertion) macro_of_another_header
#define assert(assertion) macro_of_another_header
#define malloc(size) macro_of_another_header
#define realloc(pointer, size) macro_of_another_header
#define free(pointer) macro_of_another_header
#define new_node(x) macro_of_another_header
#define min(a, b) macro_of_another_header
#define max(a, b) macro_of_another_header
#define abs(a) macro_of_another_header
#define round(a) macro_of_another_header
#define F(text) macro_of_another_header
#define L 1
#define R 2
#define B1 3
#define near
#define far
#define small char
#define interface struct
#define IN
#define OUT
#define ERROR 0
#define DEBUG 1
#define word macro_of_another_header

#include <mneme/mneme.hpp>

int main() {
  static std::byte region[1024];
  mneme::Heap heap{region};
  auto box = *heap.make<int>(7).poll();
  std::puts(heap.validate() == nullptr && **box == 7 ? "sound" : "broken");
}
