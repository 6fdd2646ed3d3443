// RUN: %runner %build/tests/misuse_test
// purpose: shows the line for each way a pointer comes back wrongly, by child processes.
// layer: tests; includes the heap.
// threads: none.
// invariants: a line names the offset of the payload in its region, as scripts and maps do.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <span>
#include <string>

#include <doctest/doctest.h>
#include "support/fatal_line.hpp"
#include "support/words.hpp"

using namespace mneme;
using mneme::test::operator""_words;

namespace {

constexpr Layout layout = test::by_words(5_words);

struct Fixture {
  alignas(64) std::byte region[128_words];
  Heap heap{region};
  std::byte* const a = static_cast<std::byte*>(heap.try_allocate(layout));
  std::byte* const b = static_cast<std::byte*>(heap.try_allocate(layout));

  ~Fixture() {
    heap.free(a, layout);
    heap.free(b, layout);
  }

  /// The line for freeing `payload` as `wrong`, after `before()`.
  template <class F>
  std::string line(void* payload, Layout wrong, F before) {
    return test::fatal_line_of([&] {
      before();
      heap.free(payload, wrong);
    });
  }
  std::string line(void* payload, Layout wrong = layout) {
    return line(payload, wrong, [] {});
  }
};

/// Overwrites a header, as an overflow of the block before it would, behind the back of all tools.
void smash(std::byte* payload, std::size_t value) {
  const instrument::ScopedUnpoison window(payload - word_bytes, word_bytes);
  __builtin_memcpy(payload - word_bytes, &value, word_bytes);
}

/// The header of a live block.
std::size_t heap_word(std::byte* payload) { return header::load(payload - word_bytes); }

const std::string fatal = "mneme: fatal: ";

/// A number of bytes, as a line has it.
std::string number(std::size_t count) { return std::to_string(count); }

TEST_CASE("the right pointer with the right layout comes back without a word") {
  Fixture f;
  CHECK(f.line(f.a).empty());
  CHECK(f.line(f.b).empty());
}

TEST_CASE_FIXTURE(Fixture, "double free") {
  if constexpr (!checks_enabled) return;
  const std::string of_a = fatal + "double free of the block at " + number(1_words);
  const std::string of_b = fatal + "double free of the block at " + number(7_words);
  CHECK(line(a, layout, [&] { heap.free(a, layout); }) == of_a);
  CHECK(line(b, layout, [&] { heap.free(b, layout); }) == of_b);
  CHECK(line(b, layout, [&] { heap.free(a, layout), heap.free(b, layout); }) == of_b);
  CHECK(line(a, layout, [&] { heap.free(b, layout), heap.free(a, layout); }) == of_a);
  const std::string deferred = fatal + "double free of the deferred block at " + number(1_words);
  CHECK(line(a, layout, [&] { heap.defer_free(a, layout); }) == deferred);
  CHECK(line(a, layout, [&] { heap.defer_free(a, layout), heap.defer_free(b, layout); }) ==
        deferred);
  CHECK(line(a, layout, [&] { heap.defer_free(b, layout), heap.defer_free(a, layout); }) ==
        deferred);
  CHECK(line(a, layout, [&] { heap.defer_free(a, layout), (void)heap.poll(); }) == of_a);
}

TEST_CASE_FIXTURE(Fixture, "a foreign pointer") {
  if constexpr (!checks_enabled) return;
  const std::string outside = fatal + "foreign pointer: not in this heap's region";
  alignas(16) std::byte elsewhere[64]{};
  CHECK(line(elsewhere + 16) == outside);
  CHECK(line(region) == outside);  // no block is before the first header
  CHECK(line(region + sizeof region + word_bytes) == outside);
  CHECK(line(a + 1) == fatal + "foreign pointer: no block begins at " + number(1_words + 1));
  CHECK(line(a + word_bytes / 2) ==
        fatal + "foreign pointer: no block begins at " + number(1_words + word_bytes / 2));
  alignas(64) std::byte other_region[32_words];
  Heap other(other_region);
  void* const theirs = other.try_allocate(layout);
  CHECK(line(theirs) == outside);
  other.free(theirs, layout);
}

TEST_CASE_FIXTURE(Fixture, "the inside of a block, whatever it holds") {
  if constexpr (!checks_enabled) return;
  std::memset(a, 0, layout.size);
  CHECK(line(a + word_bytes) == fatal + "smashed header of the block at " + number(2_words));
  std::memset(a, 0xFF, layout.size);
  CHECK(line(a + 2 * word_bytes) == fatal + "smashed header of the block at " + number(3_words));
}

TEST_CASE("the inside of a block that was never written") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[32_words];
  std::memset(region, 0, sizeof region);
  Heap heap(region);
  auto* const a = static_cast<std::byte*>(heap.try_allocate(layout));
  CHECK(test::fatal_line_of([&] { heap.free(a + 2 * word_bytes, layout); }) ==
        fatal + "smashed header of the block at " + number(3_words));
  heap.free(a, layout);
}

