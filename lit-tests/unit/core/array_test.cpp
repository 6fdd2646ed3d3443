// purpose: shows that an Array holds exactly its elements, by counting them and the heap's bytes.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/array_test
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/fatal_line.hpp"
#include "support/names.hpp"
#include "support/owners.hpp"

using namespace tests::names;
using mneme::Array;

static_assert(sizeof(Array<int>) == sizeof(int*) + sizeof(std::size_t));
static_assert(!std::is_copy_constructible_v<Array<int>>);
static_assert(std::is_nothrow_move_constructible_v<Array<int>>);
static_assert(std::is_nothrow_move_assignable_v<Array<int>>);

TEST_CASE("the elements of an array are value-initialised, even over old bytes") {
  TestHeap heap(1024);
  {
    auto used = granted(heap.make_array<std::uint8_t>(1000));
    for (auto& byte : used) byte = 0xff;
  }
  const auto array = granted(heap.make_array<std::uint32_t>(200));
  CHECK(array.size() == 200);
  CHECK(std::accumulate(array.begin(), array.end(), 0U) == 0);
}

TEST_CASE("an array costs one word besides its elements") {
  TestHeap heap(1024);
  const auto words = granted(heap.make_array<std::uint64_t>(10));
  CHECK(heap.stats().used_bytes == 80 + 1_words);
  const auto letters = granted(heap.make_array<char>(2_words + 1));  // rounded up to whole words
  CHECK(heap.stats().used_bytes == (80 + 1_words) + 4_words);
}

TEST_CASE("elements are reached by index, pointer and iteration") {
  TestHeap heap(1024);
  const auto array = granted(heap.make_array<int>(5));
  std::iota(array.begin(), array.end(), 10);
  CHECK(array[0] == 10);
  CHECK(array[4] == 14);
  CHECK(array.data() == &array[0]);
  CHECK(array.end() - array.begin() == 5);
}

TEST_CASE("an index out of range stops the program" * doctest::skip(!mneme::checks_enabled)) {
  TestHeap heap(1024);
  const auto array = granted(heap.make_array<int>(5));
  CHECK(mneme::test::fatal_line_of([&] { (void)array[5]; }) ==
        "mneme: fatal: Array: index out of range");
  CHECK(mneme::test::fatal_line_of([&] { (void)array[4]; }).empty());
}

TEST_CASE("an array of nothing is legal, distinct, and frees cleanly") {
  TestHeap heap(64);
  auto first = granted(heap.make_array<int>(0));
  const auto second = granted(heap.make_array<int>(0));
  CHECK(static_cast<bool>(first));
  CHECK(first.size() == 0);
  CHECK(first.begin() == first.end());
  CHECK(first.data() != second.data());
  CHECK(heap.stats().used_bytes == 4_words);
  first = Array<int>();
  CHECK(heap.stats().used_bytes == 2_words);
}

TEST_CASE("an empty array owns nothing") {
  Array<Probe> array;
  CHECK(!array);
  CHECK(array.size() == 0);
  CHECK(array.begin() == array.end());
  array.reset();
  CHECK(array.leak().data == nullptr);
}

TEST_CASE("moving an array moves the ownership and empties the source") {
  TestHeap heap(1024);
  Array<Probe> first = granted(heap.make_array<Probe>(3));
  Array<Probe> second = granted(heap.make_array<Probe>(4));
  CHECK(Probe::alive == 7);

  Array<Probe> third(std::move(first));
  CHECK(third.size() == 3);
  CHECK(!first);              // NOLINT(bugprone-use-after-move): that it is empty is the claim
  CHECK(first.size() == 0);   // NOLINT(bugprone-use-after-move)
  third = std::move(second);  // drops three probes
  CHECK(third.size() == 4);
  CHECK(Probe::alive == 4);
  CHECK(sound(heap));

  Array<Probe>& same = third;
  third = std::move(same);
  CHECK(third.size() == 4);
  CHECK(Probe::alive == 4);
}

TEST_CASE("a leaked array lives on until it is taken over again") {
  TestHeap heap(1024);
  Array<Probe>::Leaked parts{};
  {
    auto array = granted(heap.make_array<Probe>(3));
    parts = array.leak();
    CHECK(!array);
  }
  CHECK(Probe::alive == 3);
  CHECK(parts.size == 3);
  const auto again = Array<Probe>::from_leaked(parts);
  CHECK(again.size() == 3);
}

TEST_CASE("elements are destroyed last first") {
  static std::vector<int> order;
  struct Recorder {
    int number = 0;
    ~Recorder() { order.push_back(number); }
  };
  TestHeap heap(1024);
  {
    const auto array = granted(heap.make_array<Recorder>(3));
    for (std::size_t i = 0; i < 3; ++i) array[i].number = static_cast<int>(i);
  }
  CHECK(order == std::vector{2, 1, 0});
}

TEST_CASE("a constructor that throws destroys what was built and gives the memory back") {
  TestHeap heap(1024);
  for (int built = 0; built < 5; ++built) {
    Probe::throw_after = built;
    CHECK_THROWS_WITH((void)heap.make_array<Probe>(5).poll(), "no probe");
    CHECK(Probe::alive == 0);
    CHECK(heap.stats().used_bytes == 0);
    CHECK(sound(heap));
  }
}

