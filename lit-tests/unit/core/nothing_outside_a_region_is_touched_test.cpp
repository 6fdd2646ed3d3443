// purpose: shows that a heap touches no byte before or behind its region, by pages that nobody may.
// layer: tests; includes mneme and the tests' support.
// threads: one.
// invariants: the region's page lies between two that can neither be read nor written.
// RUN: %runner %build/tests/nothing_outside_a_region_is_touched_test
#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <random>
#include <span>
#include <vector>

#include "support/tasks.hpp"

using mneme::BasicHeap;
using mneme::Layout;
using tests::whole;

namespace {

constexpr std::size_t page_bytes = 4096;

/// A page between two guarded ones, of which the first or the last `size` bytes are the region.
class GuardedPage {
 public:
  GuardedPage()
      : pages_(static_cast<std::byte*>(
            ::mmap(nullptr, 3 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(static_cast<void*>(pages_) != MAP_FAILED);
    REQUIRE(::mprotect(pages_ + page_bytes, page_bytes, PROT_READ | PROT_WRITE) == 0);
  }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;
  ~GuardedPage() { (void)::munmap(pages_, 3 * page_bytes); }

  [[nodiscard]] std::span<std::byte> region(std::size_t size, bool is_last) const {
    return {pages_ + page_bytes + (is_last ? page_bytes - size : 0), size};
  }

 private:
  std::byte* pages_;
};

/// Every operation there is, at random, on a heap over the region.
template <class Heap>
class Walk {
 public:
  Walk(std::span<std::byte> region, unsigned seed) : heap_(region), dice_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    while (!held_.empty()) drop(held_.size() - 1, false);
    (void)heap_.poll();
    CHECK(whole(heap_));
  }

  void close() {
    heap_.close();
    CHECK(heap_.try_allocate({.size = 8, .align = 8}) == nullptr);
  }

 private:
  struct Held {
    void* payload;
    Layout layout;
  };

  void step() {
    // Sizes that fill the region, so that its last bytes are often a block's.
    const Layout layout{dice_() % (heap_.capacity_bytes() / 3 + 1), std::size_t{1} << dice_() % 8};
    switch (dice_() % 10) {
      case 0:
      case 1:
      case 2: keep(heap_.try_allocate(layout), layout); break;
      case 3: {
        auto request = heap_.allocate(layout);
        auto answer = request.poll();
        if (answer && *answer) keep((*answer)->leak(), layout);
        break;  // else it is withdrawn
      }
      case 4: {
        auto guard = heap_.try_lock();
        keep(guard.allocate(layout), layout);
        CHECK(guard.validate() == nullptr);
        if (!held_.empty()) drop(dice_() % held_.size(), false);
        break;
      }
      case 5: {
        auto array = heap_.template make_array<unsigned short>(dice_() % 40).poll();
        auto shared = heap_.template make_arc<int>(7).poll();
        if (shared && *shared) CHECK((*shared)->clone().count() == 2);
        break;
      }
      case 6: {
        if (held_.empty()) break;
        Held& chosen = held_[dice_() % held_.size()];
        const Layout wanted{layout.size, chosen.layout.align};
        if (!heap_.try_resize(chosen.payload, chosen.layout, wanted)) break;
        chosen.layout = wanted;
        std::memset(chosen.payload, 0x5a, wanted.size);
        break;
      }
      case 7: (void)heap_.stats(); break;
      default:
        if (!held_.empty()) drop(dice_() % held_.size(), dice_() % 2 == 0);
    }
    CHECK(heap_.validate() == nullptr);
  }

  void keep(void* payload, Layout layout) {
    if (payload == nullptr) return;
    std::memset(payload, 0xa5, layout.size);
    held_.push_back({payload, layout});
  }

  void drop(std::size_t index, bool defers) {
    const Held gone = held_[index];
    held_[index] = held_.back();
    held_.pop_back();
    if (defers) {
      heap_.defer_free(gone.payload, gone.layout);
    } else {
      heap_.free(gone.payload, gone.layout);
    }
  }

  Heap heap_;
  std::mt19937 dice_;
  std::vector<Held> held_;
};

}  // namespace

TEST_CASE_TEMPLATE("no operation looks beyond the region, wherever that begins and ends", Raw,
                   mneme::FirstFit, mneme::Bounded) {
  const GuardedPage page;
  unsigned seed = 1;
  for (const std::size_t size : {16U, 24U, 40U, 64U, 333U, 1024U, 4088U, 4089U, 4096U}) {
    for (const bool is_last : {false, true}) {
      CAPTURE(size);
      CAPTURE(is_last);
      Walk<BasicHeap<Raw>> walk(page.region(size, is_last), seed++);
      walk.run(1500);
      walk.close();
    }
  }
}

TEST_CASE("a heap inside its region stays inside it") {
  const GuardedPage page;
  for (const bool is_last : {false, true}) {
    auto made = mneme::Heap::bootstrap(page.region(2048, is_last));
    REQUIRE(made);
    mneme::Heap& heap = **made;
    void* const all = heap.try_allocate({.size = heap.capacity_bytes() - 8, .align = 8});
    REQUIRE(all != nullptr);
    std::memset(all, 1, heap.capacity_bytes() - 8);
    heap.free(all, {.size = heap.capacity_bytes() - 8, .align = 8});
    CHECK(whole(heap));
    heap.~BasicHeap();
  }
}