TEST_CASE("the end of the region is no block, and nothing beyond it is read") {
  if constexpr (!checks_enabled) return;
  const std::string outside = fatal + "foreign pointer: not in this heap's region";
  // The page behind the region cannot be read.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages =
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  auto* const region = static_cast<std::byte*>(pages);
  REQUIRE(mprotect(region + page, page, PROT_NONE) == 0);
  {
    Heap heap(std::span(region, page));
    const std::string line =
        test::fatal_line_of([&] { heap.free(region + heap.capacity_bytes(), layout); });
    CHECK(line == outside);
    const std::string beyond =
        test::fatal_line_of([&] { heap.free(region + page + word_bytes, layout); });
    CHECK(beyond == outside);
    void* const all = heap.try_allocate({.size = page - word_bytes, .align = word_bytes});
    REQUIRE(all != nullptr);
    std::memset(all, 0, page - word_bytes);
    const std::string full =
        test::fatal_line_of([&] { heap.free(region + heap.capacity_bytes(), layout); });
    CHECK(full == outside);
    heap.free(all, {.size = page - word_bytes, .align = word_bytes});
  }
  munmap(pages, 2 * page);
}

TEST_CASE_FIXTURE(Fixture, "a wrong layout") {
  if constexpr (!checks_enabled) return;
  const std::string wrong = fatal + "wrong layout for the block at " + number(1_words);
  CHECK(line(a, test::by_words(5_words + 1)) ==
        wrong + ": freed as " + number(7_words) + " bytes with its header");
  CHECK(line(a, test::by_words(4_words)) ==
        wrong + ": freed as " + number(5_words) + " bytes with its header");
  CHECK(line(a, {.size = 0, .align = 1}) ==
        wrong + ": freed as " + number(2_words) + " bytes with its header");
  CHECK(line(a, test::by_words(500_words)) ==
        wrong + ": freed as " + number(501_words) + " bytes with its header");
  CHECK(line(a, test::by_words(SIZE_MAX)) == wrong);  // no layout at all
  CHECK(line(a, {.size = 5_words, .align = 3}) == wrong);
  // The block is the same for every size that rounds to it and every alignment: no harm, no line.
  CHECK(line(a, {.size = 4_words + 1, .align = 1}).empty());
  CHECK(line(a, {.size = 5_words, .align = 2_words}).empty());
}

TEST_CASE_FIXTURE(Fixture, "an impossible layout, of a block with the mark that it would have") {
  if constexpr (!checks_enabled) return;
  constexpr Layout marked = test::by_words(15_words);
  static_assert(is_hardened ||
                header::size_tag(BlockLayout::with_header(marked)->size) == header::size_tag(0));
  auto* const block = static_cast<std::byte*>(heap.try_allocate(marked));
  CHECK(line(block, {.size = marked.size, .align = 3}) ==
        fatal + "wrong layout for the block at " + number(13_words));
  heap.free(block, marked);
}

