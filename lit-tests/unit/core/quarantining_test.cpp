// RUN: %runner %build/tests/quarantining_test
// purpose: shows that freed blocks wait, that a write to one is detected, and that none is missed.
// layer: tests; includes mneme.
// threads: none.
// invariants: none.
#include <doctest/doctest.h>

#include <cstring>
#include <mneme/mneme.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <mneme/raw/quarantining.hpp>
#include <string>

#include "support/fatal_line.hpp"

using namespace mneme;

namespace {

constexpr std::size_t held = 3;
constexpr Layout five_words{.size = 5 * word_bytes, .align = word_bytes};

/// A heap with a quarantine of three blocks.
template <class Raw>
struct HeldHeap {
  alignas(64) std::byte region[64 * word_bytes]{};
  BasicHeap<Quarantining<Raw, held>> heap{std::span{region}};

  std::byte* get(Layout layout = five_words) {
    return static_cast<std::byte*>(heap.try_allocate(layout));
  }
  void give(std::byte* payload, Layout layout = five_words) { heap.free(payload, layout); }
  /// What only a dangling pointer could write; no tool is to see it.
  void write(std::byte* place, std::byte value) {
    const instrument::ScopedUnpoison window(place, 1);
    std::memcpy(place, &value, 1);
  }
};

#define BOTH FirstFit, Bounded

TEST_CASE_TEMPLATE("a freed block is used again when three more were freed", Raw, BOTH) {
  HeldHeap<Raw> here;
  std::byte* const first = here.get();
  here.give(first);
  for (std::size_t i = 0; i < held; ++i) {
    std::byte* const next = here.get();
    CHECK(next != first);
    here.give(next);
  }
  CHECK(here.get() == first);
  here.give(first);
}

TEST_CASE_TEMPLATE("held blocks are free: they are counted so, and given out when nothing else is",
                   Raw, BOTH) {
  HeldHeap<Raw> here;
  constexpr Layout all{.size = 63 * word_bytes, .align = word_bytes};
  for (std::size_t i = 0; i < held; ++i) {
    std::byte* const whole = here.get(all);
    REQUIRE(whole != nullptr);
    here.give(whole, all);
    CHECK(here.heap.raw().free_bytes() == here.heap.capacity_bytes());
    CHECK(here.heap.raw().is_free(0));
    CHECK(here.heap.raw().is_free(here.heap.capacity_bytes() - word_bytes));
  }
  CHECK(here.heap.stats().largest_free_bytes == here.heap.capacity_bytes());
  CHECK(here.heap.validate() == nullptr);
}

TEST_CASE_TEMPLATE("a request that waits is granted when its room is in the quarantine", Raw,
                   BOTH) {
  HeldHeap<Raw> here;
  constexpr Layout half{.size = 31 * word_bytes, .align = word_bytes};
  std::byte* const a = here.get(half);
  std::byte* const b = here.get(half);
  auto request = here.heap.allocate({.size = 63 * word_bytes, .align = word_bytes});
  CHECK_FALSE(request.poll().has_value());
  here.give(a, half);
  CHECK(request.state() == RequestState::waiting);
  here.give(b, half);
  CHECK(request.state() == RequestState::granted);
}

TEST_CASE_TEMPLATE("a block grows into a block that is held behind it", Raw, BOTH) {
  HeldHeap<Raw> here;
  std::byte* const a = here.get();
  std::byte* const b = here.get();
  std::byte* const c = here.get();
  here.give(b);
  constexpr Layout longer{.size = 11 * word_bytes, .align = word_bytes};
  CHECK(here.heap.try_resize(a, five_words, longer));
  here.give(a, longer);
  here.give(c);
}

TEST_CASE_TEMPLATE("a write to any byte of a held block is detected when it leaves", Raw, BOTH) {
  if constexpr (!checks_enabled) return;
  HeldHeap<Raw> here;
  std::byte* const first = here.get();
  std::byte* const last = here.get();
  here.give(first);
  const auto line_of_write = [&](std::byte* place) {
    return test::fatal_line_of([&] {
      here.write(place, std::byte{0x41});
      for (std::size_t i = 0; i < held; ++i) here.give(here.get());
    });
  };
  for (const std::size_t at : {std::size_t{0}, word_bytes + 1, five_words.size - 1}) {
    CHECK(line_of_write(first + at) == "mneme: fatal: write after free of the block at " +
                                           std::to_string(word_bytes) + ": byte " +
                                           std::to_string(at) + " of it was written");
  }
  CHECK(line_of_write(first - 1) == "mneme: fatal: write after free of the block at " +
                                        std::to_string(word_bytes) + ": its header was written");
  const std::string line = test::fatal_line_of([&] {
    here.write(first, std::byte{0x41});
    CHECK(here.get({.size = 60 * word_bytes, .align = word_bytes}) == nullptr);
  });
  CHECK(line.find("byte 0 of it was written") != std::string::npos);
  here.give(last);
}

TEST_CASE_TEMPLATE("a block that was deferred is held like any other", Raw, BOTH) {
  HeldHeap<Raw> here;
  std::byte* const a = here.get();
  here.heap.defer_free(a, five_words);
  (void)here.heap.poll();
  CHECK(here.get() != a);
  CHECK(here.heap.validate() == nullptr);  // ends the quarantine
  CHECK(here.get() == a);
  here.give(a);
  here.give(a + 6 * word_bytes);
}

TEST_CASE_TEMPLATE("a second free is detected, also by way of a box, before and after a new owner",
                   Raw, BOTH) {
  if constexpr (!checks_enabled) return;
  HeldHeap<Raw> here;
  std::byte* const a = here.get();
  here.give(a);
  std::byte* const next = here.get();  // whose address Valgrind's look for leaks must find
  const std::string line =
      "mneme: fatal: double free of the block at " + std::to_string(word_bytes);
  CHECK(test::fatal_line_of([&] { here.give(a); }) == line);
  CHECK(test::fatal_line_of([&] { here.heap.defer_free(a, five_words); }) == line);
  using Box = mneme::Box<std::byte, BasicHeap<Quarantining<Raw, held>>>;
  CHECK(test::fatal_line_of([&] { Box::from_leaked(a).reset(); }) ==
        "mneme: fatal: double free of the deferred block at " + std::to_string(word_bytes));
  here.give(next);
}

TEST_CASE_TEMPLATE("what is no block is refused at once, not when it would leave", Raw, BOTH) {
  if constexpr (!checks_enabled) return;
  alignas(64) std::byte region[64 * word_bytes]{};
  Quarantining<Raw, held> raw{std::span{region}};
  std::byte* const a = raw.allocate({.size = 6 * word_bytes}, 0x1240);
  std::byte* const b = raw.allocate({.size = 6 * word_bytes}, 0x1240);
  CHECK(raw.deallocate(a, 5 * word_bytes) == 0);  // no block behind it; the payload is zero
  CHECK(raw.deallocate(a, 80 * word_bytes) == 0);
  REQUIRE(raw.deallocate(a, 6 * word_bytes) != 0);
  CHECK(raw.deallocate(a, 6 * word_bytes) == 0);
  CHECK(raw.deallocate(a + 4 * word_bytes, 2 * word_bytes) == 0);
  REQUIRE(raw.deallocate(b, 6 * word_bytes) != 0);
  CHECK(raw.validate() == nullptr);
}

}  // namespace
