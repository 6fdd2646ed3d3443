// purpose: shows that parsing a correct step allocates nothing, by counting each operator new.
// layer: tests; includes the driver's front end.
// threads: none.
// invariants: the replaced operators do what the standard ones do, and count.
// RUN: %runner %build/tests/parsing_allocates_nothing_test
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "driver/language/format_op.hpp"
#include "driver/language/parser.hpp"

namespace {
std::size_t allocation_count = 0;
}

// TSan has operators of its own, which are not counted.
// UNSUPPORTED: tsan
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OPERATORS_ARE_TAKEN
#endif
#endif

#ifndef OPERATORS_ARE_TAKEN
void* operator new(std::size_t size) {
  ++allocation_count;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

using namespace mneme::driver;

TEST_CASE("parsing and printing steps allocates nothing") {
  Source source{
      "heap 64M poll=auto\n"
      "alloc a 600 align=64 try  # and a comment\n"
      "resize a 800\n"
      "clone a b\n"
      "array s 32\n"
      "expect used 0 free 1 largest 2 live 3 waiting 4 deferred 5\n"
      "expect a granted\n"
      "free a defer\n",
      "test.mn"};
  Parser parser{source};
  Op op;
  CommandBuffer buffer;
  std::size_t step_count = 0;
  const std::size_t before = allocation_count;
  while (parser.next(op)) step_count += format_op(op, buffer).empty() ? 0U : 1U;
  const std::size_t after = allocation_count;
  CHECK(step_count == 8);
  CHECK(after == before);
}

TEST_CASE("parsing a malloclab trace allocates for ids that become live, and for nothing else") {
  std::string text = "0\n1\n102\n1\na 0 512\n";
  for (std::size_t i = 0; i < 100; ++i) text += "r 0 600\n";
  text += "f 0\n";
  Source source{text, "test.rep"};
  Parser parser{source};
  Op op;
  const std::size_t before = allocation_count;
  std::size_t step_count = 0;
  while (parser.next(op)) ++step_count;
  const std::size_t after = allocation_count;
  CHECK(step_count == 103);
  CHECK(after - before <= 2);  // the id, and the first table of ids
}
