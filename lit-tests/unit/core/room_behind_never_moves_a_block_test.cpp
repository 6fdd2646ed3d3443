// RUN: %this
// REQUIRES: full || !valgrind
// purpose: shows P15: where blocks are does not depend on how much memory is behind them.
// layer: tests; includes the raw heaps that promise it.
// threads: none.
// invariants: a block that cannot be resized in place moves, as in the driver.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/effort.hpp"

using namespace mneme;

#define RAW_HEAPS_WITH_P15 Bounded, SmallBounded, FirstFit

namespace {

constexpr std::size_t roomy_words = 64;

enum class Kind : std::uint8_t { alloc, resize, free };
struct Step {
  Kind kind;
  std::size_t name;  // blocks have the numbers of their `alloc` steps
  std::size_t words;
  std::size_t align = word_bytes;  // of an alloc
};
using Steps = std::vector<Step>;

std::string text_of(const Steps& steps) {
  std::string text;
  for (const Step& step : steps) {
    const std::string name(1, static_cast<char>('a' + step.name));
    text += step.kind == Kind::free ? "free " : step.kind == Kind::resize ? "resize " : "alloc ";
    text += name;
    if (step.kind != Kind::free) {
      text += ' ';
      text += std::to_string((step.words - 1) * word_bytes);
    }
    text += "; ";
  }
  return text;
}

struct Block {
  std::size_t offset = 0;
  std::size_t size = 0;  // 0: free
  std::size_t align = word_bytes;
  friend bool operator==(const Block&, const Block&) = default;
};

/// Steps on one raw heap of some size.
template <class Raw>
class Run {
 public:
  explicit Run(std::span<std::byte> region) : raw_(region) { blocks_.reserve(8); }

  /// False if the step would wait for memory.
  bool step(const Step& step) {
    if (step.kind == Kind::alloc) blocks_.emplace_back();
    Block& block = blocks_[step.name];
    if (step.kind == Kind::free) return free(block);
    if (step.kind == Kind::alloc) block.align = step.align;
    const BlockLayout wanted{step.words * word_bytes, block.align, word_bytes};
    if (step.kind == Kind::alloc || !raw_.resize(start_of(block), block.size, wanted)) {
      std::byte* const start = raw_.allocate(wanted);
      if (start == nullptr) return false;
      if (step.kind == Kind::resize) (void)free(block);
      block.offset = static_cast<std::size_t>(start - raw_.base());
    }
    block.size = wanted.size;
    high_water_ = std::max(high_water_, block.offset + block.size);
    return true;
  }
  [[nodiscard]] bool runs(const Steps& steps) {
    return std::ranges::all_of(steps, [&](const Step& each) { return step(each); });
  }
  /// By name.
  [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }
  /// The end of the last block that there ever was.
  [[nodiscard]] std::size_t high_water() const { return high_water_; }

 private:
  [[nodiscard]] std::byte* start_of(const Block& block) const { return raw_.base() + block.offset; }
  bool free(Block& block) {
    if (raw_.deallocate(start_of(block), block.size) == 0) FAIL("a block was not taken back");
    block = {};
    return true;
  }

  Raw raw_;
  std::vector<Block> blocks_;
  std::size_t high_water_ = 0;
};

/// Checks all scripts of some steps with blocks of two to five words.
template <class Raw>
class AllScripts {
 public:
  AllScripts(std::size_t align, std::size_t steps_max) : align_(align), steps_max_(steps_max) {}

  void run() { extend(0, 0); }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  [[nodiscard]] Run<Raw> make(std::size_t size_bytes) {
    return Run<Raw>(std::span(region_).first(size_bytes));
  }

