// purpose: thirteen ways to make the heap betray its user, each tried on each raw heap.
// layer: tests; includes mneme.
// threads: none; each attempt is a process of its own.
// invariants: an attempt prints one line: the library's, or how the attack ended.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mneme/mneme.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>
#include <optional>
#include <vector>

using namespace mneme;

namespace {

alignas(64) std::byte region[4096];
alignas(64) std::byte other_region[4096];
alignas(64) std::byte fake[1024];

[[noreturn]] void end(const char* line) {
  std::puts(line);
  std::fflush(stdout);
  std::_Exit(0);
}

/// What an overflow or a dangling pointer writes: `word` at the `index`th word from `place` on.
void poke(void* place, std::size_t index, std::size_t word) {
  std::memcpy(static_cast<std::byte*>(place) + index * word_bytes, &word, word_bytes);
}
std::size_t peek(const void* place, std::size_t index) {
  std::size_t word = 0;
  std::memcpy(&word, static_cast<const std::byte*>(place) + index * word_bytes, word_bytes);
  return word;
}
/// A payload of `words` words, and its layout.
constexpr Layout words(std::size_t count) {
  return {.size = count * word_bytes, .align = word_bytes};
}

bool overlap(const void* a, std::size_t a_words, const void* b, std::size_t b_words) {
  return a != nullptr && address_of(a) < address_of(b) + b_words * word_bytes &&
         address_of(b) < address_of(a) + a_words * word_bytes;
}

template <class Raw>
struct Attack {
  using Heap = BasicHeap<Raw>;
  static constexpr bool is_bounded = std::is_same_v<Raw, Bounded>;
  /// How a raw heap writes a size and a place.
  static std::size_t size_word(std::size_t size_in_words) {
    return is_bounded ? size_in_words << 2 : size_in_words * word_bytes;
  }
  static std::size_t link_to(Heap& heap, const void* place) {
    const std::size_t offset = address_of(place) - address_of(heap.raw().base());
    if (!is_bounded) return offset | header::hole;
    const std::size_t index =
        offset / word_bytes + (address_of(heap.raw().base()) / word_bytes % 2 == 0 ? 1 : 2);
    return index << 33 | index << 2 | header::hole;
  }

  /// Behind it all, a request that has no room, and so ends a quarantine.
  [[noreturn]] static void end_attack(Heap& heap, bool has_won, const char* won,
                                      const char* lost = "nothing was found out") {
    if (MNEME_QUARANTINE > 0) (void)get(heap, sizeof region / word_bytes - 2);
    end(has_won ? won : lost);
  }

  static void* get(Heap& heap, std::size_t count) { return heap.try_allocate(words(count)); }
  static void give(Heap& heap, void* payload, std::size_t count) {
    heap.free(payload, words(count));
  }

  [[noreturn]] static void run(int number) {
    Heap& heap = *new Heap{std::span{region}};
    switch (number) {
      case 1: hole_size(heap, false);
      case 2: hole_link(heap);
      case 3: deferred_size(heap, 18);
      case 4: deferred_link(heap);
      case 5: wrong_size(heap);
      case 6: overflow(heap);
      case 7: write_after_free(heap);
      case 8: addresses(heap);
      case 9: other_heap(heap);
      case 10: fake_heap(heap, 40, false);
      case 11: fake_heap(heap, 0, false);
      case 12: endless_hole(heap);
      case 13: dangling_free(heap);
      // Beside the thirteen: harder ones of the same kinds.
      case 14: hole_size(heap, true);
      case 15: deferred_size(heap, 17);
      case 16: off_by_one(heap, 8);
      case 17: off_by_one(heap, 0);
      case 18: overflow_into_the_hole(heap);
      case 19: fake_heap(heap, 40, true);
      case 20: overflow_into_the_top(heap);
      default: end("no such attack");
    }
  }

