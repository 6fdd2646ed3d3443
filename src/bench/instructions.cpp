// purpose: the workloads whose instructions tools/bench counts; each allocator has its own program.
// layer: bench; includes peers.
// threads: none.
// invariants: only what is inside measured() counts; with N = 0 it does nothing.
//
//   instructions WORKLOAD N [SIZE]     N operations; SIZE is the number of holes, waiters or bytes
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "peers.hpp"
#ifdef BENCH_MNEME
#include "examples/task.hpp"
#endif

namespace {

using bench::measured;
using bench::Random;
using bench::require;
using bench::use;

struct Arguments {
  std::string_view workload;
  std::size_t n = 0;
  std::size_t size = 0;
};

constexpr std::size_t largest_random = 600;
constexpr std::size_t kib = 1024;

/// Allocates twice as many blocks as holes, of 32 to 512 bytes, and frees every second, last first.
void fragment(Peer& peer, Random& random, std::size_t holes) {
  struct Held {
    void* place;
    std::size_t size;
  };
  std::vector<Held> held(2 * holes);
  for (Held& each : held) {
    each.size = random.between(32, 512);
    each.place = peer.allocate(each.size);
    require(each.place != nullptr);
  }
  for (std::size_t i = held.size(); i >= 2; i -= 2) peer.free(held[i - 1].place, held[i - 1].size);
}

std::size_t fragmented_bytes(std::size_t holes) { return 2 * holes * 1000 + 4 * kib * kib; }

/// Allocates and frees a block of 64 bytes, from the memory at the end.
void pair(std::size_t n) {
  Peer peer(64 * kib);
  use(peer.allocate(24));
  peer.free(peer.allocate(64), 64);
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) {
      void* const place = peer.allocate(64);
      use(place);
      peer.free(place, 64);
    }
  });
  std::_Exit(0);  // a block lives on
}

/// Allocates and frees a block of 64 to 600 bytes, among holes.
void among_holes(std::size_t n, std::size_t holes) {
  Random random;
  Peer peer(fragmented_bytes(holes));
  fragment(peer, random, holes);
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t size = random.between(64, largest_random);
      void* const place = peer.allocate(size);
      use(place);
      peer.free(place, size);
    }
  });
  std::_Exit(0);
}

/// Allocates N blocks of 64 bytes from an empty heap.
void fill(std::size_t n) {
  Peer peer(n * 128 + 64 * kib);
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) use(peer.allocate(64));
  });
  std::_Exit(0);
}

#ifdef BENCH_MNEME
using Heap = Peer::Heap;

/// The same with an alignment, which may leave a hole of one word after each block.
void fill_aligned(std::size_t n, std::size_t align) {
  Peer peer(n * 128 + 64 * kib);
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) use(peer.heap.try_allocate({.size = 64, .align = align}));
  });
  std::_Exit(0);
}

struct SixtyFour {
  std::uint64_t words[8];
};

/// Takes all memory at the end of the heap, so that blocks come from holes.
void fill_up(Peer& peer, std::size_t largest) {
  for (std::size_t size = peer.heap.capacity_bytes(); size >= largest; size -= size / 4) {
    while (peer.allocate(size) != nullptr) {
    }
  }
}

examples::Task make_and_drop(Heap& heap, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    auto box = co_await heap.make<SixtyFour>();
    use(box->get());
  }
}

/// A hole of `size` bytes with its header between two blocks, and no room but that. 0: room at the
/// end.
void await_from_hole(std::size_t n, std::size_t size) {
  Peer peer(64 * kib);
  use(peer.allocate(24));
  if (size > 0) {
    void* const hole = peer.allocate(size - mneme::word_bytes);
    use(peer.allocate(24));
    peer.free(hole, size - mneme::word_bytes);
  }
  measured([&] { (void)make_and_drop(peer.heap, n); });
  std::_Exit(0);
}

void request(std::size_t n) {
  Peer peer(64 * kib);
  use(peer.allocate(24));
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) {
      auto asked = peer.heap.allocate({.size = 64, .align = Peer::align});
      auto answer = asked.poll();
      use((*answer)->data());
    }
  });
  std::_Exit(0);
}

