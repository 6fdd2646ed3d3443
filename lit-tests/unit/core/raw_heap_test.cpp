// RUN: %runner %build/tests/raw_heap_test
// purpose: shows that every raw heap keeps the concept's promises, by one suite for all.
// layer: tests; includes the raw heaps.
// threads: none.
// invariants: a heap under test is compared with a naive map of its bytes after every step.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/fault_injecting.hpp>
#include <mneme/raw/quarantining.hpp>
#include <mneme/raw/wide_bounded.hpp>
#include <random>
#include <string>
#include <vector>

#include "raw_heaps/table.hpp"
#include "support/effort.hpp"

using namespace mneme;

// All rows of the table, the wide forms of the bounded heap, and what decorates them.
#define EVERY_RAW_HEAP                                                                      \
  MNEME_RAW_HEAPS, WideBounded, BasicWideBounded<small_and_wide>, FaultInjecting<FirstFit>, \
      Quarantining<FirstFit, 8>, Quarantining<Bounded, 8>, Quarantining<SmallBounded, 8>

namespace {

constexpr BoundedForm small_and_wide{.is_small = true, .is_wide = true};

/// All blocks and holes of a raw heap are multiples of this. One that rounds up to two words knows
/// only blocks with a header, unless their alignment is a word.
template <class Raw>
constexpr std::size_t unit_of = word_bytes;
template <BoundedForm form>
constexpr std::size_t unit_of<BasicWideBounded<form>> = 2 * word_bytes;

/// A region of `size` bytes that begins `skew` bytes behind a multiple of `unit`. What surrounds it
/// is filled, and must stay as it is.
class Region {
 public:
  Region(std::size_t size, std::size_t skew, std::size_t unit = 64)
      : memory_(size + skew + 2 * unit, guard_byte) {
    const std::size_t to_unit = (unit - address_of(memory_.data()) % unit) % unit;
    bytes_ = std::span(memory_).subspan(to_unit + skew, size);
  }

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  [[nodiscard]] bool surroundings_intact() const {
    const auto untouched = [](std::byte each) { return each == guard_byte; };
    const auto first = static_cast<std::size_t>(bytes_.data() - memory_.data());
    const std::span all(memory_);
    return std::ranges::all_of(all.first(first), untouched) &&
           std::ranges::all_of(all.subspan(first + bytes_.size()), untouched);
  }

 private:
  static constexpr std::byte guard_byte{0xA5};
  std::vector<std::byte> memory_;
  std::span<std::byte> bytes_;
};

template <class Raw>
constexpr bool is_extensible = requires(Raw& raw) { raw.extend(1); };

/// The naive model: who owns each word of the region. Blocks are filled with their number.
template <class Raw>
class Oracle {
 public:
  explicit Oracle(Raw& raw) : raw_(raw), owner_(raw.capacity_bytes() / word_bytes, 0) {}

  /// Allocates, and checks the answer: inside, disjoint, aligned; nullptr only if nothing fits.
  std::byte* allocate(BlockLayout layout) {
    std::byte* block = is_quick() ? allocate_quickly(raw_, layout, 0) : nullptr;
    if (block == nullptr) block = raw_.allocate(layout);
    if (block == nullptr) {
      CHECK_FALSE(any_hole_fits(layout, slack_of(layout), owner_.size()));
      return nullptr;
    }
    const std::size_t offset = address_of(block) - address_of(raw_.base());
    const bool inside = offset + taken(layout.size) <= raw_.capacity_bytes();
    REQUIRE(inside);
    const bool aligned = (address_of(block) + layout.header_bytes) % layout.align == 0;
    const auto owners = std::span(owner_).subspan(index(block), taken(layout.size) / word_bytes);
    const bool disjoint = std::ranges::count(owners, 0U) == std::ssize(owners);
    REQUIRE((aligned && disjoint));
    mark(block, taken(layout.size), ++last_);
    fill(block, layout.size, last_);
    layouts_[block] = layout;
    return block;
  }

