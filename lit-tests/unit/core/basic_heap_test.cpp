// purpose: shows the synchronous face of a heap: blocks, resizing, deferred frees, many heaps.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: each heap is whole at the end of its test (P9).
// RUN: %runner %build/tests/basic_heap_test
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mneme/raw/fault_injecting.hpp>
#include <mneme/raw/first_fit.hpp>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "support/fatal_line.hpp"
#include "support/may_wait.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::Layout;
using tests::BasicTestHeap;
using tests::Region;

static_assert(!std::is_copy_constructible_v<Heap>);
static_assert(!std::is_move_constructible_v<Heap>);

TEST_CASE("blocks are inside the region, aligned, disjoint, and keep their bytes") {
  struct Held {
    unsigned char* data;
    Layout layout;
    unsigned char mark;
  };
  const Region region(64 * 1024, 8);
  Heap heap(region.bytes());
  std::mt19937 dice(1);
  std::vector<Held> held;
  const auto drop = [&](std::size_t index) {
    const Held gone = held[index];
    for (std::size_t i = 0; i < gone.layout.size; ++i) REQUIRE(gone.data[i] == gone.mark);
    heap.free(gone.data, gone.layout);
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
  };
  for (unsigned step = 0; step < 3000; ++step) {
    if (held.size() > 60 || (!held.empty() && dice() % 3 == 0)) {
      drop(dice() % held.size());
    } else {
      const Layout layout{dice() % 700, std::size_t{1} << (dice() % 13)};
      auto* const data = static_cast<unsigned char*>(heap.try_allocate(layout));
      if (data == nullptr) continue;
      CHECK(mneme::address_of(data) % layout.align == 0);
      const std::size_t offset = mneme::address_of(data) - mneme::address_of(region.bytes().data());
      CHECK(offset >= 1_words);
      CHECK(offset + layout.size <= region.bytes().size());
      std::memset(data, static_cast<int>(step & 0xff), layout.size);
      held.push_back({data, layout, static_cast<unsigned char>(step & 0xff)});
    }
    if (step % 50 == 0) CHECK(sound(heap));
  }
  while (!held.empty()) drop(held.size() - 1);
  CHECK(whole(heap));
}

TEST_CASE("every alignment is met at every size, and costs no padding inside the block") {
  TestHeap heap(3 * 4096);
  for (std::size_t align = 1; align <= 4096; align *= 2) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 24U, 100U}) {
      const Layout layout{size, align};
      void* const first = heap.try_allocate(layout);
      void* const second = heap.try_allocate(layout);
      REQUIRE(first != nullptr);
      REQUIRE(second != nullptr);
      CHECK(mneme::address_of(first) % align == 0);
      CHECK(mneme::address_of(second) % align == 0);
      CHECK(first != second);
      const std::size_t block =
          std::max(2_words, 1_words + (size + 1_words - 1) / 1_words * 1_words);
      CHECK(heap.stats().used_bytes == 2 * block);
      heap.free(first, layout);
      heap.free(second, layout);
      CHECK(whole(heap));
    }
  }
}

TEST_CASE("the whole region can be one block, and a word more is refused") {
  TestHeap heap(128_words);
  void* const all = heap.try_allocate(bytes(127_words));
  CHECK(all != nullptr);
  CHECK(heap.try_allocate({.size = 0, .align = 1}) == nullptr);
  heap.free(all, bytes(127_words));
  CHECK(heap.try_allocate(bytes(127_words + 1)) == nullptr);
  CHECK(heap.check_layout(bytes(127_words)).value().size == 128_words);
  CHECK(heap.check_layout(bytes(127_words + 1)).error() == AllocError::too_large);
  CHECK(heap.check_layout({.size = 8, .align = 12}).error() == AllocError::bad_alignment);
}

TEST_CASE("try_allocate answers impossible layouts as it does a full heap: nullptr") {
  TestHeap heap(32_words);
  CHECK(heap.try_allocate({SIZE_MAX, 1}) == nullptr);
  CHECK(heap.try_allocate({SIZE_MAX - 1_words + 1, 8}) == nullptr);
  CHECK(heap.try_allocate({8, SIZE_MAX / 2 + 1}) == nullptr);
  CHECK(heap.try_allocate({8, 0}) == nullptr);
  CHECK(heap.try_allocate({8, 6}) == nullptr);
}