TEST_CASE("a broken link of those who wait is seen, by the holder of a guard as well") {
  alignas(64) std::byte region[32_words];
  Heap heap(region);
  const auto guard = heap.try_lock();
  auto first = heap.allocate(layout);
  auto second = heap.allocate(layout);
  CHECK(!first.poll());
  CHECK(!second.poll());
  CHECK(guard.validate() == nullptr);
  CHECK(heap.validate() == nullptr);
  // The only word in the first that leads into the second.
  auto* word = reinterpret_cast<std::byte*>(&first);
  const auto leads_there = [&] {
    std::size_t value = 0;
    __builtin_memcpy(&value, word, word_bytes);
    return value - address_of(&second) < sizeof second;
  };
  while (!leads_there()) word += word_bytes;
  std::byte link[word_bytes];
  __builtin_memcpy(link, word, word_bytes);
  __builtin_memset(word, 0, word_bytes);
  const char* const seen = guard.validate();
  const char* const seen_without = heap.validate();
  __builtin_memcpy(word, link, word_bytes);
  REQUIRE(seen != nullptr);
  CHECK(std::string(seen) == "the wait queue's links are broken");
  REQUIRE(seen_without != nullptr);
  CHECK(std::string(seen_without) == seen);
}

TEST_CASE_FIXTURE(Fixture, "a smashed header") {
  if constexpr (!checks_enabled) return;
  std::memset(b, 0, layout.size);
  const std::string smashed = fatal + "smashed header of the block at " + number(7_words);
  CHECK(line(b, layout, [&] { smash(b, 0); }) == smashed);
  CHECK(line(b, layout, [&] { smash(b, SIZE_MAX); }) == smashed);
  CHECK(line(b, layout, [&] { smash(b, test::word_of(0x41)); }) == smashed);
  const std::size_t good = heap_word(b);
  CHECK(line(b, layout, [&] { smash(b, good + header::tag_space); }) == smashed);
  CHECK(line(b, layout, [&] { smash(b, good & ~(header::tag_space - 1)); }) ==
        (is_hardened ? smashed
                     : fatal + "wrong layout for the block at " + number(7_words) + ": freed as " +
                           number(6_words) + " bytes with its header"));
}

TEST_CASE_FIXTURE(Fixture, "a deferred block whose link or size was overwritten") {
  if constexpr (!checks_enabled) return;
  const std::string smashed =
      fatal + "smashed deferred block at " + number(1_words) + ": freed memory was written";
  const auto line_of = [&](std::size_t place, std::size_t value) {
    return test::fatal_line_of([&] {
      heap.defer_free(a, layout);
      smash(a + place, value);
      (void)heap.poll();
    });
  };
  const std::size_t link = word_bytes;
  const std::size_t size = 2 * word_bytes;
  const std::size_t region_at = address_of(region);
  for (const std::size_t value : {1_words, region_at - 1_words, region_at + word_bytes / 2,
                                  region_at + sizeof region, region_at, SIZE_MAX}) {
    CAPTURE(value);
    CHECK(line_of(link, value) == smashed);
  }
  for (const std::size_t value : {std::size_t{0}, std::size_t{1}, 1_words, 1_words + 1, 5_words,
                                  6_words + word_bytes - 3, 129_words + 1}) {
    CAPTURE(value);
    CHECK(line_of(size, value) == smashed);
  }
  for (std::size_t off = 1; off < word_bytes; ++off) {  // to what is no block's place
    CHECK(line_of(link, address_of(a) + off) == smashed);
  }
  CHECK(line_of(link, address_of(a)).empty());  // as it was
  CHECK(line_of(size, 6_words).empty());
  const std::size_t tags = header::size_tags;  // so many words more have the same tag
  const std::string what =
      is_hardened ? "smashed deferred block at " : "wrong layout for the block at ";
  CHECK(line_of(size, 6_words + tags * word_bytes).find(what + number(1_words)) !=
        std::string::npos);
  const std::string longer = test::fatal_line_of([&] {  // than what is left of the region behind it
    heap.defer_free(b, layout);
    smash(b + size, 123_words);
    (void)heap.poll();
  });
  CHECK(longer ==
        fatal + "smashed deferred block at " + number(7_words) + ": freed memory was written");
}