  void deallocate(std::byte* block) {
    const std::size_t size = layouts_.at(block).size;
    REQUIRE(holds_its_bytes(block, size));
    const bool is_done = is_quick() && deallocate_quickly(raw_, block, size);
    const std::size_t hole = is_done ? SIZE_MAX : raw_.deallocate(block, size);
    mark(block, taken(size), 0);
    layouts_.erase(block);
    std::size_t from = index(block);
    std::size_t end = from;
    while (from > 0 && owner_[from - 1] == 0) --from;
    while (end < owner_.size() && owner_[end] == 0) ++end;
    CHECK(hole >= (end - from) * word_bytes);
    if (!is_quarantining && !is_done) CHECK(hole == (end - from) * word_bytes);
  }

  /// Resizes; a refusal must have a reason: the bytes behind the block are not free, or are the
  /// last ones, and another hole takes the block.
  void resize(std::byte* block, std::size_t new_size) {
    const std::size_t old_size = layouts_.at(block).size;
    BlockLayout wanted = layouts_.at(block);
    wanted.size = new_size;
    const std::size_t owner = owner_[index(block)];
    bool room = true;
    for (std::size_t at = taken(old_size); at < taken(new_size); at += word_bytes) {
      const std::size_t word = index(block) + at / word_bytes;
      room = room && word < owner_.size() && owner_[word] == 0;
    }
    const auto behind = std::span(owner_).subspan(index(block) + taken(old_size) / word_bytes);
    const bool at_end =
        taken(new_size) > taken(old_size) && std::ranges::count(behind, 0U) == std::ssize(behind);
    const bool must_move =
        at_end && !is_quarantining && any_hole_fits(wanted, slack_of(wanted), index(block));
    const bool may_move = at_end && any_hole_fits(wanted, 0, index(block));
    const bool done = raw_.resize(block, old_size, wanted);
    CHECK(done >= (room && !may_move));
    CHECK(done <= (room && !must_move));
    if (!done) return;
    REQUIRE(holds_its_bytes(block, std::min(old_size, new_size)));
    mark(block, taken(old_size), 0);
    mark(block, taken(new_size), owner);
    fill(block, new_size, owner);
    layouts_[block] = wanted;
  }

  /// Adds memory behind the region.
  void extend(std::size_t size) {
    if constexpr (is_extensible<Raw>) {
      REQUIRE(raw_.extend(size));
      owner_.resize(owner_.size() + size / unit_of<Raw> * unit_of<Raw> / word_bytes, 0);
      REQUIRE(raw_.capacity_bytes() == owner_.size() * word_bytes);
    }
  }

  /// Compares everything that the raw heap says of itself with the map.
  void compare() const {
    const char* const wrong = raw_.validate();
    if (wrong != nullptr) FAIL(std::string(wrong));
    std::size_t free_words = 0;
    std::size_t largest = 0;
    std::vector<std::pair<std::size_t, std::size_t>> holes;
    for (std::size_t word = 0; word < owner_.size();) {
      std::size_t end = word;
      while (end < owner_.size() && owner_[end] == 0) ++end;
      if (end > word) holes.emplace_back(word * word_bytes, (end - word) * word_bytes);
      largest = std::max(largest, (end - word) * word_bytes);
      free_words += end - word;
      word = end + 1;
    }
    REQUIRE(raw_.free_bytes() == free_words * word_bytes);
    REQUIRE(raw_.largest_hole_bytes() == largest);
    std::vector<std::pair<std::size_t, std::size_t>> found;
    raw_.for_each_hole(
        [&](std::size_t offset, std::size_t size) { found.emplace_back(offset, size); });
    const bool same_holes = found == holes;
    REQUIRE(same_holes);
  }

  void compare_each_byte() const {
    bool agrees = !raw_.is_free(raw_.capacity_bytes());
    for (std::size_t at = 0; at < raw_.capacity_bytes(); ++at) {
      agrees = agrees && raw_.is_free(at) == (owner_[at / word_bytes] == 0);
    }
    REQUIRE(agrees);
  }

  [[nodiscard]] const std::map<std::byte*, BlockLayout>& blocks() const { return layouts_; }

