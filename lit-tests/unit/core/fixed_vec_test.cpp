// purpose: shows that a FixedVec never grows and holds exactly what was pushed, by counting both.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/fixed_vec_test
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "support/fatal_line.hpp"
#include "support/names.hpp"
#include "support/owners.hpp"

using namespace tests::names;
using mneme::FixedVec;

static_assert(sizeof(FixedVec<int>) == sizeof(int*) + 2 * sizeof(std::size_t));
static_assert(!std::is_copy_constructible_v<FixedVec<int>>);
static_assert(std::is_nothrow_move_constructible_v<FixedVec<int>>);
static_assert(std::is_nothrow_move_assignable_v<FixedVec<int>>);

TEST_CASE("room is asked for once and filled by pushes, up to the capacity") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<Probe>(3));
  const std::size_t used = heap.stats().used_bytes;
  CHECK(vec.empty());
  CHECK(vec.capacity() == 3);
  CHECK(Probe::alive == 0);
  for (int i = 0; i < 3; ++i) {
    CHECK(!vec.full());
    const Probe* const pushed = vec.push(i);
    REQUIRE(pushed != nullptr);
    CHECK(pushed->value == i);
    CHECK(vec.size() == static_cast<std::size_t>(i) + 1);
  }
  CHECK(vec.full());
  CHECK(vec.push(3) == nullptr);
  CHECK(vec.size() == 3);
  CHECK(Probe::alive == 3);
  CHECK(heap.stats().used_bytes == used);
}

TEST_CASE("what a full vector does not take is left untouched") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<std::unique_ptr<int>>(1));
  CHECK(vec.push(std::make_unique<int>(1)) != nullptr);
  auto second = std::make_unique<int>(2);
  CHECK(vec.push(std::move(second)) == nullptr);
  REQUIRE(second != nullptr);  // NOLINT(bugprone-use-after-move): that it is not moved is the claim
  CHECK(*second == 2);
}

TEST_CASE("pop takes the last element out, until there is none") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<std::string>(2));
  (void)vec.push("one");
  (void)vec.push(40U, 'x');  // built in place from any arguments
  CHECK(vec.pop() == std::string(40, 'x'));
  CHECK(vec.pop() == "one");
  CHECK(vec.pop() == std::nullopt);
  CHECK(vec.push("again") != nullptr);
}

TEST_CASE("an element that was popped is destroyed where it stood") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<Probe>(2));
  (void)vec.push(1);
  (void)vec.push(2);
  {
    const auto popped = vec.pop();
    CHECK(popped.value().value == 2);
    CHECK(Probe::alive == 2);
  }
  CHECK(Probe::alive == 1);
}

TEST_CASE("elements are reached by index, pointer and iteration") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<int>(10));
  for (int i = 0; i < 5; ++i) (void)vec.push(i);
  CHECK(std::accumulate(vec.begin(), vec.end(), 0) == 10);
  CHECK(vec.data() == &vec[0]);
  vec[4] = 7;
  CHECK(vec.end()[-1] == 7);
}

TEST_CASE("an index behind the size stops the program, though there is room" *
          doctest::skip(!mneme::checks_enabled)) {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<int>(10));
  (void)vec.push(1);
  CHECK(mneme::test::fatal_line_of([&] { (void)vec[1]; }) ==
        "mneme: fatal: FixedVec: index out of range");
  CHECK(mneme::test::fatal_line_of([&] { (void)vec[0]; }).empty());
}

TEST_CASE("a vector without room is legal: empty and full at once") {
  TestHeap heap(64);
  auto vec = granted(heap.make_fixed_vec<Probe>(0));
  CHECK(vec.empty());
  CHECK(vec.full());
  CHECK(vec.push() == nullptr);
  CHECK(!vec.pop());
  CHECK(heap.stats().used_bytes == 2_words);
}

TEST_CASE("an empty-handed vector owns nothing") {
  FixedVec<Probe> vec;
  CHECK(vec.full());
  CHECK(vec.push() == nullptr);
  CHECK(vec.begin() == vec.end());
  vec.clear();
  vec.reset();
  CHECK(vec.leak().data == nullptr);
}

TEST_CASE("clear destroys the elements, last first, and keeps the room") {
  static std::vector<int> order;
  struct Recorder {
    int number;
    explicit Recorder(int n) : number(n) {}
    ~Recorder() { order.push_back(number); }
  };
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<Recorder>(4));
  for (int i = 0; i < 3; ++i) (void)vec.push(i);
  vec.clear();
  CHECK(order == std::vector{2, 1, 0});
  CHECK(vec.empty());
  CHECK(vec.capacity() == 4);
  CHECK(vec.push(9) != nullptr);
  vec.reset();
  CHECK(order.back() == 9);
  CHECK(vec.capacity() == 0);
  CHECK(heap.stats().live == 0);
}

TEST_CASE("moving a vector moves the ownership and empties the source") {
  TestHeap heap(1024);
  auto first = granted(heap.make_fixed_vec<Probe>(3));
  auto second = granted(heap.make_fixed_vec<Probe>(5));
  (void)first.push(1);
  (void)second.push(2);
  (void)second.push(3);

  FixedVec<Probe> third(std::move(first));
  CHECK(third.size() == 1);
  CHECK(third.capacity() == 3);
  CHECK(first.capacity() == 0);  // NOLINT(bugprone-use-after-move): that it is empty is the claim
  CHECK(first.push() == nullptr);
  third = std::move(second);  // drops probe 1 and its room
  CHECK(Probe::alive == 2);
  CHECK(third.capacity() == 5);
  CHECK(heap.stats().live == 1);

  FixedVec<Probe>& same = third;
  third = std::move(same);
  CHECK(third.size() == 2);
  CHECK(Probe::alive == 2);
  CHECK(sound(heap));
}

