// purpose: overwrites words of holes, headers and deferred blocks in many ways, then uses the heap.
// layer: tests; includes mneme.
// threads: none; each attempt begins from the same bytes, and ends by a jump if it is stopped.
// invariants: a heap with one smashed word stops at it, or is as sound as if it had not been.
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mneme/mneme.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <set>
#include <vector>

using namespace mneme;

namespace {

constexpr std::size_t region_words = 2048;
alignas(64) std::byte region[region_words * word_bytes];

std::size_t load(std::size_t at) { return header::load(region + at * word_bytes); }
void store(std::size_t at, std::size_t word) { header::store(region + at * word_bytes, word); }

struct Block {
  std::byte* payload;
  std::size_t words;
  [[nodiscard]] Layout layout() const { return {.size = words * word_bytes, .align = word_bytes}; }
};

/// How an attempt ends. Memory is lost if it is not one hole in the end, though all that is known
/// of it is sound.
enum Outcome : int { sound, lost, stopped, betrayed, crashed };

std::jmp_buf before_use;

template <class Raw>
class Attempt {
 public:
  /// A heap with listed holes of one word and more, of the same and of different sizes.
  Attempt() {
    std::vector<Block> holes;
    for (const std::size_t words : {5, 90, 2}) kept_.push_back(get(words));
    for (const std::size_t words : {1, 5, 5, 5, 80, 90, 90, 90, 120, 200, 70, 300, 3, 1}) {
      if (words == 1) {  // a hole of one word, by a block that becomes one word shorter
        Block block = get(4);
        const Block shorter{block.payload, 3};
        if (!heap_.try_resize(block.payload, block.layout(), shorter.layout())) std::abort();
        live_.back() = shorter;
      } else {
        holes.push_back(get(words));
      }
      (void)get(2);
    }
    for (const Block& block : holes) free_one(block);
    // Deferred: three of the blocks between.
    const std::vector<Block> deferred{live_[4], live_[6], live_[8]};
    for (const Block& block : deferred) {
      heap_.defer_free(block.payload, block.layout());
      std::erase_if(live_, [&](const Block& each) { return each.payload == block.payload; });
    }
    save();
  }

  /// The words that the heap itself has written: of holes, headers and deferred blocks.
  [[nodiscard]] std::vector<std::size_t> words() const {
    std::vector<bool> is_payload(region_words);
    for (const Block& block : live_) {
      for (std::size_t i = 0; i < block.words; ++i) is_payload[index_of(block.payload) + i] = true;
    }
    std::vector<std::size_t> own;
    for (std::size_t at = 0; at < region_words; ++at) {
      const bool is_interesting = load(at) != 0 || at + 8 > region_words;
      if (!is_payload[at] && is_interesting) own.push_back(at);
    }
    return own;
  }

  /// Makes the heap what it was when it was saved.
  void save() {
    std::memcpy(saved_region_, region, sizeof region);
    std::memcpy(saved_heap_, static_cast<void*>(&heap_), sizeof heap_);
    saved_live_ = live_;
  }
  void restore() {
    std::memcpy(region, saved_region_, sizeof region);
    std::memcpy(static_cast<void*>(&heap_), saved_heap_, sizeof heap_);
    live_ = saved_live_;
  }

  static constexpr int ways = 4;

  /// Uses the heap in one of its ways, with all blocks freed at the end.
  [[nodiscard]] Outcome use(int way) {
    (void)heap_.poll();
    if (way == 0) free_live(2);
    if (way == 3) {
      for (const Block& block : kept_) free_one(block);
    }
    static constexpr std::size_t sizes[] = {3,  5,  5,   5,   5, 70, 80,  90, 90,
                                            90, 90, 120, 200, 1, 1,  300, 600};
    constexpr std::size_t count = std::size(sizes);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t words = sizes[way == 1 ? count - 1 - i : i];
      void* const payload = heap_.try_allocate({.size = words * word_bytes, .align = word_bytes});
      if (payload == nullptr) continue;
      const Block block{static_cast<std::byte*>(payload), words};
      if (!is_new(block)) return betrayed;
      std::memset(block.payload, 0xA5, words * word_bytes);
      live_.push_back(block);
    }
    if (way == 2) free_live(3);
    free_live(1);
    if (heap_.validate() != nullptr) return betrayed;
    return heap_.raw().largest_hole_bytes() == heap_.capacity_bytes() ? sound : lost;
  }