TEST_CASE("a deferred free does nothing but wait for the next request, release or poll") {
  TestHeap heap(32_words);
  Alarm alarm;
  void* memory = heap.try_allocate(bytes(30_words));
  auto request = heap.allocate(bytes(13_words));
  CHECK(!request.poll(alarm.waker()));
  heap.defer_free(memory, bytes(30_words));
  CHECK(heap.counters().deferred == 1);
  CHECK(heap.counters().used_bytes == 31_words);
  CHECK(heap.counters().live == 0);
  CHECK(alarm.rings() == 0);

  SUBCASE("a poll") { (void)heap.poll(); }
  SUBCASE("a request") { CHECK(!heap.allocate(bytes(25_words)).poll()); }
  SUBCASE("a try form") { CHECK(heap.try_allocate(bytes(25_words)) == nullptr); }
  SUBCASE("a guard") { heap.try_lock().unlock(); }
  SUBCASE("a free") {
    // Another heap's free would not do; this one's needs a block, so the request is given one.
    heap.poll();
    (void)granted(request);
  }
  CHECK(heap.counters().deferred == 0);
  CHECK(alarm.rings() == 1);
}

TEST_CASE("a heap may go while blocks are deferred: nobody holds them any more") {
  const Region region(32_words);
  Heap heap(region.bytes());
  void* const block = heap.try_allocate(bytes(5_words));
  heap.defer_free(block, bytes(5_words));
  CHECK(heap.counters().deferred == 1);
}

TEST_CASE("a block grows into what was deferred behind it") {
  TestHeap heap(32_words);
  void* const block = heap.try_allocate(bytes(5_words));
  void* const behind = heap.try_allocate(bytes(5_words));
  void* const rest = heap.try_allocate(bytes(19_words));
  heap.defer_free(behind, bytes(5_words));
  CHECK(heap.try_resize(block, bytes(5_words), bytes(11_words)));
  heap.free(block, bytes(11_words));
  heap.free(rest, bytes(19_words));
}

TEST_CASE("a deferred free in a waker is seen by whoever called the waker") {
  TestHeap heap(32_words);
  struct Context {
    Heap& heap;
    void* block;
  } context{heap, heap.try_allocate(bytes(13_words))};
  void* const other = heap.try_allocate(bytes(13_words));
  auto first = heap.allocate(bytes(13_words));
  auto second = heap.allocate(bytes(13_words));
  const auto wake = [](void* pointer) noexcept {
    auto& own = *static_cast<Context*>(pointer);
    own.heap.defer_free(own.block, bytes(13_words));
  };
  CHECK(!first.poll({wake, &context}));
  CHECK(!second.poll());
  heap.free(other, bytes(13_words));  // grants the first, whose waker makes room for the second
  CHECK(first.state() == mneme::RequestState::granted);
  CHECK(second.state() == mneme::RequestState::granted);
}

TEST_CASE("a block grows and shrinks where it stands, if there is room behind it") {
  TestHeap heap(32_words);
  void* const first = heap.try_allocate(bytes(5_words));
  void* const second = heap.try_allocate(bytes(5_words));
  std::memset(second, 7, 5_words);
  CHECK(!heap.try_resize(first, bytes(5_words), bytes(6_words)));  // the neighbour is in the way
  CHECK(heap.try_resize(second, bytes(5_words), bytes(25_words)));
  CHECK(heap.stats().used_bytes == 32_words);
  CHECK(sound(heap));
  for (std::size_t i = 0; i < 5_words; ++i) CHECK(static_cast<const char*>(second)[i] == 7);
  std::memset(second, 8, 25_words);
  CHECK(!heap.try_resize(second, bytes(25_words), bytes(25_words + 1)));
  CHECK(heap.try_resize(second, bytes(25_words), bytes(3)));
  CHECK(heap.stats().used_bytes == 8_words);
  CHECK(heap.try_resize(second, bytes(3), bytes(1_words)));        // within the block's own words
  CHECK(!heap.try_resize(second, bytes(1_words), {1_words, 64}));  // alignment cannot change
  CHECK(!heap.try_resize(second, bytes(1_words), {1_words, word_bytes / 2}));
  CHECK(!heap.try_resize(second, bytes(1_words), {1_words, 1}));
  CHECK(!heap.try_resize(second, bytes(1_words), {SIZE_MAX, word_bytes}));
  CHECK(sound(heap));
  heap.free(first, bytes(5_words));
  heap.free(second, bytes(1_words));
}