  // The script has a step more, and up to that one nothing waits on `fits` bytes.
  // NOLINTBEGIN(misc-no-recursion): as deep as a script has steps
  void extend(std::size_t names, std::size_t fits) {
    if (!steps_.empty()) fits = check(fits);
    if (steps_.size() == steps_max_) return;
    const auto with = [&](Kind kind, std::size_t name, std::size_t words) {
      steps_.push_back({kind, name, words, align_});
      extend(std::max(names, name + 1), fits);
      steps_.pop_back();
    };
    for (std::size_t words = 2; words <= 5; ++words) with(Kind::alloc, names, words);
    for (std::size_t name = 0; name < names; ++name) {
      const std::size_t now = words_of(name);
      if (now == 0) continue;
      with(Kind::free, name, 0);
      for (std::size_t words = 2; words <= 5; ++words) {
        if (words != now) with(Kind::resize, name, words);
      }
    }
  }
  // NOLINTEND(misc-no-recursion)

  [[nodiscard]] std::size_t words_of(std::size_t name) const {
    std::size_t words = 0;
    for (const Step& step : steps_) {
      if (step.name == name) words = step.words;
    }
    return words;
  }

  // What fits needs now. On less the last step waits; on more all is as on the largest heap.
  [[nodiscard]] std::size_t check(std::size_t fits) {
    ++count_;
    Run<Raw> roomy = make(sizeof region_);
    if (!roomy.runs(steps_)) FAIL(text_of(steps_));
    const std::size_t needed = roomy.high_water();
    for (std::size_t size = std::max(fits, 2 * word_bytes); size < needed; size += word_bytes) {
      if (make(size).runs(steps_)) FAIL(text_of(steps_) << "do not wait on " << size);
    }
    for (const std::size_t size : {needed, needed + word_bytes}) {
      Run<Raw> tight = make(size);
      if (!tight.runs(steps_) || tight.blocks() != roomy.blocks()) {
        FAIL(text_of(steps_) << "differ on " << size);
      }
    }
    return needed;
  }

  alignas(64) std::array<std::byte, roomy_words * word_bytes> region_{};
  std::size_t align_;
  std::size_t steps_max_;
  Steps steps_;
  std::size_t count_ = 0;
};

Step random_step(const std::vector<Block>& blocks, std::mt19937& random) {
  const std::size_t words = 2 + random() % (random() % 4 == 0 ? 40 : 8);
  const std::size_t align = word_bytes << random() % 4;
  if (random() % 3 == 0 || blocks.empty()) return {Kind::alloc, blocks.size(), words, align};
  for (int tries = 0; tries < 100; ++tries) {
    const std::size_t name = random() % blocks.size();
    if (blocks[name].size != 0) return {random() % 3 == 0 ? Kind::free : Kind::resize, name, words};
  }
  return {Kind::alloc, blocks.size(), words, align};
}

TEST_CASE_TEMPLATE("of all short scripts none waits on a size if it does not on a smaller one", Raw,
                   RAW_HEAPS_WITH_P15) {
  AllScripts<Raw> of_words(word_bytes, tests::is_instrumented ? 5 : 6);
  of_words.run();
  CHECK(of_words.count() == (tests::is_instrumented ? 49'108 : 709'988));
  AllScripts<Raw> of_two(2 * word_bytes, tests::is_instrumented ? 4 : 5);
  of_two.run();
  CHECK(of_two.count() == (tests::is_instrumented ? 3'812 : 49'108));
}

TEST_CASE_TEMPLATE("nor is any block moved, in long scripts of all sizes and alignments", Raw,
                   RAW_HEAPS_WITH_P15) {
  constexpr std::size_t tight_bytes = 512 * word_bytes;
  alignas(4096) static std::array<std::byte, 2 * tight_bytes> regions[2];
  for (unsigned seed = 0; seed < tests::rounds(40U); ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Run<Raw> tight{std::span{regions[0]}.first(tight_bytes)};
    Run<Raw> roomy(regions[1]);
    for (int count = 0; count < 600; ++count) {
      const Step step = random_step(tight.blocks(), random);
      if (!tight.step(step)) break;  // from here on they may differ
      REQUIRE(roomy.step(step));
      REQUIRE(tight.blocks().back() == roomy.blocks().back());
      REQUIRE(tight.blocks()[step.name] == roomy.blocks()[step.name]);
    }
  }
}

}  // namespace
