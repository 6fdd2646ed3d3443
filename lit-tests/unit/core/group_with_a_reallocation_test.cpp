// purpose: shows that a reallocation in a group is done with the rest of the group, or not at all.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/group_with_a_reallocation_test
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mneme/raw/pool.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/raw/wide_bounded.hpp>
#include <mneme/waiting/make_all.hpp>
#include <mneme/waiting/reallocate.hpp>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "raw_heaps/table.hpp"
#include "support/effort.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::Reallocated;

namespace {

/// A block whose bytes are all `fill`.
template <class AnyHeap>
auto filled(AnyHeap& heap, std::size_t size, int fill = 7) {
  auto block = granted(heap.allocate(bytes(size)));
  std::memset(block.data(), fill, size);
  return block;
}
template <class AnyHeap>
bool intact(const mneme::Allocation<AnyHeap>& block, std::size_t kept, int fill = 7) {
  return std::ranges::all_of(block.bytes().first(kept),
                             [&](std::byte each) { return each == static_cast<std::byte>(fill); });
}

}  // namespace

TEST_CASE("a buffer grows in place, moves, or becomes shorter, beside what is made") {
  TestHeap heap(32_words);
  auto block = filled(heap, 3_words);
  {
    auto [number, done, other] = granted(heap.make_all(
        heap.make<int>(5), heap.reallocate(block, 7_words), heap.allocate(bytes(2_words))));
    CHECK(done == Reallocated::in_place);
    CHECK(*number == 5);
    CHECK(block.layout() == bytes(7_words));
    CHECK(intact(block, 3_words));
    std::memset(block.data(), 7, 7_words);
    auto [moved, more] = granted(heap.make_all(heap.reallocate(block, 9_words), heap.make<int>(6)));
    CHECK(moved == Reallocated::moved);
    CHECK(intact(block, 7_words));
    CHECK(heap.counters().live == 4);
  }
  for (const std::size_t size : {5_words, 4_words}) {  // by more than a word, and by one
    auto [shorter, last] = granted(heap.make_all(heap.reallocate(block, size), heap.make<int>(8)));
    CHECK(shorter == Reallocated::in_place);
    CHECK(block.layout() == bytes(size));
    CHECK(intact(block, size));
    CHECK(!heap.is_locked());
  }
}

TEST_CASE("it waits for all parts, and has none of them meanwhile") {
  TestHeap heap(20_words);
  auto block = filled(heap, 3_words);
  auto hog = granted(heap.allocate(bytes(9_words)));  // behind it, 6 words are left
  Alarm alarm;
  for (const bool is_cancelled : {true, false}) {
    auto group = heap.make_all(heap.reallocate(block, 5_words), heap.allocate(bytes(7_words)));
    CHECK(!group.poll(alarm.waker()));
    CHECK(heap.counters().used_bytes == 14_words);
    CHECK(block.layout() == bytes(3_words));
    if (is_cancelled) continue;
    hog.reset();
    CHECK(alarm.rings() == 1);
    std::memset(block.data(), 7, 3_words);  // its owner may use it until the result is taken
    auto [done, other] = granted(group);
    CHECK(done == Reallocated::in_place);
    CHECK(block.layout() == bytes(5_words));
    CHECK(intact(block, 3_words));
  }
}

TEST_CASE("cancelled once it is granted, the owner is as it was, and nothing is lost") {
  for (const std::size_t size : {2_words, 4_words, 8_words, 12_words}) {
    TestHeap heap(36_words);
    auto block = filled(heap, 3_words);
    auto guard = heap.try_lock();
    auto group = heap.make_all(heap.allocate(bytes(2_words)), heap.reallocate(block, size));
    CHECK(!group.poll());
    guard.unlock();
    CHECK(group.state() == RequestState::granted);
    CHECK(heap.is_locked() == (size <= 4_words));
    group.cancel();
    CHECK(!heap.is_locked());
    CHECK(failed(group) == AllocError::cancelled);
    CHECK(block.layout() == bytes(3_words));
    CHECK(intact(block, 3_words));
    CHECK(heap.counters().used_bytes == 4_words);
    CHECK(sound(heap));
  }
}

