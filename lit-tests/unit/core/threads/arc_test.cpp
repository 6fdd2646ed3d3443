// purpose: shows that an object lives as long as its last Arc: on one thread, on many, when leaked.
// layer: tests; includes mneme and the tests' support.
// threads: the last two tests clone and drop on several threads at once.
// invariants: each heap is whole at the end of its test.
// RUN: %runner %build/tests/arc_test
// RUN: %if valgrind %{ %helgrind %this %}
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/effort.hpp"
#include "support/fatal_line.hpp"
#include "support/names.hpp"

using namespace tests::names;
using mneme::Arc;

static_assert(sizeof(Arc<int>) == sizeof(int*));
static_assert(Arc<int>::count_max <= SIZE_MAX / 2, "no number of threads can wrap it from there");
static_assert(std::is_nothrow_copy_constructible_v<Arc<int>>);
static_assert(std::is_nothrow_move_constructible_v<Arc<int>>);

TEST_CASE("an arc adds its count, and nothing else, to the one word of overhead") {
  TestHeap heap(1024);
  const auto arc = granted(heap.make_arc<std::size_t>(7U));
  CHECK(*arc == 7);
  CHECK(heap.stats().used_bytes == 3 * sizeof(std::size_t));
}

TEST_CASE("the last arc destroys the object, once") {
  TestHeap heap(1024);
  Arc<Probe> first = granted(heap.make_arc<Probe>(1));
  CHECK(first.count() == 1);
  Arc<Probe> second = first;
  Arc<Probe> third = second.clone();
  CHECK(first.get() == third.get());
  CHECK(third->value == 1);
  CHECK(first.count() == 3);
  CHECK(Probe::alive == 1);

  second.reset();
  CHECK(!second);
  CHECK(second.count() == 0);
  first.reset();
  CHECK(third.count() == 1);
  CHECK(Probe::alive == 1);
  third.reset();
  CHECK(Probe::alive == 0);
  CHECK(heap.stats().live == 0);
}

TEST_CASE("an empty arc owns nothing, and so do its clones") {
  Arc<Probe> arc;
  const Arc<Probe> clone = arc;  // NOLINT(performance-unnecessary-copy-initialization)
  CHECK(!clone);
  CHECK(arc.get() == nullptr);
  CHECK(arc.count() == 0);
  arc.reset();
  CHECK(arc.leak() == nullptr);
}

TEST_CASE("moving an arc keeps the count; assigning drops what was held") {
  TestHeap heap(1024);
  Arc<Probe> first = granted(heap.make_arc<Probe>(1));
  Arc<Probe> second = granted(heap.make_arc<Probe>(2));
  Arc<Probe> third(std::move(first));
  CHECK(third.count() == 1);
  CHECK(!first);  // NOLINT(bugprone-use-after-move): that it is empty is the claim
  third = second;
  CHECK(Probe::alive == 1);
  CHECK(second.count() == 2);
  third = std::move(second);
  CHECK(third.count() == 1);
  CHECK(third->value == 2);
}

TEST_CASE("an arc assigned or moved to itself keeps its object and its count") {
  TestHeap heap(1024);
  Arc<Probe> arc = granted(heap.make_arc<Probe>(1));
  Arc<Probe>& same = arc;
  arc = same;
  CHECK(arc.count() == 1);
  arc = std::move(same);
  CHECK(arc.count() == 1);
  CHECK(Probe::alive == 1);
}

TEST_CASE("a leaked arc keeps its object until it is taken over again") {
  TestHeap heap(1024);
  Arc<Probe>::Shared* leaked = nullptr;
  {
    Arc<Probe> arc = granted(heap.make_arc<Probe>(4));
    leaked = arc.clone().leak();
  }
  CHECK(Probe::alive == 1);
  const auto again = Arc<Probe>::from_leaked(leaked);
  CHECK(again.count() == 1);
  CHECK(again->value == 4);
}