TEST_CASE_FIXTURE(Fixture, "a block with a good header that the raw heap does not take back") {
  if constexpr (!checks_enabled) return;
#ifndef MNEME_VALGRIND  // Memcheck is told of the free first, and complains itself
  std::byte* const in_a_hole = region + 65_words;
  const auto forge = [&] { smash(in_a_hole, heap_word(a)); };
  CHECK(line(in_a_hole, layout, forge) == fatal + "double free of the block at " +
                                              number(65_words) + ": freed as " + number(6_words) +
                                              " bytes with its header");
#endif
  const Layout same_mark = test::by_words(13_words);
  CHECK(line(b, same_mark) == fatal + "wrong layout for the block at " + number(7_words) +
                                  ": freed as " + number(14_words) + " bytes with its header");
}

TEST_CASE("the last block of a region is as any other") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[8_words];
  Heap heap(region);
  constexpr Layout word{.size = word_bytes, .align = word_bytes};
  void* blocks[4];
  for (void*& block : blocks) block = heap.try_allocate(word);
  CHECK(test::fatal_line_of([&] { heap.free(blocks[3], word), heap.free(blocks[3], word); }) ==
        fatal + "double free of the block at " + number(7_words));
  heap.defer_free(blocks[3], word);
  heap.defer_free(blocks[0], word);  // whose link leads to the last
  (void)heap.poll();
  CHECK(heap.counters().used_bytes == 4_words);
  for (void* block : {blocks[1], blocks[2]}) heap.free(block, word);
}

TEST_CASE("an empty guard reports nothing about the heap") {
  if constexpr (!checks_enabled) return;
  const std::string empty = fatal + "use of a guard that holds no heap";
  CHECK(test::fatal_line_of([] { (void)Guard<Heap>().stats(); }) == empty);
  CHECK(test::fatal_line_of([] { (void)Guard<Heap>().validate(); }) == empty);
}

TEST_CASE("the holder of a guard sees that free memory was written") {
  alignas(64) std::byte region[32_words];
  BasicHeap<FirstFit> heap(region);
  auto guard = heap.try_lock();
  CHECK(guard.validate() == nullptr);
  constexpr std::size_t hole = 32_words;
  smash(region + word_bytes, test::word_of(0x40));
  REQUIRE(guard.validate() != nullptr);
  CHECK(std::string(guard.validate()) == "a hole's size or link is impossible");
  smash(region + word_bytes, hole);
}

TEST_CASE("a heap without a region knows no pointer") {
  if constexpr (!checks_enabled) return;
  Heap heap{std::span<std::byte>{}};
  alignas(16) std::byte elsewhere[64]{};
  CHECK(test::fatal_line_of([&] { heap.free(elsewhere + 16, layout); }) ==
        fatal + "foreign pointer: not in this heap's region");
}

TEST_CASE("heap_of finds the heap of each block, of several heaps and of a bootstrapped one") {
  alignas(64) std::byte regions[3][128_words];
  Heap first(regions[0]);
  Heap second(regions[1]);
  Heap& third = **Heap::bootstrap(regions[2]);
  for (Heap* const heap : {&first, &second, &third}) {
    for (const std::size_t size : {0U, 1U, 8U, 100U}) {
      void* const payload = heap->try_allocate({.size = size, .align = 1});
      REQUIRE(payload != nullptr);
      CHECK(misuse::heap_of<Heap>(payload) == heap);
      heap->free(payload, {.size = size, .align = 1});
    }
  }
  third.~BasicHeap();
}

