// purpose: one task on a shared heap, which calls the library directly, as a user would.
// layer: fuzz; includes the library, and the driver's steps and pattern.
// threads: each actor belongs to one task; the heap is shared.
// invariants: P3 (at most one wakeup per wait), P5, P8: its blocks hold what it wrote.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mneme/mneme.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>
#include "driver/execute/fill_pattern.hpp"
#include "driver/language/byte_codec.hpp"

#include "finding.hpp"

namespace mneme::fuzz {

/// Observes the order of requests and grants, in a world with one thread.
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  virtual ~Watch() = default;

  /// A time that increases with each call.
  virtual std::uint64_t now() = 0;
  /// The request first polled at `asked` is granted or closed, and its waker, if any, called.
  virtual void woken(std::uint64_t asked) = 0;
};

class Actor {
 public:
  /// `number` distinguishes its bytes from those of others.
  Actor(Heap& heap, std::uint64_t number, Watch* watch = nullptr)
      : heap_{heap}, watch_{watch}, serial_{number << 32U} {}

  void step(const driver::Op& op) {
    switch (op.kind) {
      case driver::OpKind::alloc:
      case driver::OpKind::array:
      case driver::OpKind::vec: return ask(op);
      case driver::OpKind::free:
      case driver::OpKind::drop: return give_back(slots_[op.name], op.defer);
      case driver::OpKind::cancel: return cancel(slots_[op.name]);
      case driver::OpKind::resize: return resize(slots_[op.name], op.size_bytes);
      case driver::OpKind::poll: heap_.poll(); return;
      case driver::OpKind::lock:
        if (!guard_) guard_ = heap_.try_lock();
        return;
      case driver::OpKind::unlock: unlock(); return;
      case driver::OpKind::close: heap_.close(); return;
      case driver::OpKind::stat: (void)heap_.stats(); return;
      case driver::OpKind::map:
        require(heap_.validate() == nullptr, "the heap is not sound");
        return;
      default:
        if (!op.name.empty()) look(slots_[op.name]);
    }
  }

  /// Whether it is inside of a free.
  [[nodiscard]] bool is_freeing() const { return is_freeing_; }

  /// A waiting request. It entered the queue between these two times, as its task may have been
  /// paused during the poll; both are 0 if there is no watch.
  struct Waiting {
    Layout layout;
    std::uint64_t asked;
    std::uint64_t queued;
  };

  void add_waiting(std::vector<Waiting>& to) const {
    for (const auto& [name, slot] : slots_) {
      if (slot.waited && slot.request && slot.request->state() == RequestState::waiting) {
        to.push_back({slot.layout, slot.asked, slot.queued});
      }
    }
  }

  void unlock() { guard_.unlock(); }

  /// Frees all its blocks.
  void finish() {
    unlock();
    for (auto& [name, slot] : slots_) {
      cancel(slot);
      give_back(slot, false);
    }
  }

 private:
  struct Slot {
    std::optional<Request<>> request;
    Allocation<> block;
    std::uint64_t serial = 0;
    std::atomic<int> wakes{0};
    bool waited = false;
    Layout layout{};
    std::uint64_t asked = 0;   // when it was first polled,
    std::uint64_t queued = 0;  // and when that poll returned without a result
    Watch* watch = nullptr;
  };

  static void woken(void* context) noexcept {
    auto* const slot = static_cast<Slot*>(context);
    slot->wakes.fetch_add(1, std::memory_order_relaxed);
    if (slot->watch != nullptr) slot->watch->woken(slot->asked);
  }

  void ask(const driver::Op& op) {
    Slot& slot = slots_[op.name];
    if (slot.request || slot.block) return look(slot);
    const Layout layout{op.kind == driver::OpKind::alloc ? op.size_bytes : op.count,
                        op.align_bytes};
    if (op.mode == driver::AllocMode::wait) {
      slot.wakes.store(0, std::memory_order_relaxed);
      slot.waited = false;
      slot.layout = layout;
      slot.watch = watch_;
      slot.asked = now();
      slot.request.emplace(heap_, layout);
      return look(slot);
    }
    if (op.mode == driver::AllocMode::guard && !guard_) return;
    const bool overtakes = op.mode == driver::AllocMode::guard;
    const std::uint64_t asked = now();
    void* const payload = overtakes ? guard_.allocate(layout) : heap_.try_allocate(layout);
    if (payload == nullptr) return;
    if (!overtakes) tell_granted(asked);
    own(slot, Allocation<>::from_leaked(payload, layout));
  }

  /// Takes the result of a request, if there is one.
  void look(Slot& slot) {
    if (!slot.request) return;
    auto answer = slot.request->poll({.wake = &woken, .context = &slot});
    if (!answer) {
      if (!slot.waited) slot.queued = now();
      slot.waited = true;
      return;
    }
    slot.request.reset();  // whose waker has come back then
    const int wakes = slot.wakes.load(std::memory_order_relaxed);
    require(wakes <= 1, "a request was woken twice (P3)");
    require(wakes == 1 || !slot.waited, "a request that waited was not woken (P1)");
    if (!*answer) return check_refusal(answer->error(), slot.layout);
    if (!slot.waited) tell_granted(slot.asked);
    own(slot, std::move(**answer));
  }