TEST_CASE("a leaked vector lives on until it is taken over again, with its room") {
  TestHeap heap(1024);
  FixedVec<Probe>::Leaked parts{};
  {
    auto vec = granted(heap.make_fixed_vec<Probe>(3));
    (void)vec.push(1);
    parts = vec.leak();
  }
  CHECK(Probe::alive == 1);
  auto again = FixedVec<Probe>::from_leaked(parts);
  CHECK(again.size() == 1);
  CHECK(again.push(2) != nullptr);
  CHECK(again.capacity() == 3);
}

TEST_CASE("a constructor that throws leaves the vector as it was") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<Probe>(3));
  (void)vec.push(1);
  Probe::throw_after = 0;
  CHECK_THROWS_WITH((void)vec.push(2), "no probe");
  CHECK(vec.size() == 1);
  CHECK(Probe::alive == 1);
  CHECK(vec.push(3) != nullptr);
}

TEST_CASE("an element whose move throws stays in the vector that was to give it up") {
  struct Stubborn {
    explicit Stubborn(int number) : probe(number) {}
    Stubborn(Stubborn&& other) : probe(other.probe.value) {  // NOLINT(performance-noexcept-*)
      throw std::runtime_error("stays");
    }
    Probe probe;
  };
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<Stubborn>(2));
  (void)vec.push(7);
  CHECK_THROWS_WITH((void)vec.pop(), "stays");
  REQUIRE(vec.size() == 1);
  CHECK(vec[0].probe.value == 7);
  CHECK(Probe::alive == 1);
  vec.clear();
  CHECK(Probe::alive == 0);
}

TEST_CASE("a capacity that overflows, or nearly does, is refused as too large") {
  TestHeap heap(1024);
  constexpr std::size_t wraps_to_one = SIZE_MAX / 8 + 2;
  CHECK(failed(heap.make_fixed_vec<std::uint64_t>(wraps_to_one)) == AllocError::too_large);
  CHECK(failed(heap.make_fixed_vec<std::uint64_t>(SIZE_MAX)) == AllocError::too_large);
  CHECK(failed(heap.make_fixed_vec<char>(SIZE_MAX - 8)) == AllocError::too_large);
  CHECK(failed(heap.make_fixed_vec<std::uint64_t>(128)) == AllocError::too_large);
  CHECK(granted(heap.make_fixed_vec<std::uint64_t>(127)).capacity() == 127);
}

TEST_CASE("over-aligned elements are aligned") {
  struct alignas(256) Element {
    int number;
  };
  TestHeap heap(4096);
  const auto before = granted(heap.allocate(bytes(8)));
  auto vec = granted(heap.make_fixed_vec<Element>(4));
  for (int i = 0; i < 4; ++i) CHECK(mneme::address_of(vec.push(i)) % 256 == 0);
}

TEST_CASE("the block of an empty vector is freed with the size it was allocated with") {
  tests::check_owners_of_nothing([]<class T>(Heap& heap) { return heap.make_fixed_vec<T>(0); });
}

TEST_CASE("a vector is a container that algorithms fill and change") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<int>(8));
  std::ranges::copy(std::array{5, 1, 4}, std::back_inserter(vec));
  std::ranges::sort(vec);
  CHECK(std::ranges::equal(vec, std::array{1, 4, 5}));
  CHECK(*vec.insert(vec.begin() + 1, 3) == 3);
  CHECK(*vec.insert(vec.end(), 6) == 6);
  CHECK(std::ranges::equal(vec, std::array{1, 3, 4, 5, 6}));
  CHECK(*vec.erase(vec.begin()) == 3);
  CHECK(*vec.erase(vec.begin() + 1, vec.begin() + 3) == 6);
  CHECK(vec.erase(vec.end(), vec.end()) == vec.end());
  CHECK(std::ranges::equal(vec, std::array{3, 6}));
  vec.resize(4);
  CHECK(std::ranges::equal(vec, std::array{3, 6, 0, 0}));
  vec.resize(1);
  vec.append_range(std::array{7, 8});
  CHECK(std::ranges::equal(vec, std::array{3, 7, 8}));
  CHECK(vec.front() + vec.back() == 11);
  auto same = granted(heap.make_fixed_vec<int>(3));
  CHECK(vec != same);
  same.append_range(vec);
  CHECK(vec == same);
}

TEST_CASE("a vector keeps count of what it erases, inserts and cuts off") {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<std::unique_ptr<Probe>>(5));
  for (int i = 0; i < 4; ++i) vec.push_back(std::make_unique<Probe>(i));
  vec.erase(vec.begin(), vec.begin() + 2);
  CHECK(Probe::alive == 2);
  vec.insert(vec.begin(), std::make_unique<Probe>(9));
  CHECK(vec[0]->value == 9);
  CHECK(vec[2]->value == 3);
  vec.resize(1);
  CHECK(Probe::alive == 1);
}

TEST_CASE("to go beyond the room stops the program" * doctest::skip(!mneme::checks_enabled)) {
  TestHeap heap(1024);
  auto vec = granted(heap.make_fixed_vec<int>(1));
  vec.push_back(1);
  const char* const line = "mneme: fatal: FixedVec: no room for another element";
  CHECK(mneme::test::fatal_line_of([&] { vec.push_back(2); }) == line);
  CHECK(mneme::test::fatal_line_of([&] { vec.insert(vec.begin(), 2); }) == line);
  CHECK(mneme::test::fatal_line_of([&] { vec.resize(2); }) == line);
  CHECK(vec.size() == 1);
}