 private:
  [[nodiscard]] static std::size_t index_of(const std::byte* place) {
    return static_cast<std::size_t>(place - region) / word_bytes;
  }
  Block get(std::size_t words) {
    const Block block{static_cast<std::byte*>(
                          heap_.try_allocate({.size = words * word_bytes, .align = word_bytes})),
                      words};
    std::memset(block.payload, 0, words * word_bytes);
    live_.push_back(block);
    return block;
  }
  void free_one(const Block& block) {
    std::erase_if(live_, [&](const Block& each) { return each.payload == block.payload; });
    (heap_.free)(block.payload, block.layout());
  }
  /// Every `step`th one.
  void free_live(std::size_t step) {
    const std::vector<Block> all = live_;
    for (std::size_t i = 0; i < all.size(); i += step) free_one(all[i]);
  }
  [[nodiscard]] bool is_new(const Block& block) const {
    if (address_of(block.payload) - address_of(region) + block.words * word_bytes > sizeof region)
      return false;
    for (const Block& other : live_) {
      if (address_of(block.payload) - word_bytes <
              address_of(other.payload) + other.words * word_bytes &&
          address_of(other.payload) - word_bytes <
              address_of(block.payload) + block.words * word_bytes)
        return false;
    }
    return true;
  }

  alignas(64) BasicHeap<Raw> heap_{std::span{region}};
  std::vector<Block> live_;
  std::vector<Block> kept_;  // of sizes that some holes have
  std::vector<Block> saved_live_;
  std::byte saved_region_[sizeof region]{};
  std::byte saved_heap_[sizeof heap_]{};
};

/// What a word may become: none, all, one bit other, or what stands somewhere else.
std::vector<std::size_t> others(const std::vector<std::size_t>& words, std::size_t at) {
  std::set<std::size_t> values{0, ~std::size_t{0}, 0x4141414141414141u};
  for (std::size_t bit = 0; bit < 8 * word_bytes; ++bit)
    values.insert(load(at) ^ std::size_t{1} << bit);
  for (const std::size_t other : words) values.insert(load(other));
  values.erase(load(at));
  return {values.begin(), values.end()};
}

template <class Raw>
Outcome outcome_of(Attempt<Raw>& attempt, std::size_t at, std::size_t value, int way) {
  attempt.restore();
  store(at, value);
  const int jumped = setjmp(before_use);
  return jumped == 0 ? attempt.use(way) : static_cast<Outcome>(jumped);
}

template <class Raw>
int try_all() {
  auto& attempt = *new Attempt<Raw>;  // for ever: it is never sound enough to be destroyed
  const std::vector<std::size_t> words = attempt.words();
  int counts[crashed + 1] = {};
  for (const std::size_t at : words) {
    attempt.restore();
    for (const std::size_t value : others(words, at)) {
      for (int way = 0; way < attempt.ways; ++way) {
        const Outcome outcome = outcome_of(attempt, at, value, way);
        ++counts[outcome];
        if (outcome == sound || outcome == stopped) continue;
        std::printf("%s: word %zu is %zx, way %d: %s\n", Raw::name, at, value, way,
                    outcome == lost       ? "lost"
                    : outcome == betrayed ? "betrayed"
                                          : "crashed");
      }
    }
  }
  std::printf("%s: %d stopped, %d sound, %d lost, %d betrayed, %d crashed\n", Raw::name,
              counts[stopped], counts[sound], counts[lost], counts[betrayed], counts[crashed]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  set_fatal_handler([](const char* /*line*/) noexcept { std::longjmp(before_use, stopped); });
  struct sigaction action{};
  action.sa_handler = [](int /*signal*/) { std::longjmp(before_use, crashed); };
  action.sa_flags = SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
  return std::strcmp(argv[1], "bounded") == 0 ? try_all<Bounded>() : try_all<FirstFit>();
}