TEST_CASE("a block may use all of its own words, also while somebody waits or the heap is closed") {
  TestHeap heap(32_words);
  void* const block = heap.try_allocate(bytes(4_words + 1));  // a block of 6 words
  auto request = heap.allocate(bytes(30_words));
  CHECK(!request.poll());
  CHECK(heap.try_resize(block, bytes(4_words + 1), bytes(5_words - 2)));
  CHECK(!heap.try_resize(block, bytes(5_words - 2), bytes(5_words + 1)));
  heap.close();
  CHECK(heap.try_resize(block, bytes(5_words - 2), bytes(5_words)));
  CHECK(!heap.try_resize(block, bytes(5_words), bytes(5_words + 1)));
  heap.free(block, bytes(5_words));
}

TEST_CASE("no block grows past waiting requests, and shrinking grants them") {
  TestHeap heap(32_words);
  void* const block = heap.try_allocate(bytes(25_words));
  auto request = heap.allocate(bytes(13_words));
  CHECK(!request.poll());
  CHECK(!heap.try_resize(block, bytes(25_words), bytes(27_words)));
  CHECK(heap.try_resize(block, bytes(25_words), bytes(5_words)));
  CHECK(request.state() == mneme::RequestState::granted);
  heap.free(block, bytes(5_words));
}

TEST_CASE("whoever gets closed can ask for the reason, which is that of the first close") {
  TestHeap heap(32_words);
  CHECK(heap.close_reason() == 0);
  auto hog = granted(heap.allocate(bytes(25_words)));
  auto waits = heap.allocate(bytes(25_words));
  CHECK(!waits.poll());
  heap.close(42);
  CHECK(failed(waits) == AllocError::closed);
  CHECK(heap.close_reason() == 42);
  heap.close();
  CHECK(heap.close_reason() == 42);
  TestHeap other(32_words);
  other.close();
  CHECK(other.close_reason() == 1);
}

#if MNEME_CHECKED > 0
TEST_CASE("a close for the reason 0 is fatal") {
  CHECK(mneme::test::fatal_line_of([] { TestHeap(32_words).close(0); }) ==
        "mneme: fatal: close for the reason 0, which is that of an open heap");
}
#endif

TEST_CASE("after close frees and shrinks still work, and nothing else does") {
  TestHeap heap(32_words);
  void* const first = heap.try_allocate(bytes(5_words));
  void* const second = heap.try_allocate(bytes(5_words));
  heap.close();
  CHECK(heap.try_allocate(bytes(1_words)) == nullptr);
  CHECK(!heap.try_resize(second, bytes(5_words), bytes(6_words)));
  CHECK(heap.try_resize(second, bytes(5_words), bytes(1_words)));
  heap.free(first, bytes(5_words));
  heap.defer_free(second, bytes(1_words));
  CHECK(heap.poll() == 0);
  CHECK(whole(heap));
}

TEST_CASE("a region without room for one block gives a heap that refuses everything") {
  for (std::size_t size = 0; size < 4_words; ++size) {
    for (std::size_t skew = 0; skew < 1_words; ++skew) {
      const Region region(size, skew);
      Heap heap(region.bytes());
      const std::size_t words = (size - std::min(size, (1_words - skew) % 1_words)) / 1_words;
      CHECK(heap.capacity_bytes() == (words < 2 ? 0 : words * 1_words));
      if (words >= 2) {
        const auto begin = mneme::address_of(region.bytes().data());
        CHECK(mneme::address_of(heap.raw().base()) >= begin);
        CHECK(mneme::address_of(heap.raw().base()) + words * 1_words <= begin + size);
      }
      CHECK((heap.try_allocate({0, 1}) == nullptr) == (words < 2));
      if (words < 2) {
        CHECK(failed(heap.allocate({0, 1})) == AllocError::too_large);
        CHECK(whole(heap));
      } else {
        const auto* const place = heap.raw().base() + 1_words;  // where the only block was put
        heap.free(const_cast<std::byte*>(place), {0, 1});
      }
    }
  }
  Heap nothing{std::span<std::byte>()};
  CHECK(nothing.capacity_bytes() == 0);
  CHECK(failed(nothing.allocate({0, 1})) == AllocError::too_large);
}