  // The hole behind an overflowed block says that it covers the live block behind it, too; with
  // `at_both_ends`, where that one ends as well, which is its owner's to write.
  [[noreturn]] static void hole_size(Heap& heap, bool at_both_ends) {
    void* const a = get(heap, 8);
    void* const hole = get(heap, 8);
    void* const b = get(heap, 8);
    if (at_both_ends) (void)get(heap, 8);
    give(heap, hole, 8);
    if (at_both_ends) poke(b, 7, size_word(18));
    poke(a, 9, size_word(18));
    void* const c = get(heap, 17);
    give(heap, a, 8);  // with which the hole is joined
    void* const d = get(heap, 26);
    end_attack(heap, overlap(c, 17, b, 8) || overlap(d, 26, b, 8),
               "a live block was granted again");
  }
  // The hole's link leads into a payload, where a made-up hole is.
  [[noreturn]] static void hole_link(Heap& heap) {
    void* const a = get(heap, 8);
    void* const hole = get(heap, 2);
    void* const b = get(heap, 32);
    give(heap, hole, 2);
    void* const made_up = static_cast<std::byte*>(b) + 8 * word_bytes;
    poke(made_up, 0, is_bounded ? link_to(heap, made_up) : peek(a, 8));
    poke(made_up, 1, size_word(16));
    poke(made_up, 15, size_word(16));
    poke(a, 8, link_to(heap, made_up));
    void* const c = is_bounded ? get(heap, 2) : get(heap, 13);
    void* const d = get(heap, 13);
    if (!overlap(c, 13, b, 32) && !overlap(d, 13, b, 32)) give(heap, a, 8);
    end_attack(heap, overlap(c, 13, b, 32) || overlap(d, 13, b, 32),
               "a live block was granted again");
  }
  // A deferred block says that it is longer than it is.
  [[noreturn]] static void deferred_size(Heap& heap, std::size_t size) {
    void* const a = get(heap, 8);
    void* const deferred = get(heap, 8);
    void* const b = get(heap, size - 10);
    (void)get(heap, 8);
    {
      auto guard = heap.try_lock();
      give(heap, deferred, 8);
      poke(a, 10, size * word_bytes);
    }
    void* const c = get(heap, size - 1);
    end_attack(heap, overlap(c, size - 1, b, size - 10), "a live block was granted again");
  }
  // A deferred block's link leads into a payload, where a made-up deferred block is.
  [[noreturn]] static void deferred_link(Heap& heap) {
    void* const a = get(heap, 8);
    void* const deferred = get(heap, 8);
    void* const b = get(heap, 32);
    {
      auto guard = heap.try_lock();
      give(heap, deferred, 8);
      std::byte* const made_up = static_cast<std::byte*>(b) + 4 * word_bytes;
      poke(made_up, 0, address_of(made_up));
      poke(made_up, 1, 16 * word_bytes);
      poke(a, 9, address_of(made_up));
    }
    void* const c = get(heap, 13);
    end_attack(heap, overlap(c, 13, b, 32), "a live block was granted again");
  }
  [[noreturn]] static void wrong_size(Heap& heap) {
    void* const a = get(heap, 8);
    void* const b = get(heap, 60);
    give(heap, a, 8 + 61);
    void* const c = get(heap, 38);
    end_attack(heap, overlap(c, 38, b, 60), "a live block was granted again");
  }
  // Into a neighbour that nobody frees.
  [[noreturn]] static void overflow(Heap& heap) {
    constexpr Layout layout{.size = 8 * word_bytes - 4, .align = word_bytes};
    void* const a = heap.try_allocate(layout);
    (void)get(heap, 8);
    std::memset(a, 0x41, 9 * word_bytes + 60);
    heap.free(a, layout);
    end_attack(heap, false, "");
  }
  // One byte, into `slack` bytes that rounding up has added, or into the neighbour's header.
  [[noreturn]] static void off_by_one(Heap& heap, std::size_t slack) {
    const Layout layout{.size = 8 * word_bytes - (slack == 0 ? 0 : 1), .align = word_bytes};
    void* const a = heap.try_allocate(layout);
    (void)get(heap, 8);
    static_cast<char*>(a)[layout.size] = '\0';
    heap.free(a, layout);
    end_attack(heap, false, "");
  }
  // Over the hole's first word, by less than the size behind it.
  [[noreturn]] static void overflow_into_the_hole(Heap& heap) {
    void* const a = get(heap, 8);
    void* const hole = get(heap, 8);
    (void)get(heap, 8);
    void* const further = get(heap, 12);
    (void)get(heap, 8);
    give(heap, hole, 8);
    give(heap, further, 12);
    std::memset(static_cast<std::byte*>(a) + 8 * word_bytes, 0x41, 6);
    give(heap, a, 8);
    end_attack(heap, false, "");
  }
  // Behind the last block.
  [[noreturn]] static void overflow_into_the_top(Heap& heap) {
    void* const a = get(heap, 8);
    std::memset(a, 0x41, 8 * word_bytes + 1);
    give(heap, a, 8);
    end_attack(heap, false, "");
  }
  [[noreturn]] static void write_after_free(Heap& heap) {
    void* const a = get(heap, 32);
    (void)get(heap, 1);
    give(heap, a, 32);
    std::memset(static_cast<std::byte*>(a) + 3 * word_bytes, 0x41, 20 * word_bytes);
    void* const c = get(heap, 32);
    end_attack(heap, c == a, "the new owner has what was written");
  }
  [[noreturn]] static void addresses(Heap& heap) {
    bool shows = false;
    const auto look = [&](std::size_t count) {
      void* const payload = get(heap, count);
      for (std::size_t index = 0; payload != nullptr && index < count; ++index) {
        const std::size_t word = peek(payload, index) & SIZE_MAX >> 16;  // without a header's tags
        shows = shows || (word - address_of(&heap) < sizeof(Heap) + 64) ||
                (word - address_of(region) < sizeof region);
      }
      return payload;
    };
    give(heap, look(3), 3);
    void* const b = look(12);
    give(heap, b, 12);
    (void)look(1);
    (void)look(12);
    std::vector<void*> several(6);
    for (void*& each : several) each = look(5);
    for (void* each : several) give(heap, each, 5);
    (void)look(37);
    for (void*& each : several) each = look(5);
    (void)look(1);
    {
      auto guard = heap.try_lock();
      while (!several.empty()) {  // the last first: they are reclaimed by ascending addresses
        give(heap, several.back(), 5);
        several.pop_back();
      }
    }
    for (std::size_t count = 400; count > 0; --count) (void)look(count);  // all there is
    end_attack(heap, shows, "an address was found", "no address was found");
  }
  [[noreturn]] static void other_heap(Heap& heap) {
    Heap other{std::span{other_region}};
    void* const a = get(heap, 8);
    auto box = *heap.template make<long>(7).poll();
    void* const b = get(other, 1);
    poke(a, 8, peek(static_cast<std::byte*>(b) - word_bytes, 0));
    box->reset();
    end_attack(heap, false, "");
  }
  // A box's header leads to bytes that look like a heap, whose function is the attacker's. `more`
  // heaps have been, or with `are_alive` are still there.
  [[noreturn]] static void fake_heap(Heap& heap, std::size_t more, bool are_alive) {
    static std::byte small[40][64];
    std::deque<Heap> heaps;
    for (std::size_t i = 0; i < more; ++i) heaps.emplace_back(std::span{small[i]});
    if (!are_alive) heaps.clear();
    void* const a = get(heap, 8);
    auto box = *heap.template make<long>(7).poll();
    const std::size_t tag = peek(a, 8) & 63;
#if MNEME_CHECKED
    auto* const record = new (fake + 64) HeapRecord;
    record->base = region;
    record->size_bytes = sizeof region;
    record->is_free = [](const HeapRecord&, std::size_t) noexcept MNEME_NONBLOCKING -> bool {
      end("the attacker's function ran");
    };
    poke(fake, 0, address_of(record));
#endif
    // With more heaps than checks can list, a header is followed: here to where no memory is.
    poke(a, 8, (are_alive ? std::size_t{1} << 16 : address_of(fake)) | tag);
    box->reset();
    end_attack(heap, false, "");
  }
  [[noreturn]] static void endless_hole(Heap& heap) {
    void* const a = get(heap, 8);
    void* const hole = get(heap, 8);
    (void)get(heap, 8);
    give(heap, hole, 8);
    poke(a, 9, size_word(std::size_t{1} << 17));
    void* const c = get(heap, 1000);
    void* const d = get(heap, 600);
    if (c == nullptr && d == nullptr) give(heap, a, 8);
    end_attack(heap, c != nullptr || d != nullptr, "a block reaches behind the region");
  }
  // A second free, once the memory has a new owner.
  [[noreturn]] static void dangling_free(Heap& heap) {
    void* const a = get(heap, 8);
    give(heap, a, 8);
    void* const b = get(heap, 8);
    give(heap, a, 8);
    void* const c = get(heap, 8);
    end_attack(heap, b == c, "two owners of one block");
  }
};

}  // namespace

int main(int /*count*/, char** arguments) {
  set_fatal_handler([](const char* line) noexcept { end(line); });
  const bool is_bounded = std::strcmp(arguments[1], "bounded") == 0;
  for (int number = 1; number <= 20; ++number) {
    std::printf("%d: ", number);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) is_bounded ? Attack<Bounded>::run(number) : Attack<FirstFit>::run(number);
    int status = 0;
    if (waitpid(child, &status, 0) != child) return 1;
    if (WIFSIGNALED(status)) std::puts("the program crashed");
  }
}