void guard(std::size_t n) {
  Peer peer(64 * kib);
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) {
      void* place = nullptr;
      if (auto held = peer.heap.try_lock()) {
        place = held.allocate({.size = 64, .align = Peer::align});
      }
      use(place);
      peer.free(place, 64);
    }
  });
}

enum class Deferred : std::uint8_t { frees, defers, reclaims };

/// Frees N blocks while the heap is locked.
void deferred(std::size_t n, Deferred part) {
  Peer peer(n * 96 + 64 * kib);
  std::vector<void*> blocks(n);
  for (void*& each : blocks) each = peer.allocate(64);
  auto held = peer.heap.try_lock();
  const auto free_all = [&] {
    for (void* each : blocks) peer.free(each, 64);
  };
  if (part == Deferred::frees) {
    measured(free_all);
  } else if (part == Deferred::defers) {
    measured([&] {
      for (void* each : blocks) peer.heap.defer_free(each, {.size = 64, .align = Peer::align});
    });
  } else {
    free_all();
    measured([&] { held.unlock(); });
  }
  std::_Exit(0);
}

/// Attempts for which no hole is large enough.
void nothing_fits(std::size_t n, std::size_t holes) {
  Random random;
  Peer peer(fragmented_bytes(holes));
  fragment(peer, random, holes);
  fill_up(peer, 1024);
  require(peer.allocate(4096) == nullptr);
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) use(peer.allocate(4096));
  });
  std::_Exit(0);
}

/// Frees, each of which makes a hole of its own, while a request that fits nowhere is the head.
void head_waits(std::size_t n, std::size_t holes) {
  Random random;
  const std::size_t bytes = fragmented_bytes(holes) + 2 * n * kib;
  Peer peer(bytes);
  fragment(peer, random, holes);
  std::vector<void*> blocks(2 * n);
  for (void*& each : blocks) each = peer.allocate(1000);
  fill_up(peer, 2048);
  auto head = peer.heap.allocate({.size = bytes / 2, .align = Peer::align});
  require(!head.poll());
  std::vector<void*> odd;
  for (std::size_t i = 1; i < blocks.size(); i += 2) odd.push_back(blocks[i]);
  for (std::size_t i = odd.size(); i > 1; --i) std::swap(odd[i - 1], odd[random.between(0, i - 1)]);
  measured([&] {
    for (void* each : odd) peer.free(each, 1000);
  });
  std::_Exit(0);
}

/// The head gets the memory, and its task requests again, behind all others.
void grant_cycle(std::size_t n, std::size_t waiters) {
  Peer peer(256);  // one block, not two
  const mneme::Layout layout{.size = 128, .align = Peer::align};
  std::vector<std::optional<mneme::Request<Heap>>> ring(waiters + 1);
  std::optional<std::expected<mneme::Allocation<Heap>, mneme::AllocError>> held;
  held = mneme::Request<Heap>(peer.heap, layout).poll();
  for (auto& each : ring) (void)each.emplace(peer.heap, layout).poll();
  require(held && *held && peer.heap.counters().waiting == ring.size());
  std::size_t at = 0;
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) {
      held.reset();
      held = ring[at]->poll();
      (void)ring[at].emplace(peer.heap, layout).poll();
      at = at == waiters ? 0 : at + 1;
    }
  });
  std::_Exit(0);
}

/// Cancels waiting requests, starting in the middle of the queue.
void cancel(std::size_t n, std::size_t waiters) {
  Peer peer(256);
  const mneme::Layout layout{.size = 128, .align = Peer::align};
  const auto held = mneme::Request<Heap>(peer.heap, layout).poll();
  std::vector<std::optional<mneme::Request<Heap>>> queue(waiters + n);
  for (auto& each : queue) (void)each.emplace(peer.heap, layout).poll();
  require(peer.heap.counters().waiting == queue.size());
  measured([&] {
    for (std::size_t i = 0; i < n; ++i) queue[waiters / 2 + i]->cancel();
  });
  std::_Exit(0);
}

/// The worst holes for a bounded heap: their sizes share ever longer prefixes.
class DeepTries {
 public:
  explicit DeepTries(Peer& peer) : peer_(peer) {}