TEST_CASE("what lies right behind a region is never touched, nor closed to the tools") {
  const Region region(32_words + 64);
  std::memset(region.bytes().data(), 5, region.bytes().size());
  const auto behind = region.bytes().subspan(32_words);
  Heap heap(region.bytes().first(32_words));
  void* const all = heap.try_allocate(bytes(31_words));
  heap.free(all, bytes(31_words));
  for (const std::byte byte : behind) CHECK(byte == std::byte{5});
  void* const some = heap.try_allocate(bytes(25_words));
  CHECK(heap.try_resize(some, bytes(25_words), bytes(31_words)));
  CHECK(heap.try_resize(some, bytes(31_words), bytes(31_words - 1)));
  heap.free(some, bytes(31_words - 1));
  for (const std::byte byte : behind) CHECK(byte == std::byte{5});
}

TEST_CASE("heaps do not mind each other, nor more of them than a checked build registers") {
  std::vector<std::unique_ptr<TestHeap>> heaps;
  std::vector<Allocation<>> blocks;
  for (int i = 0; i < 40; ++i) {
    heaps.push_back(std::make_unique<TestHeap>(256));
    blocks.push_back(granted(heaps.back()->allocate(bytes(static_cast<std::size_t>(i)))));
  }
  for (const auto& heap : heaps) CHECK(heap->stats().live == 1);
  blocks.clear();
  for (const auto& heap : heaps) CHECK(whole(*heap));
}

TEST_CASE("a block of one heap may be the region of another, and so on") {
  TestHeap outer(8192);
  {
    const auto array = granted(outer.make_array<std::byte>(4096));
    Heap middle{std::span(array.data(), array.size())};
    {
      const auto block = granted(middle.allocate({.size = 1024, .align = 64}));
      Heap inner{std::span(static_cast<std::byte*>(block.data()), 1024)};
      const auto number = granted(inner.make<int>(42));
      CHECK(*number == 42);
      CHECK(sound(inner));
    }
    CHECK(whole(middle));
    CHECK(sound(outer));
  }
}

TEST_CASE("when a heap has gone, its region is plain memory again") {
  const Region region(32_words);
  for (int round = 0; round < 2; ++round) {
    std::memset(region.bytes().data(), round, region.bytes().size());
    Heap heap(region.bytes());
    const auto block = granted(heap.allocate(bytes(5_words)));
  }
  std::memset(region.bytes().data(), 0, region.bytes().size());
}

namespace {

/// A queue lock that counts, and notes whether it was ever taken twice.
class CountingLock {
 public:
  void lock() noexcept {
    overlaps += static_cast<int>(held_);
    held_ = true;
    ++taken;
  }
  [[nodiscard]] bool try_lock() noexcept {
    if (refuses) return false;
    lock();
    return true;
  }
  void unlock() noexcept { held_ = false; }

  static inline int taken = 0;
  static inline int overlaps = 0;
  static inline bool refuses = false;

 private:
  bool held_ = false;
};

}  // namespace