TEST_CASE_FIXTURE(Fixture, "heap_of stops at a pointer that leads to no heap") {
  if constexpr (!checks_enabled) return;
  const auto line_of = [](void* payload) {
    return test::fatal_line_of([&] { (void)misuse::heap_of<Heap>(payload); });
  };
  alignas(16) std::byte elsewhere[64]{};
  const std::string foreign = fatal + "foreign pointer: not in any heap's region";
  CHECK(line_of(elsewhere + 16) == foreign);
  alignas(16) std::byte zeros[128]{};  // where a header would be, there is none of an earlier heap
  const Heap ends_here(zeros);
  CHECK(line_of(zeros + sizeof zeros) == foreign);
  std::memset(b, 0, layout.size);
  CHECK(test::fatal_line_of([&] {
          smash(b, test::word_of(0x41));
          (void)misuse::heap_of<Heap>(b);
        }) == fatal + "smashed header of the block at " + number(7_words));
  CHECK(test::fatal_line_of([&] {
          heap.defer_free(b, layout);
          (void)misuse::heap_of<Heap>(b);
        }) == fatal + "double free of the deferred block at " + number(7_words));
}

/// How often objects of this kind have ended; more than one is too many in each test.
int ends = 0;
struct Mortal {
  ~Mortal() {
    if (++ends > 1) FatalLine{}.text("destroyed again").stop();
  }
};

/// The line for two owners, of one kind, of what `first` lets go of.
template <class Owner>
std::string line_of_two(Owner first) {
  ends = 0;
  const auto parts = first.leak();
  const std::string line = test::fatal_line_of([&] {
    Owner::from_leaked(parts).reset();
    Owner::from_leaked(parts).reset();
  });
  Owner::from_leaked(parts).reset();
  return line;
}

TEST_CASE("what has two owners is not touched again before the second is found out") {
  if constexpr (!checks_enabled) return;
  const auto line_of = [](auto make, bool behind_a_hole) {
    alignas(64) std::byte region[32_words];
    Heap heap(region);
    // A block of 6 words; static, so that Valgrind finds it in the child, which does not free it.
    static void* before = nullptr;
    before = heap.try_allocate(layout);
    auto owner = make(heap);
    if (behind_a_hole) heap.free(before, layout);
    std::string line = line_of_two(std::move(owner));
    if (!behind_a_hole) heap.free(before, layout);
    return line;
  };
  const std::string twice = fatal + "double free of the block at " + number(7_words);
  for (const bool behind_a_hole : {false, true}) {
    CAPTURE(behind_a_hole);
    CHECK(line_of([](Heap& heap) { return std::move(**heap.make<Mortal>().poll()); },
                  behind_a_hole) == twice);
    CHECK(line_of([](Heap& heap) { return std::move(**heap.make_array<Mortal>(1).poll()); },
                  behind_a_hole) == twice);
    CHECK(line_of(
              [](Heap& heap) {
                auto vec = heap.make_fixed_vec<Mortal>(2).poll();
                REQUIRE((*vec)->push() != nullptr);
                return std::move(**vec);
              },
              behind_a_hole) == twice);
  }
}

TEST_CASE(
    "wake_by is for requests that have not begun, not for those that are answered or withdrawn") {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[32_words];
  Heap heap(region);
  const auto line_of = [&](Layout wanted, auto before) {
    auto request = heap.allocate(wanted);
    return test::fatal_line_of([&] {
      before(request);
      (void)std::move(request).wake_by({});
    });
  };
  const std::string begun = fatal + "wake_by on a request that has begun";
  CHECK(line_of(layout, [](auto&) {}).empty());
  CHECK(line_of(layout, [](auto& request) { (void)request.poll(); }) == begun);
  CHECK(line_of(test::by_words(125_words), [](auto& request) { (void)request.poll(); }) == begun);
  CHECK(line_of(layout, [](auto& request) { request.cancel(); }) == begun);
  CHECK(line_of(layout, [&](auto& request) {
          auto guard = heap.try_lock();
          (void)request.poll();
          guard.unlock();  // which grants it
        }) == begun);
}

}  // namespace
