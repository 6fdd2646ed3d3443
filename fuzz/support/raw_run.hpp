// purpose: the allocating steps of a script on one raw heap, beside an oracle of its own.
// layer: fuzz; includes L1 and the driver's oracle, pattern and region.
// threads: one owner.
// invariants: raw heap and oracle agree after each step, also after one that failed on demand;
//   bytes keep their values.
#pragma once

#include <mneme/raw_heap.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include "driver/execute/fill_pattern.hpp"
#include "driver/execute/region.hpp"
#include "driver/language/byte_codec.hpp"
#include "driver/model/oracle.hpp"

#include "finding.hpp"

namespace mneme::fuzz {

using namespace mneme::driver;

template <RawHeap Raw>
class RawRun {
 public:
  explicit RawRun(std::size_t size_bytes) : region_(size_bytes), raw_(region_.bytes()) {}

  /// The result of a step: the offset of the block, if there is one. Equal for heaps of one kind.
  using Outcome = std::optional<std::size_t>;

  Outcome step(const Op& op) {
    const auto at = live_.find(op.name);
    const bool is_live = at != live_.end();
    Outcome outcome;
    if (op.kind == OpKind::alloc && !is_live) outcome = allocate(op);
    if (op.kind == OpKind::resize && is_live) outcome = resize(at->second, op.size_bytes);
    if ((op.kind == OpKind::free || op.kind == OpKind::drop) && is_live) {
      free(at->second);
      live_.erase(at);
    }
    compare();
    return outcome;
  }

  /// Whether an empty heap has room for the request of the step.
  [[nodiscard]] bool can_hold(const Op& op) const {
    const auto wanted = BlockLayout::with_header({op.size_bytes, op.align_bytes});
    return wanted && raw_.fits_empty(*wanted);
  }

  void finish() {
    for (auto& [name, block] : live_) free(block);
    compare();
    check_oracle(raw_.largest_hole_bytes() == raw_.capacity_bytes() || raw_.capacity_bytes() == 0,
                 "everything was freed, but the region is not one hole again (P9)");
  }

 private:
  struct Block {
    std::byte* start = nullptr;
    std::size_t size = 0;
    std::size_t align = 0;
    BlockId id = 0;
    std::uint64_t serial = 0;

    [[nodiscard]] std::span<std::byte> bytes() const {
      return {start + word_bytes, size - word_bytes};
    }
  };

  Outcome allocate(const Op& op) {
    const Layout layout{op.size_bytes, op.align_bytes};
    const auto wanted = BlockLayout::with_header(layout);
    // What the oracle does not know: which of the other requests are granted.
    if (wanted && !raw_.is_exact(*wanted)) return std::nullopt;
    const BlockId id = oracle_.add(layout.size, layout.align);
    const bool fits = wanted && raw_.fits_empty(*wanted);
    if (fits && op.mode == AllocMode::try_now) fail_once(*wanted);
    std::byte* const start = fits ? raw_.allocate(*wanted) : nullptr;
    const bool granted = start != nullptr;
    const Outcome outcome = granted ? Outcome(start - raw_.base()) : std::nullopt;
    check_oracle(oracle_.try_now(id, granted ? Answer::granted : Answer::would_wait,
                                 outcome.value_or(0), {}));
    if (!granted) {
      oracle_.forget(id);
      return outcome;
    }
    const Block block{start, wanted->size, layout.align, id, ++serials_};
    fill_pattern(block.bytes(), block.serial);
    live_.emplace(op.name, block);
    return outcome;
  }

  /// On a heap that can be told to fail: an allocation that does, and changes nothing.
  void fail_once(BlockLayout layout) {
    if constexpr (requires { raw_.fail_nth(1); }) {
      raw_.fail_nth(1);
      check_oracle(raw_.allocate(layout) == nullptr, "an allocation did not fail on demand");
      compare();
    }
  }

  Outcome resize(Block& block, std::size_t payload_bytes) {
    const auto wanted = BlockLayout::with_header({payload_bytes, block.align});
    if (!wanted || !raw_.fits_empty(*wanted)) return std::nullopt;
    check_bytes(block);
    const bool done = raw_.resize(block.start, block.size, *wanted);
    check_oracle(oracle_.resize(block.id, payload_bytes, done, {}));
    if (!done) return std::nullopt;
    block.size = wanted->size;
    fill_pattern(block.bytes(), block.serial);
    return block.size;
  }