  /// Adds a block of this many words, header included, which becomes a hole of its own.
  void* add(std::size_t words) {
    void* const place = add_block(words);
    holes_.push_back({place, words});
    (void)add_block(3);
    return place;
  }
  /// For each depth from `first` on, a hole that a walk to `words` meets there.
  void add_path(std::size_t words, int first) {
    for (int bit = static_cast<int>(std::bit_width(words)) - 2 - first; bit >= 0; --bit) {
      (void)add(words ^ (std::size_t{1} << bit));
    }
  }
  void* add_block(std::size_t words) {
    void* const place = peer_.allocate(payload(words));
    require(place != nullptr);
    return place;
  }
  /// Frees the blocks in order, so that the holes enter the tries in that order.
  void free_all() {
    for (const auto& [place, words] : holes_) peer_.free(place, payload(words));
  }
  [[nodiscard]] static std::size_t payload(std::size_t words) {
    return (words - 1) * mneme::word_bytes;
  }

 private:
  struct Hole {
    void* place;
    std::size_t words;
  };

  Peer& peer_;
  std::vector<Hole> holes_;
};

/// One allocation that walks down one path, then the whole edge beside it, and then, from the hole
/// found, down to a leaf that replaces it. `n`: 0 or 1.
void deepest_allocate(std::size_t n, std::size_t bits) {
  Peer peer((std::size_t{64} << bits) * bits);
  DeepTries tries(peer);
  const std::size_t found = std::size_t{3} << (bits - 1);
  tries.add_path(found - 1, 0);
  void* const expected = tries.add(found);
  tries.add_path(found, 2);
  tries.free_all();
  void* place = nullptr;
  measured([&] {
    if (n > 0) place = peer.allocate(DeepTries::payload(found - 1));
  });
  require(n == 0 || place == expected || !is_best_fit);
  std::_Exit(0);
}

/// One free that takes two holes out of the roots of their tries, each replaced by its deepest
/// leaf, and puts the merged one at the end of a path. `n`: 0 or 1.
void deepest_free(std::size_t n, std::size_t bits) {
  Peer peer((std::size_t{64} << bits) * bits);
  DeepTries tries(peer);
  const std::size_t before = std::size_t{1} << bits;
  const std::size_t behind = before / 2;
  const std::size_t block = 3;
  void* const first = tries.add_block(before);
  void* const place = tries.add_block(block);
  void* const last = tries.add_block(behind);
  (void)tries.add_block(block);
  tries.add_path(before, 1);
  tries.add_path(before + block + behind, 1);
  tries.add_path(behind, 1);
  peer.free(first, DeepTries::payload(before));
  peer.free(last, DeepTries::payload(behind));
  tries.free_all();
  measured([&] {
    if (n > 0) peer.free(place, DeepTries::payload(block));
  });
  std::_Exit(0);
}

bool run_mneme(const Arguments& a) {
  if (a.workload == "await") return await_from_hole(a.n, a.size), true;
  if (a.workload == "fill_aligned") return fill_aligned(a.n, a.size), true;
  if (a.workload == "request") return request(a.n), true;
  if (a.workload == "guard") return guard(a.n), true;
  if (a.workload == "free_locked") return deferred(a.n, Deferred::frees), true;
  if (a.workload == "defer_free") return deferred(a.n, Deferred::defers), true;
  if (a.workload == "reclaim") return deferred(a.n, Deferred::reclaims), true;
  if (a.workload == "nothing_fits") return nothing_fits(a.n, a.size), true;
  if (a.workload == "head_waits") return head_waits(a.n, a.size), true;
  if (a.workload == "grant_cycle") return grant_cycle(a.n, a.size), true;
  if (a.workload == "deepest_allocate") return deepest_allocate(a.n, a.size), true;
  if (a.workload == "deepest_free") return deepest_free(a.n, a.size), true;
  if (a.workload == "cancel") return cancel(a.n, a.size), true;
  return false;
}
#else
bool run_mneme(const Arguments& /*unused*/) { return false; }
#endif

bool run(const Arguments& a) {
  if (a.workload == "pair") return pair(a.n), true;
  if (a.workload == "holes") return among_holes(a.n, a.size), true;
  if (a.workload == "fill") return fill(a.n), true;
  return run_mneme(a);
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : 0ULL;
  };
  if (argc >= 3 && run({argv[1], number(2), number(3)})) return 0;
  (void)std::fputs("usage: instructions WORKLOAD N [SIZE]\n", stderr);
  return 2;
}
