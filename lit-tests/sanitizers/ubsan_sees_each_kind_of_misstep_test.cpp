// REQUIRES: asan || unchecked
// RUN: not %this -tc=misaligned 2>&1 | FileCheck %s --check-prefix=MISALIGNED
// RUN: not %this -tc='pointer overflow' 2>&1 | FileCheck %s --check-prefix=POINTER
// RUN: not %this -tc='lost bits' 2>&1 | FileCheck %s --check-prefix=LOST
// RUN: not %this -tc='wide shift' 2>&1 | FileCheck %s --check-prefix=SHIFT
// RUN: not %this -tc='beyond an object' 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not %this -tc='no such value' 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not %this -tc='beyond an array' 2>&1 | FileCheck %s --check-prefix=ARRAY
// RUN: not %this -tc='far behind a local array' 2>&1 | FileCheck %s --check-prefix=LOCAL
// RUN: not %this -tc='another function' 2>&1 | FileCheck %s --check-prefix=FUNCTION
// RUN: not %this -tc='nowhere' 2>&1 | FileCheck %s --check-prefix=NULL
// RUN: not %this -tc='signed overflow' 2>&1 | FileCheck %s --check-prefix=SIGNED
// RUN: not %this -tc='what cannot be reached' 2>&1 | FileCheck %s --check-prefix=UNREACHABLE
// RUN: not %this -tc='divided by zero' 2>&1 | FileCheck %s --check-prefix=DIVIDED
// RUN: not %this -tc='null where none may be' 2>&1 | FileCheck %s --check-prefix=NONNULL
// MISALIGNED: runtime error: {{store to|constructor call on}} misaligned address
// POINTER: runtime error: {{addition of unsigned offset to 0x[0-9a-f]+ overflowed}}
// LOST: runtime error: implicit conversion from type 'std::size_t'
// SHIFT: runtime error: shift exponent 64 is too large
// SIZE: runtime error: member access within address {{.*}} with insufficient space for an object
// VALUE: runtime error: load of value 7, which is not a valid value for type
// ARRAY: runtime error: index 4 out of bounds for type 'const int[4]'
// LOCAL: runtime error: access out of bounds
// FUNCTION: runtime error: call to function {{.*}} through pointer to incorrect function type
// NULL: runtime error: reference binding to null pointer of type 'std::byte'
// SIGNED: runtime error: signed integer overflow
// UNREACHABLE: runtime error: execution reached an unreachable program point
// DIVIDED: runtime error: division by zero
// NONNULL: runtime error: null pointer passed as argument 1, which is declared to never be null
// purpose: shows that UBSan is alive, by one misstep a case, each of a kind the core could make.
// layer: tests; includes everything.
// threads: none.
// invariants: none; each case ends its program.
#ifdef __clang__  // g++ warns of some of this, and stops
#include <doctest/doctest.h>

#include <climits>
#include <cstdint>
#include <cstring>
#include <mneme/mneme.hpp>
#include <utility>

using namespace mneme;

namespace {

/// A number that no compiler knows.
std::size_t unknown(std::size_t number) {
  volatile std::size_t copy = number;
  return copy;
}

alignas(64) std::byte memory[256];

TEST_CASE("misaligned") { (void)node::begin_object<std::uint64_t>(memory + unknown(4), 1U); }

TEST_CASE("pointer overflow") {
  const std::byte* place = &memory[unknown(0)];
  place += unknown(SIZE_MAX - 64);
  CHECK(address_of(place) != 0);
}

TEST_CASE("lost bits") {
  const auto narrow = [](std::size_t wide) -> std::uint32_t {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wshorten-64-to-32"
    return wide;
#pragma clang diagnostic pop
  };
  CHECK(narrow(unknown(std::size_t{1} << 40)) == 0);
}

TEST_CASE("wide shift") { CHECK((std::size_t{1} << unknown(64)) != 2); }

TEST_CASE("beyond an object") {
  struct Pair {
    std::uint64_t first, second;
  };
  std::uint64_t alone = 1;
  const auto* const pair = node::object_at<Pair>(&alone);
  CHECK(pair->second != 1);
}

TEST_CASE("no such value") {
  bool flag = false;
  const unsigned char seven = 7;
  std::memcpy(&flag, &seven, 1);
  CHECK(flag);
}

TEST_CASE("beyond an array") {
  const int few[4] = {1, 2, 3, 4};
  const int there = few[unknown(4)];
  CHECK(there != 5);
}

void takes_a_context(void* /*context*/) noexcept {}

TEST_CASE("far behind a local array") {  // where ASan does not look
  std::size_t numbers[4];
  for (std::size_t i = 0; i < 4; ++i) numbers[i] = unknown(i);
  const std::size_t* const first = numbers;
  const std::size_t there = first[unknown(400)];
  CHECK(there != 5);
}

TEST_CASE("another function") {
  auto* const any = reinterpret_cast<void (*)()>(&takes_a_context);  // NOLINT
  auto* const call = reinterpret_cast<void (*)(std::size_t)>(any);   // NOLINT
  call(unknown(1));
}

TEST_CASE("nowhere") {
  std::byte* const place = unknown(0) == 0 ? nullptr : memory;
  std::byte& there = *place;
  CHECK(address_of(&there) == 0);
}

TEST_CASE("signed overflow") {
  const int most = INT_MAX;
  CHECK(most + static_cast<int>(unknown(1)) < 0);
}

TEST_CASE("what cannot be reached") {
  if (unknown(1) == 1) std::unreachable();
}

TEST_CASE("divided by zero") { CHECK(1.0 / static_cast<double>(unknown(0)) > 1.0); }

[[gnu::nonnull]] void takes_what_is_there(const std::byte* place) { CHECK(address_of(place) == 0); }

TEST_CASE("null where none may be") { takes_what_is_there(unknown(0) == 0 ? nullptr : memory); }

}  // namespace
#endif