TEST_CASE("a constructor that throws leaves the owner as it was") {
  for (const std::size_t size : {2_words, 4_words, 8_words}) {
    for (const int after : {0, 1}) {
      TestHeap heap(64_words);
      auto block = filled(heap, 3_words);
      Probe::throw_after = after;
      auto group =
          heap.make_all(heap.make<Probe>(1), heap.reallocate(block, size), heap.make<Probe>(2));
      CHECK_THROWS_AS((void)group.poll(), std::runtime_error);
      Probe::throw_after = -1;
      CHECK(Probe::alive == 0);
      CHECK(!heap.is_locked());
      CHECK(block.layout() == bytes(3_words));
      CHECK(intact(block, 3_words));
      CHECK(heap.counters().used_bytes == 4_words);
    }
  }
}

TEST_CASE("an empty owner gets its first memory, and an array its elements") {
  TestHeap heap(64_words);
  mneme::Array<int> numbers;
  mneme::Allocation<> block;
  auto [done, one] = granted(heap.make_all(heap.reallocate(numbers, 5), heap.make<int>(1)));
  CHECK(done == Reallocated::moved);
  CHECK(numbers.size() == 5);
  CHECK(numbers[4] == 0);
  CHECK(failed(heap.make_all(heap.reallocate(block, 80_words), heap.make<int>(1))) ==
        AllocError::too_large);
}

TEST_CASE("it is refused only if the largest piece beside the block may be too small") {
  for (const bool fits : {true, false}) {
    TestHeap heap(32_words);
    auto block = filled(heap, 9_words);
    auto hog = granted(heap.allocate(bytes(20_words)));
    auto group = heap.make_all(heap.allocate(bytes(fits ? 10_words : 11_words)),
                               heap.reallocate(block, 20_words));  // in place: 21 words of 32
    auto answer = group.poll();
    CHECK(answer.has_value() == !fits);
    if (answer) CHECK(answer->error() == AllocError::too_large);
    hog.reset();
    if (fits) (void)granted(group);
  }
}

namespace {

alignas(512) std::array<std::byte, 1024> memory;

/// A group beside its old block alone: granted, or it was refused. Random sizes and alignments.
template <class AnyHeap>
void beside_its_block(unsigned seed) {
  std::mt19937 random(seed);
  const auto any = [&](std::size_t words) { return random() % (words + 1) * word_bytes; };
  const auto align = [&] { return word_bytes << random() % 5; };
  const std::span region(memory);
  AnyHeap heap(region.subspan(any(3), 24_words + any(60)));
  auto first = heap.allocate(bytes(any(30))).poll();
  auto own = heap.allocate({.size = any(6), .align = align()}).poll();
  if (!first || !own || !*own) return;
  auto& block = **own;
  std::vector<mneme::Allocation<AnyHeap>> others;
  for (std::size_t rest = 60_words; rest >= word_bytes;) {
    auto other = heap.allocate(bytes(rest)).poll();
    other && *other ? others.push_back(std::move(**other)) : void(rest -= word_bytes);
  }
  auto group = heap.make_all(heap.allocate({.size = any(8), .align = align()}),
                             heap.reallocate(block, any(14)), heap.allocate(bytes(any(8))));
  const auto answer = group.poll();
  if (random() % 2 == 0) others.clear();
  first.reset();
  others.clear();
  if (answer) {
    CHECK((*answer || answer->error() == AllocError::too_large));
  } else {
    REQUIRE(group.state() == RequestState::granted);
    if (random() % 2 == 0) (void)granted(group);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a group that waits is granted once all else is free", Raw, MNEME_RAW_HEAPS,
                   mneme::WideBounded, mneme::Pool<14 * word_bytes>,
                   mneme::Quarantining<mneme::Bounded, 3>) {
  for (unsigned seed = 0; seed < tests::rounds(4000U); ++seed) {
    CAPTURE(seed);
    beside_its_block<mneme::BasicHeap<Raw>>(seed);
  }
}