 private:
  // A quarantine does not know what its blocks will be joined to.
  static constexpr bool is_quarantining = requires { Raw::is_quarantining; };

  // Every second time the quick way is tried first, if there is one.
  bool is_quick() { return (++calls_ & 1U) != 0; }

  [[nodiscard]] std::size_t taken(std::size_t size) const {
    return taken_bytes(raw_, nullptr, size);
  }
  [[nodiscard]] std::size_t index(const std::byte* block) const {
    return static_cast<std::size_t>(block - raw_.base()) / word_bytes;
  }
  void mark(std::byte* block, std::size_t size, std::size_t owner) {
    for (std::size_t at = 0; at < size; at += word_bytes)
      owner_[index(block) + at / word_bytes] = owner;
  }
  /// All but the header.
  static void fill(std::byte* block, std::size_t size, std::size_t owner) {
    std::memset(block + word_bytes, static_cast<int>(owner & 0xFF), size - word_bytes);
  }
  [[nodiscard]] bool holds_its_bytes(const std::byte* block, std::size_t size) const {
    const auto filled = static_cast<std::byte>(owner_[index(block)] & 0xFF);
    return std::ranges::all_of(std::span(block, size).subspan(word_bytes),
                               [&](std::byte b) { return b == filled; });
  }
  /// How much larger a hole must be to be sure to take the layout.
  [[nodiscard]] std::size_t slack_of(BlockLayout layout) const {
    return raw_.is_exact(layout) ? 0 : layout.align - word_bytes;
  }
  [[nodiscard]] bool any_hole_fits(BlockLayout layout, std::size_t slack, std::size_t limit) const {
    for (std::size_t word = 0; word < limit; ++word) {
      if ((address_of(raw_.base()) + word * word_bytes + layout.header_bytes) % layout.align != 0)
        continue;
      std::size_t end = word;
      while (end < owner_.size() && owner_[end] == 0) ++end;
      if ((end - word) * word_bytes >= layout.size + slack) return true;
    }
    return false;
  }