TEST_CASE("a count that overflows, or nearly does, is refused as too large") {
  TestHeap heap(128_words);
  constexpr std::size_t wraps_to_one = SIZE_MAX / 8 + 2;
  CHECK(failed(heap.make_array<std::uint64_t>(wraps_to_one)) == AllocError::too_large);
  CHECK(failed(heap.make_array<std::uint64_t>(SIZE_MAX)) == AllocError::too_large);
  CHECK(failed(heap.make_array<std::uint64_t>(SIZE_MAX / 8)) == AllocError::too_large);
  for (std::size_t less = 0; less < 32; ++less) {
    CHECK(failed(heap.make_array<char>(SIZE_MAX - less)) == AllocError::too_large);
  }
  CHECK(failed(heap.make_array<char>(127_words + 1)) == AllocError::too_large);
  CHECK(granted(heap.make_array<char>(127_words)).size() == 127_words);
  CHECK(heap.stats().refusals == 36);
}

TEST_CASE_TEMPLATE("over-aligned elements are aligned", T, std::integral_constant<std::size_t, 64>,
                   std::integral_constant<std::size_t, 4096>) {
  struct alignas(T::value) Element {
    std::byte first{};
  };
  TestHeap heap(5 * 4096);
  const auto before = granted(heap.allocate(bytes(8)));
  const auto array = granted(heap.template make_array<Element>(2));
  for (const auto& element : array) CHECK(mneme::address_of(&element) % T::value == 0);
  CHECK(sound(heap));
}

TEST_CASE("elements without state are legal") {
  struct Nothing {};
  TestHeap heap(1024);
  const auto array = granted(heap.make_array<Nothing>(13_words));
  CHECK(array.size() == 13_words);
  CHECK(heap.stats().used_bytes == 14_words);
}

TEST_CASE("an array may wait, and is built at the grant") {
  TestHeap heap(256);
  auto hog = granted(heap.allocate(bytes(240)));
  auto request = heap.make_array<Probe>(20);
  CHECK(!request.poll());
  hog.reset();
  CHECK(Probe::alive == 0);  // built by the taker, not by the free
  const auto array = granted(request);
  CHECK(Probe::alive == 20);
}

TEST_CASE("the block of an empty array is freed with the size it was allocated with") {
  tests::check_owners_of_nothing([]<class T>(Heap& heap) { return heap.make_array<T>(0); });
}

TEST_CASE("arrays are compared by their elements, and have ends") {
  TestHeap heap(1024);
  const auto array = granted(heap.make_array<int>(3));
  const auto other = granted(heap.make_array<int>(3));
  CHECK(array == other);
  other.back() = 1;
  CHECK(array != other);
  CHECK(array != granted(heap.make_array<int>(2)));
  array.front() = 5;
  CHECK(array[0] == 5);
  CHECK(other[2] == 1);
  CHECK(!array.empty());
  CHECK(Array<int>().empty());
}

TEST_CASE("the front of an empty array stops the program" * doctest::skip(!mneme::checks_enabled)) {
  const Array<int> array;
  for (const bool front : {false, true}) {
    CHECK(mneme::test::fatal_line_of([&] { (void)(front ? array.front() : array.back()); }) ==
          "mneme: fatal: Array: index out of range");
  }
}

TEST_CASE("an array for overwrite keeps old bytes, and builds what has a constructor") {
  TestHeap heap(1024);
  std::byte* place = nullptr;
  {
    auto used = granted(heap.make_array<std::byte>(100));
    place = used.data();
    for (auto& byte : used) byte = std::byte{0xab};
  }
  const auto array = granted(heap.make_array_for_overwrite<std::byte>(100));
  CHECK(array.size() == 100);
  CHECK(array.data() == place);
#if !defined(MNEME_MSAN) && !defined(MNEME_VALGRIND) && MNEME_QUARANTINE == 0
  CHECK(array[60] == std::byte{0xab});  // behind what the hole kept in these bytes
#endif
  const auto probes = granted(heap.make_array_for_overwrite<Probe>(3));
  CHECK(Probe::alive == 3);
}

TEST_CASE("an array copies a range, which it keeps until the grant") {
  TestHeap heap(256);
  CHECK(granted(heap.make_array<char>(std::string_view("hello"))).back() == 'o');
  auto hog = granted(heap.allocate(bytes(240)));
  std::vector<int> numbers{1, 2, 3};
  auto request = heap.make_array<long>(numbers);
  CHECK(!request.poll());
  numbers.assign(3, 9);
  hog.reset();
  CHECK(granted(request)[2] == 3);
  CHECK(granted(heap.make_array<int>(std::vector<int>())).empty());
}

TEST_CASE("arrays of arrays") {
  struct Counted {
    Counted() : probe(1) {}
    Probe probe;
  };
  TestHeap heap(1024);
  const auto table = granted(heap.make_array<int[4]>(3));
  CHECK(table.size() == 3);
  CHECK(table[2][3] == 0);
  CHECK(heap.stats().used_bytes == 48 + 1_words);
  {
    const auto probes = granted(heap.make_array<Counted[2]>(2));
    CHECK(Probe::alive == 4);
  }
  CHECK(Probe::alive == 0);
}