TEST_CASE("a count that could overflow stops the program") {
  TestHeap heap(1024);
  Arc<Probe> arc = granted(heap.make_arc<Probe>());
  auto* const shared = arc.leak();
  shared->count.store(Arc<Probe>::count_max, std::memory_order_relaxed);
  const auto many = Arc<Probe>::from_leaked(shared);
  CHECK(mneme::test::fatal_line_of([&] { const auto one_more = many.clone(); }) ==
        "mneme: fatal: too many clones of an Arc");
  shared->count.store(Arc<Probe>::count_max - 1, std::memory_order_relaxed);
  CHECK(mneme::test::fatal_line_of([&] { const auto last = many.clone(); }).empty());
  shared->count.store(1, std::memory_order_relaxed);
}

TEST_CASE("a constructor that throws gives the memory back") {
  TestHeap heap(1024);
  Probe::throw_after = 0;
  CHECK_THROWS_WITH((void)heap.make_arc<Probe>(1).poll(), "no probe");
  CHECK(heap.stats().used_bytes == 0);
}

TEST_CASE("objects without state and over-aligned ones may be shared") {
  struct Nothing {};
  struct alignas(4096) Page {
    int number = 0;
  };
  TestHeap heap(5 * 4096);
  const auto nothing = granted(heap.make_arc<Nothing>());
  const auto page = granted(heap.make_arc<Page>());
  CHECK(mneme::address_of(page.get()) % 4096 == 0);
  CHECK(nothing.clone().count() == 2);
  CHECK(sound(heap));
}

TEST_CASE("an arc may hold another one") {
  struct Node {
    int number;
    Arc<Node> parent;
  };
  TestHeap heap(1024);
  const Arc<Node> root = granted(heap.make_arc<Node>(0, Arc<Node>()));
  {
    const Arc<Node> left = granted(heap.make_arc<Node>(1, root));
    const Arc<Node> right = granted(heap.make_arc<Node>(2, root));
    CHECK(root.count() == 3);
  }
  CHECK(root.count() == 1);
}

TEST_CASE("arcs of one object may be cloned and dropped on many threads at once") {
  TestHeap heap(1024);
  Arc<Probe> arc = granted(heap.make_arc<Probe>(42));
  constexpr int threads_count = 4;
  constexpr int rounds = tests::rounds(10'000);
  mneme::Atomic<int> sum{0};
  mneme::Atomic<int> here{0};  // all begin at once, else the first is done before the last begins
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < threads_count; ++i) {
      threads.emplace_back([&sum, &here, own = arc.clone()]() mutable {
        for (++here; here < threads_count;) std::this_thread::yield();
        int seen = 0;
        for (int round = 0; round < rounds; ++round) {
          const Arc<Probe> passing = own;
          seen += passing->value;
        }
        sum += seen;
        own.reset();
      });
    }
    arc.reset();  // so that the last one is dropped on whichever thread comes last
  }
  CHECK(sum == threads_count * rounds * 42);
  CHECK(Probe::alive == 0);
}

TEST_CASE("what every owner wrote is seen by the thread that destroys the object") {
  constexpr std::size_t owners_count = 4;
  struct Ledger {
    explicit Ledger(int& into) : total(into) {}
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger() {
      for (const int entry : entries) total += entry;  // plain reads: TSan watches
    }
    int& total;
    int entries[owners_count] = {};
  };
  TestHeap heap(1024);
  int total = 0;
  for (int round = 0; round < 50; ++round) {
    Arc<Ledger> ledger = granted(heap.make_arc<Ledger>(std::ref(total)));
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < owners_count; ++i) {
      threads.emplace_back([i, own = ledger.clone()]() mutable {
        own->entries[i] = 1;  // plain writes, each to its own entry
        own.reset();
      });
    }
    ledger.reset();
  }
  CHECK(total == 50 * static_cast<int>(owners_count));
}
