// purpose: shows what a watched raw heap lets its watcher see, and that it is else the one inside.
// layer: tests; includes testing.
// threads: one.
// invariants: none.
// RUN: %build/tests/watched_test
// UNSUPPORTED: quarantine
// REQUIRES: full || release
#include <mneme/testing/watched.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

#include <mneme/heap.hpp>
#include <mneme/raw/first_fit.hpp>

namespace {

namespace t = mneme::testing;
using mneme::word_bytes;
using WatchedHeap = mneme::BasicHeap<t::Watched<mneme::FirstFit>>;

class Recorder final : public t::Watcher {
 public:
  Recorder() { active = this; }
  ~Recorder() { active = nullptr; }

  std::size_t on_raw_heap(t::WatchedRaw& of, const std::byte* base) noexcept override {
    raw = &of;
    begin = base;
    return 7;
  }
  void on_request(std::size_t heap, mneme::BlockLayout /*layout*/, bool fits) noexcept override {
    is_right_heap = is_right_heap && heap == 7;
    too_large += fits ? 0 : 1;
  }
  bool admits(std::size_t /*heap*/) noexcept override { return is_open; }
  void on_allocate(std::size_t /*heap*/, mneme::BlockLayout /*layout*/,
                   std::byte* block) noexcept override {
    blocks.push_back(block);
  }
  bool holds_back(std::size_t /*heap*/, std::byte* /*block*/,
                  std::size_t /*size*/) noexcept override {
    return holds;
  }

  t::WatchedRaw* raw = nullptr;
  const std::byte* begin = nullptr;
  std::vector<std::byte*> blocks;
  std::size_t too_large = 0;
  bool is_right_heap = true;
  bool is_open = true;
  bool holds = false;
};

alignas(64) std::byte watched_region[16 * word_bytes];

TEST_CASE("a block that is held back is free for its owner, and taken for others") {
  Recorder recorder;
  WatchedHeap heap{watched_region};
  recorder.holds = true;
  const mneme::Layout layout{.size = 9 * word_bytes, .align = word_bytes};
  void* const payload = heap.try_allocate(layout);
  REQUIRE(payload != nullptr);
  CHECK(recorder.blocks.back() == recorder.begin);
  heap.free(payload, layout);
  CHECK(heap.try_allocate(layout) == nullptr);
  CHECK(recorder.blocks.back() == nullptr);
  auto request = heap.allocate(layout);
  CHECK_FALSE(request.poll().has_value());

  recorder.raw->give_back_next(recorder.blocks.front(), 10 * word_bytes);
  CHECK(recorder.raw->is_giving_back());
  CHECK(heap.extend(0));
  CHECK_FALSE(recorder.raw->is_giving_back());
  CHECK(request.state() == mneme::RequestState::granted);
  recorder.holds = false;
}

TEST_CASE("the watcher can refuse, sees sizes that never fit, and what is missing at the end") {
  Recorder recorder;
  WatchedHeap heap{watched_region};
  recorder.is_open = false;
  CHECK(heap.try_allocate({.size = word_bytes}) == nullptr);
  recorder.is_open = true;
  auto huge = heap.allocate({.size = 64 * word_bytes});
  CHECK(huge.poll().has_value());
  CHECK(recorder.too_large == 1);
  CHECK(recorder.is_right_heap);

  const mneme::Layout layout{.size = 5 * word_bytes, .align = word_bytes};
  void* const payload = heap.try_allocate(layout);
  const auto needed =
      *mneme::BlockLayout::with_header({.size = 12 * word_bytes, .align = word_bytes});
  CHECK(recorder.raw->missing_at_end(needed) == 3 * word_bytes);
  CHECK(recorder.raw->knows_growth(needed));
  std::vector<std::size_t> holes;
  recorder.raw->put_holes(holes);
  CHECK(holes == std::vector{10 * word_bytes});
  heap.free(payload, layout);
}

TEST_CASE("without a watcher it is the raw heap inside") {
  WatchedHeap heap{std::span(watched_region).first(14 * word_bytes)};
  const mneme::Layout layout{.size = word_bytes};
  void* const payload = heap.try_allocate(layout);
  heap.free(payload, layout);
  CHECK(heap.stats().used_bytes == 0);
  CHECK(heap.extend(2 * word_bytes));
  CHECK(heap.capacity_bytes() == 16 * word_bytes);
}

}  // namespace