  unsigned calls_ = 0;
  Raw& raw_;
  std::vector<std::size_t> owner_;  // one a word; 0: free
  std::map<std::byte*, BlockLayout> layouts_;
  std::size_t last_ = 0;
};

/// All of the heap's blocks went back: it must be one hole.
template <class Raw>
void check_one_hole(const Raw& raw) {
  std::size_t holes = 0;
  raw.for_each_hole([&](std::size_t offset, std::size_t size) {
    CHECK(offset == 0);
    CHECK(size == raw.capacity_bytes());
    ++holes;
  });
  CHECK(holes == (raw.capacity_bytes() > 0 ? 1 : 0));
  CHECK(raw.validate() == nullptr);
}

TEST_CASE_TEMPLATE("regions of every size and skew: whole words are managed, none beyond", Raw,
                   EVERY_RAW_HEAP) {
  for (std::size_t size = 0; size <= 256; ++size) {
    for (std::size_t skew = 0; skew < word_bytes; ++skew) {
      const Region region(size, skew);
      Raw raw(region.bytes());
      const std::size_t unit = unit_of<Raw>;
      const std::size_t lost = (2 * unit - word_bytes - skew) % unit;
      const std::size_t words = size < lost ? 0 : (size - lost) / unit * unit / word_bytes;
      REQUIRE(raw.capacity_bytes() == (words < 2 ? 0 : words * word_bytes));
      Oracle oracle(raw);
      oracle.compare_each_byte();
      const BlockLayout smallest{.size = 2 * word_bytes};
      REQUIRE(raw.fits_empty(smallest) == (words >= 2));
      while (oracle.allocate(smallest) != nullptr) {
      }
      REQUIRE(oracle.blocks().size() == words / 2);
      oracle.compare();
      while (!oracle.blocks().empty()) oracle.deallocate(oracle.blocks().begin()->first);
      check_one_hole(raw);
      REQUIRE(region.surroundings_intact());
    }
  }
}

TEST_CASE_TEMPLATE("no region at all gives a heap in which nothing fits", Raw, EVERY_RAW_HEAP) {
  Raw raw(std::span<std::byte>{});
  CHECK(raw.capacity_bytes() == 0);
  CHECK(raw.free_bytes() == 0);
  CHECK(raw.largest_hole_bytes() == 0);
  CHECK_FALSE(raw.fits_empty({.size = 16}));
  CHECK(raw.allocate({.size = 16}) == nullptr);
  CHECK_FALSE(raw.is_free(0));
  std::byte elsewhere[16];
  CHECK_FALSE(raw.deallocate(elsewhere, 16));
  CHECK(raw.validate() == nullptr);
}

TEST_CASE_TEMPLATE("when the heap is gone, its region is its owner's again", Raw, EVERY_RAW_HEAP) {
  std::vector<std::byte> region(256);
  for (int round = 0; round < 2; ++round) {
    {
      Raw raw(region);
      (void)raw.allocate({.size = 64});
      std::byte* const block = raw.allocate({.size = 64});
      CHECK(raw.deallocate(block, 64));
    }
    std::ranges::fill(region, std::byte{7});  // the tools watch this
    CHECK(std::ranges::count(region, std::byte{7}) == 256);
  }
}

TEST_CASE_TEMPLATE("every alignment is met from every skew, and an empty heap gives what it said",
                   Raw, EVERY_RAW_HEAP) {
  for (std::size_t align = word_bytes; align <= 4096; align *= 2) {
    for (std::size_t skew = 0; skew < 4096; skew += skew < 64 ? word_bytes : 500) {
      const Region region(6000, skew, 4096);
      Raw raw(region.bytes());
      Oracle oracle(raw);
      for (const std::size_t lead : {std::size_t{0}, word_bytes}) {
        if (lead == 0 && unit_of<Raw> > word_bytes) continue;
        for (std::size_t size = 16; size < 6000; size = size * 3 / word_bytes * word_bytes) {
          const BlockLayout layout{.size = size, .align = align, .header_bytes = lead};
          const bool fits = raw.fits_empty(layout);
          std::byte* const block = oracle.allocate(layout);
          REQUIRE((block != nullptr) == fits);
          if (fits) oracle.deallocate(block);
        }
        check_one_hole(raw);
      }
    }
  }
}

TEST_CASE_TEMPLATE("sizes and alignments near the maximum are refused, never wrapped", Raw,
                   EVERY_RAW_HEAP) {
  const Region region(1024, 0);
  Raw raw(region.bytes());
  const std::size_t top = SIZE_MAX & ~(word_bytes - 1);
  for (const std::size_t size :
       {top, top - 8, SIZE_MAX / 2 + 1, std::size_t{1} << 5 * word_bytes}) {
    for (std::size_t align = word_bytes; align != 0; align *= 2) {
      REQUIRE_FALSE(raw.fits_empty({.size = size, .align = align, .header_bytes = word_bytes}));
      REQUIRE(raw.allocate({.size = size, .align = align, .header_bytes = word_bytes}) == nullptr);
    }
  }
  const BlockLayout nowhere{.size = 16, .align = SIZE_MAX / 2 + 1, .header_bytes = word_bytes};
  CHECK(raw.allocate(nowhere) == nullptr);
  CHECK_FALSE(raw.fits_empty(nowhere));
  check_one_hole(raw);
}

TEST_CASE_TEMPLATE("blocks freed in any order leave one hole", Raw, EVERY_RAW_HEAP) {
  std::vector<std::size_t> order{0, 1, 2, 3, 4};
  do {
    const Region region(5 * 32, unit_of<Raw> - word_bytes);
    Raw raw(region.bytes());
    Oracle oracle(raw);
    std::vector<std::byte*> blocks(5);
    for (auto& block : blocks) block = oracle.allocate({.size = 32});
    REQUIRE(raw.free_bytes() == 0);
    for (const std::size_t next : order) {
      oracle.deallocate(blocks[next]);
      oracle.compare();
    }
    check_one_hole(raw);
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE_TEMPLATE("what is no block is refused, and changes nothing", Raw, EVERY_RAW_HEAP) {
  const Region region(256, 0);
  Raw raw(region.bytes());
  Oracle oracle(raw);
  std::byte* const first = oracle.allocate({.size = 64});
  std::byte* const second = oracle.allocate({.size = 64});
  oracle.deallocate(first);
  CHECK_FALSE(raw.deallocate(first, 64));        // free already
  CHECK_FALSE(raw.deallocate(first + 32, 64));   // begins in a hole, ends in a block
  CHECK_FALSE(raw.deallocate(second, 128));      // ends in a hole
  CHECK_FALSE(raw.deallocate(second + 64, 16));  // a part of a hole
  CHECK_FALSE(raw.deallocate(second, SIZE_MAX & ~(word_bytes - 1)));
  CHECK_FALSE(raw.deallocate(raw.base() + 256, 16));
  std::byte elsewhere[64];
  CHECK_FALSE(raw.deallocate(elsewhere, 64));
  oracle.compare();
  oracle.deallocate(second);
  check_one_hole(raw);
}

TEST_CASE_TEMPLATE("thousands of random steps agree with the map of bytes", Raw, EVERY_RAW_HEAP) {
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    const Region region(1024 + below(512), below(64));
    Raw raw(region.bytes());
    Oracle oracle(raw);
    for (int step = 0; step < tests::rounds(2000); ++step) {
      const std::size_t size = (2 + below(below(8) == 0 ? 60 : 8)) * word_bytes;
      const std::size_t what = below(8);
      auto victim = oracle.blocks().begin();
      if (!oracle.blocks().empty()) std::advance(victim, below(oracle.blocks().size()));
      if (what < 4 || oracle.blocks().empty()) {
        const std::size_t align = word_bytes << below(below(4) == 0 ? 10 : 2);
        const std::size_t lead = unit_of<Raw> > word_bytes ? word_bytes : below(2) * word_bytes;
        oracle.allocate({.size = size, .align = align, .header_bytes = lead});
      } else if (what < 7) {
        oracle.deallocate(victim->first);
      } else {
        oracle.resize(victim->first, size);
      }
      oracle.compare();
      if (step % 100 == 0) oracle.compare_each_byte();
    }
    while (!oracle.blocks().empty()) oracle.deallocate(oracle.blocks().begin()->first);
    check_one_hole(raw);
    REQUIRE(region.surroundings_intact());
  }
}

TEST_CASE_TEMPLATE("a region that grows among random steps agrees with the map of bytes", Raw,
                   EVERY_RAW_HEAP) {
  for (std::uint32_t seed = 0; is_extensible<Raw> && seed < tests::rounds(40U); ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    const std::size_t lost = below(2) * (word_bytes - 1);  // bytes of no whole word
    const Region region(400 * word_bytes, 0);
    Raw raw(region.bytes().first(Raw::min_region_bytes + below(10) * word_bytes + lost));
    Oracle oracle(raw);
    for (int step = 0; step < 200; ++step) {
      auto victim = oracle.blocks().begin();
      if (!oracle.blocks().empty()) std::advance(victim, below(oracle.blocks().size()));
      const std::size_t what = below(8);
      if (what == 0 && raw.capacity_bytes() < 390 * word_bytes) {
        oracle.extend(below(9 * word_bytes));
      } else if (what < 5 || oracle.blocks().empty()) {
        oracle.allocate({.size = (2 + below(6)) * word_bytes,
                         .align = word_bytes << below(unit_of<Raw> > word_bytes ? 1 : 2)});
      } else if (what < 7) {
        oracle.deallocate(victim->first);
      } else {
        oracle.resize(victim->first, (2 + below(6)) * word_bytes);
      }
      oracle.compare();
      if (step % 50 == 0) oracle.compare_each_byte();
    }
    while (!oracle.blocks().empty()) oracle.deallocate(oracle.blocks().begin()->first);
    check_one_hole(raw);
    REQUIRE(region.surroundings_intact());
  }
}

}  // namespace