TEST_CASE("a queue lock of the platform's own is used for all that touches the queues") {
  using CountingHeap = mneme::BasicHeap<mneme::FirstFit, CountingLock>;
  BasicTestHeap<CountingHeap> heap(32_words);
  Alarm alarm;
  const int before = CountingLock::taken;
  {
    auto hog = granted(heap.allocate(bytes(30_words)));
    hog.reset();
  }
  CHECK(CountingLock::taken == before);  // nobody waited, so no queue was touched
  {
    auto hog = granted(heap.allocate(bytes(30_words)));
    auto request = heap.allocate(bytes(13_words));
    CHECK(!request.poll(alarm.waker()));
    CHECK(CountingLock::taken > before);
    // A grant that finds the queue lock held is skipped; its holder reruns the loop: here the poll.
    CountingLock::refuses = true;
    hog.reset();
    CHECK(alarm.rings() == 0);
    CountingLock::refuses = false;
    (void)heap.poll();
    CHECK(alarm.rings() == 1);
    const auto box = granted(heap.make<int>(1));
    static_assert(std::is_same_v<decltype(box), const mneme::Box<int, CountingHeap>>);
  }
  CHECK(CountingLock::overlaps == 0);
}

TEST_CASE("a waker runs outside the queue lock") {
  using CountingHeap = mneme::BasicHeap<mneme::FirstFit, CountingLock>;
  BasicTestHeap<CountingHeap> heap(32_words);
  struct Context {
    CountingHeap& heap;
    bool ran;
  } context{heap, false};
  auto hog = granted(heap.allocate(bytes(30_words)));
  auto request = heap.allocate(bytes(13_words));
  const auto wake = [](void* pointer) noexcept {
    auto& own = *static_cast<Context*>(pointer);
    const mneme::test::MayWait may_wait;
    own.ran = true;
    auto other = own.heap.allocate(bytes(1_words));
    CHECK(!other.poll());  // queued, and withdrawn at the end of this function
  };
  CHECK(!request.poll({wake, &context}));
  hog.reset();
  CHECK(context.ran);
  CHECK(CountingLock::overlaps == 0);
}

namespace {

/// A critical section: whoever is in it may enter it again.
class NestingLock {
 public:
  static constexpr bool reentrant = true;
  void lock() noexcept { ++depth; }
  [[nodiscard]] bool try_lock() noexcept {
    lock();
    return true;
  }
  void unlock() noexcept { --depth; }

  static inline int depth = 0;
};

}  // namespace

TEST_CASE("where the queue lock nests, wakers run inside of it, and may ask all they like") {
  using NestingHeap = mneme::BasicHeap<mneme::FirstFit, NestingLock>;
  BasicTestHeap<NestingHeap> heap(32_words);
  auto first = heap.allocate(bytes(25_words));
  auto second = heap.allocate(bytes(25_words));
  auto third = heap.allocate(bytes(25_words));
  struct Context {
    NestingHeap& heap;
    mneme::Request<NestingHeap>& own;
    mneme::Request<NestingHeap>& next;
    int depth;
  } context{heap, first, second, 0};
  const auto wake = [](void* pointer) noexcept {
    const mneme::test::MayWait may_wait;
    auto& [home, own, next, depth] = *static_cast<Context*>(pointer);
    depth = NestingLock::depth;
    next.cancel();
    auto late = home.allocate(bytes(1_words));
    CHECK(!late.poll());
    CHECK(own.poll().has_value());  // and its memory goes back at once
  };
  {
    auto hog = granted(heap.allocate(bytes(30_words)));
    CHECK(!first.poll({wake, &context}));
    CHECK(!second.poll());
    CHECK(!third.poll());
  }
  CHECK(context.depth == 1);
  CHECK(NestingLock::depth == 0);
  CHECK(first.state() == mneme::RequestState::taken);
  CHECK(second.state() == mneme::RequestState::cancelled);
  CHECK(third.state() == mneme::RequestState::granted);
}

TEST_CASE("a request that meets a fault of the raw heap waits until something comes back") {
  struct Faulty : mneme::FaultInjecting<mneme::FirstFit> {
    explicit Faulty(std::span<std::byte> region) noexcept : FaultInjecting(region) { fail_nth(2); }
  };
  BasicTestHeap<mneme::BasicHeap<Faulty>> heap(32_words);
  const auto first = granted(heap.allocate(bytes(1_words)));
  CHECK(heap.try_allocate(bytes(1_words)) == nullptr);
  CHECK(heap.raw().failures() == 1);
  CHECK(sound(heap));
  const auto second = granted(heap.allocate(bytes(1_words)));
}