  void free(const Block& block) {
    check_bytes(block);
    check_oracle(raw_.deallocate(block.start, block.size), "a live block was not taken back");
    check_oracle(oracle_.release(block.id, false, {}));
    check_oracle(!raw_.deallocate(block.start, block.size), "a block was taken back twice");
  }

  void compare() const {
    check_oracle(raw_.free_bytes() == oracle_.free_bytes(), "model mismatch: free bytes");
    check_oracle(raw_.largest_hole_bytes() == oracle_.largest_bytes(),
                 "model mismatch: largest hole");
    const auto gaps = oracle_.gaps();
    auto gap = gaps.begin();
    raw_.for_each_hole([&](std::size_t offset, std::size_t size) {
      check_oracle(gap != gaps.end() && gap->offset == offset && gap->size == size &&
                       raw_.is_free(offset) && raw_.is_free(offset + size - 1),
                   "model mismatch: a hole");
      ++gap;
    });
    if (const char* const wrong = raw_.validate()) check_oracle(false, wrong);
  }

  void check_bytes(const Block& block) const {
    check_oracle(!find_damage(block.bytes(), block.serial),
                 "a block does not hold what was written");
  }
  void check_oracle(bool good, const char* what) const {
    if (!good) stop(std::string(Raw::name) + ": " + what);
  }
  void check_oracle(const Mismatch& mismatch) const {
    if (mismatch) check_oracle(false, mismatch->c_str());
  }

  Region region_;
  Raw raw_;
  Oracle oracle_{raw_.capacity_bytes()};
  std::unordered_map<std::string_view, Block> live_;
  std::uint64_t serials_ = 0;
};

/// The same steps on twice the memory: as long as nothing is refused for lack of memory, all blocks
/// are at the same places (P15).
template <RawHeap Raw>
class RoomyTwin {
 public:
  explicit RoomyTwin(std::size_t size_bytes) : tight_(size_bytes), roomy_(2 * size_bytes) {}

  void step(const Op& op) {
    if (!is_equal_ || !tight_.can_hold(op)) return;
    const auto outcome = tight_.step(op);
    is_equal_ = roomy_.step(op) == outcome;
    require(is_equal_ || !outcome, "room behind moved a block (P15)");
  }

 private:
  RawRun<Raw> tight_;
  RawRun<Raw> roomy_;
  bool is_equal_ = true;
};

/// Reports the steps up to the current one.
class StepsReproducer final : public Reproducer {
 public:
  /// The script must outlive it.
  explicit StepsReproducer(const Script& script) : script_{script} {}
  void next() { ++count_; }

  [[nodiscard]] std::string text() const override { return text_of(script_, count_); }

 private:
  const Script& script_;
  std::size_t count_ = 0;
};

/// Runs a script on several raw heaps. Those of the same name must do exactly the same. Those of
/// another kind put blocks elsewhere, so that one has room where the other has none; but what one
/// can ever hold, the other can.
template <RawHeap First, RawHeap... More>
void run_raw_heaps(const Script& script, std::size_t heap_bytes) {
  RawRun<First> first(heap_bytes);
  std::tuple<RawRun<More>...> more((sizeof(More) != 0 ? heap_bytes : 0)...);
  StepsReproducer reproducer(script);
  const auto compare = [&]<class Raw>(RawRun<Raw>& run, const Op& op,
                                      typename RawRun<First>::Outcome outcome) {
    const bool is_same_kind = std::string_view(Raw::name) == First::name;
    require(run.step(op) == outcome || !is_same_kind, "two heaps of one kind differ");
    require(run.can_hold(op) == first.can_hold(op), "two kinds differ in what they can ever hold");
  };
  for (const Op& op : script.ops) {
    reproducer.next();
    const auto outcome = first.step(op);
    std::apply([&](auto&... run) { (compare(run, op, outcome), ...); }, more);
  }
  first.finish();
  std::apply([](auto&... run) { (run.finish(), ...); }, more);
}

/// Runs a script on each raw heap, and on a larger one beside it.
template <RawHeap... Raws>
void run_beside_roomy_twins(const Script& script, std::size_t heap_bytes) {
  std::tuple<RoomyTwin<Raws>...> twins((sizeof(Raws) != 0 ? heap_bytes : 0)...);
  StepsReproducer reproducer(script);
  for (const Op& op : script.ops) {
    reproducer.next();
    std::apply([&](auto&... twin) { (twin.step(op), ...); }, twins);
  }
}

}  // namespace mneme::fuzz