  void check_refusal(AllocError error, Layout layout) const {
    const auto admitted = heap_.check_layout(layout);
    require(
        error == AllocError::closed ? heap_.is_closed() : !admitted && admitted.error() == error,
        "a request was refused for no reason (P6, P13)");
  }

  void own(Slot& slot, Allocation<> block) {
    slot.block = std::move(block);
    slot.serial = ++serial_;
    driver::fill_pattern(bytes(slot), slot.serial);
  }

  void give_back(Slot& slot, bool defer) {
    look(slot);
    if (!slot.block) return;
    check_bytes(slot);
    const Layout layout = slot.block.layout();
    void* const payload = slot.block.leak();
    is_freeing_ = true;
    defer ? heap_.defer_free(payload, layout) : heap_.free(payload, layout);
    is_freeing_ = false;
  }

  std::uint64_t now() { return watch_ == nullptr ? 0 : watch_->now(); }
  void tell_granted(std::uint64_t asked) {
    if (watch_ != nullptr) watch_->woken(asked);
  }

  static void cancel(Slot& slot) { slot.request.reset(); }

  void resize(Slot& slot, std::size_t size_bytes) {
    look(slot);
    if (!slot.block) return;
    check_bytes(slot);
    const Layout layout = slot.block.layout();
    const Layout wanted{size_bytes, layout.align};
    const std::uint64_t asked = now();
    if (!heap_.try_resize(slot.block.data(), layout, wanted)) return check_bytes(slot);
    const bool grew =
        BlockLayout::with_header(wanted)->size > BlockLayout::with_header(layout)->size;
    if (grew) tell_granted(asked);
    own(slot, Allocation<>::from_leaked(slot.block.leak(), wanted));
  }

  static std::span<std::byte> bytes(Slot& slot) {
    return {static_cast<std::byte*>(slot.block.data()), slot.block.layout().size};
  }
  static void check_bytes(Slot& slot) {
    require(!driver::find_damage(bytes(slot), slot.serial),
            "a block does not hold what was written (P8)");
  }

  Heap& heap_;
  Watch* watch_;
  std::uint64_t serial_;
  bool is_freeing_ = false;
  std::unordered_map<std::string_view, Slot> slots_;
  Guard<Heap> guard_;
};

using Actors = std::vector<std::unique_ptr<Actor>>;

[[nodiscard]] inline std::vector<Actor::Waiting> waiting_of(const Actors& actors) {
  std::vector<Actor::Waiting> all;
  for (const auto& actor : actors) actor->add_waiting(all);
  return all;
}

/// Whether some hole has room for a block.
[[nodiscard]] inline bool has_room(const Heap& heap, Layout layout) {
  const BlockLayout block = *BlockLayout::with_header(layout);
  bool found = false;
  heap.raw().for_each_hole([&](std::size_t at, std::size_t size) {
    const std::size_t padding = block.padding_at(address_of(heap.raw().base() + at));
    found |= padding <= size && block.size <= size - padding;
  });
  return found;
}

/// Checks what must be true while no actor is inside the heap. `may_defer`: a block may still be
/// deferred, as a deferred free leaves it to the next step.
inline void check_rest(const Heap& heap, const Actors& actors, bool may_defer) {
  if (heap.is_locked()) return;
  const Stats counts = heap.counters();
  require(counts.deferred == 0 || may_defer, "a freed block was stranded (P1)");
  const std::vector<Actor::Waiting> waiting = waiting_of(actors);
  require(waiting.size() == counts.waiting, "the heap counts others than those who wait");
  if (waiting.empty()) return;
  require(!heap.is_closed(), "a request waits, and the heap is closed (P13)");
  // The oldest was first polled before any poll returned without a result. Without a watch it may
  // be any: a clock that real threads share would synchronise them, and so hide their races.
  const std::uint64_t first = std::ranges::min(waiting, {}, &Actor::Waiting::queued).queued;
  const auto may_block_the_others = [&](const Actor::Waiting& one) {
    return one.asked <= first && !has_room(heap, one.layout);
  };
  require(std::ranges::any_of(waiting, may_block_the_others),
          "the oldest waiting request fits but was not granted (P1)");
}

/// Checks what must be true after every actor has finished.
inline void check_end(Heap& heap) {
  heap.poll();
  const Stats stats = heap.stats();
  require(heap.validate() == nullptr, "the heap is not sound");
  require(stats.waiting == 0 && stats.deferred == 0 && stats.used_bytes == 0 &&
              stats.largest_free_bytes == stats.capacity_bytes,
          "everything was freed, but the region is not one hole again (P9)");
}

}  // namespace mneme::fuzz
