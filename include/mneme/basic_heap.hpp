// purpose: the asynchronous heap as its users see it.
// layer: L2; includes L0, L1 and protocol.
// threads: all public members from any thread; free and defer_free also from interrupts.
// invariants: P1–P9, P12, P13.
#pragma once

#include <bit>
#include <coroutine>
#include <cstddef>
#include <expected>
#include <span>

#include "error.hpp"
#include "heap_core.hpp"
#include "layout.hpp"
#include "misuse.hpp"
#include "node.hpp"
#include "raw/bounded.hpp"
#include "raw/quarantining.hpp"
#include "registry.hpp"
#include "stats.hpp"

#ifdef MNEME_DEFAULT_RAW_HEADER
// A program's own choice for all heaps that name no raw heap; the header defines mneme::DefaultRaw.
#include MNEME_DEFAULT_RAW_HEADER
#endif

namespace mneme::inline MNEME_SETTINGS {

#ifndef MNEME_DEFAULT_RAW_HEADER
using DefaultRaw = Bounded;
#endif

template <class Heap>
class Guard;
template <class Heap>
class Request;

/// An asynchronous heap over one region of memory.
///
/// `Raw` is the raw heap inside; `Queue` the queue lock: a critical section on targets with one
/// core. Neither copied nor moved: every block leads back to its address.
template <RawHeap Raw = DefaultRaw, QueueLock Queue = SpinLock>
class BasicHeap : HeapCore<typename WithQuarantine<Raw>::Inner, Queue> {
  using Base = HeapCore<typename WithQuarantine<Raw>::Inner, Queue>;

 public:
  /// A heap over `region`, with its control block outside of it. A region too small for one block
  /// gives a heap that refuses every request. The region must outlive the heap.
  explicit BasicHeap(std::span<std::byte> region) noexcept : Base(region) {}

  /// A heap without memory, which refuses every request until init() gives it a region: for heaps
  /// that must be there before any constructor runs.
  ///
  ///     constinit mneme::Heap heap;  // at namespace scope
  constexpr BasicHeap() noexcept = default;

  /// Gives a heap that was constructed without a region its region, once, before anybody else uses
  /// the heap.
  using Base::init;

  /// A heap whose control block is the first part of `region`. It lives until it is destroyed by
  /// `heap->~BasicHeap()`, or for ever. Errors: `region_too_small`.
  [[nodiscard]] static std::expected<BasicHeap*, AllocError> bootstrap(
      std::span<std::byte> region) noexcept {
    const BlockLayout control{.size = sizeof(BasicHeap), .align = alignof(BasicHeap)};
    const std::size_t skew = control.padding_at(address_of(region.data()));
    if (region.size() < skew || region.size() - skew < control.size + Raw::min_region_bytes) {
      return std::unexpected(AllocError::region_too_small);
    }
    return node::begin_object<BasicHeap>(region.data() + skew, region.subspan(skew + control.size));
  }

  BasicHeap(const BasicHeap&) = delete;
  BasicHeap& operator=(const BasicHeap&) = delete;

  /// Misuse, fatal in checked builds, while blocks live, requests wait or a guard is held. A heap
  /// of static storage duration only ends with the program, which may leave blocks behind, as
  /// exit() does: it goes on working for what is destroyed after it.
  ~BasicHeap() {
    if constexpr (checks_enabled) {
      if (misuse::is_static(this) && this->is_in_use()) return;
      fatal_unless(this->lock_.try_acquire(), "heap destroyed while it is locked");
      this->reclaim();
      fatal_unless(this->requests_.waiting() == 0 && this->requests_.ready() == 0,
                   "heap destroyed while requests wait");
      fatal_unless(!this->requests_.is_waking(), "heap destroyed inside a waker");
      if (const std::size_t used = capacity_bytes() - this->raw_.free_bytes(); used != 0) {
        FatalLine{}.text("heap destroyed with ").number(used).text(" bytes in live blocks").stop();
      }
      registry.remove(this);
    }
  }

  /// A request for raw memory: poll it, or co_await it. Never fails here: errors are the request's
  /// result.
  [[nodiscard]] Request<BasicHeap> allocate(Layout layout) noexcept;

  // Requests that build an owner in their memory; each is defined, and described, beside its owner.
  template <class T, class... Args>
  [[nodiscard]] auto make(Args&&... args);
  template <class T>
  [[nodiscard]] auto make_array(std::size_t count) noexcept;
  template <class T>
  [[nodiscard]] auto make_fixed_vec(std::size_t capacity) noexcept;
  template <class T, class... Args>
  [[nodiscard]] auto make_arc(Args&&... args);

  /// Memory at once, or nullptr if it would have to wait: when the heap is locked, has no room, or
  /// anybody waits (P2). Also nullptr for a layout that can never be met. Goes back by
  /// `free(payload, layout)`. O(raw heap).
  [[nodiscard]] void* try_allocate(Layout layout) noexcept {
    const auto block_layout = BlockLayout::with_header(layout);
    if (!block_layout) return nullptr;
    return this->allocate_now(block_layout->size, block_layout->align, layout.size);
  }

  /// Gives back a block, never nullptr. Never fails, waits, allocates or resumes a task (P4). If
  /// the heap is locked the block is deferred, and its owner reclaims it; else it is reclaimed now,
  /// and the waiting requests it makes room for are granted: their wakers are the only foreign code
  /// called. `layout` must be the one the block was asked for with. (The name is in parentheses
  /// against a macro free(p).)
  void(free)(void* payload, Layout layout) noexcept MNEME_NONBLOCKING {
    const BlockRef block = checked_block(payload, layout);
    this->release_block(block.start, block.size);
  }

  /// Gives back a block in O(1): pushed and flagged. The work is done by the next release, request
  /// or poll.
  void defer_free(void* payload, Layout layout) noexcept MNEME_NONBLOCKING {
    const BlockRef block = checked_block(payload, layout);
    this->push_and_post(block.start, block.size);
  }

  /// Makes a block longer or shorter in place; false, and nothing changed, if that cannot be
  /// done now. A block grows only while nobody waits (P2); the alignment must stay. On success its
  /// layout is `wanted`. O(raw heap).
  [[nodiscard]] bool try_resize(void* payload, Layout layout, Layout wanted) noexcept {
    const BlockRef block = checked_block(payload, layout);
    const auto to = this->check_layout(wanted);
    if (!to || wanted.align != layout.align || !this->lock_.try_acquire()) return false;
    this->reclaim();
    const bool may_grow = this->requests_.waiting() == 0 && !is_closed();
    const bool done =
        (to->size <= block.size || may_grow) && this->resize(block.start, block.size, to->size);
    if (done) node::resize_live(block.start, to->size, layout.size, wanted.size);
    this->settle();
    return done;
  }

  /// Exclusive use of the heap, or an empty guard if it is locked. Frees meanwhile are deferred,
  /// requests wait.
  [[nodiscard]] Guard<BasicHeap> try_lock() noexcept;

  /// Reclaims, grants, then resumes the coroutines that are ready by then, each once: those that
  /// become ready meanwhile are left to the next call, so that it ends. If somebody holds the heap,
  /// reclaiming and granting are left to them. Returns how many it resumed; they run on the
  /// caller's thread, under no lock. Inside a waker it resumes none, as no free may run a task
  /// (P4). An exception that a coroutine lets out of resume() is passed on; the other coroutines
  /// stay ready.
  std::size_t poll() {
    if (this->lock_.post_work_or_acquire()) this->settle();
    if (inside_waker()) return 0;
    std::size_t epoch = 0;
    this->with_requests_then_settle([&] { epoch = this->requests_.next_epoch(); });
    std::size_t resumed = 0;
    for (std::coroutine_handle<> task{};; ++resumed) {
      this->with_requests_then_settle([&] { task = this->requests_.next_ready(epoch); });
      if (!task) break;
      task.resume();
    }
    return resumed;
  }

  /// Ends every waiting request with `closed`, oldest first, and every later one at once (P13).
  /// Frees still work. The wakers are called on this thread, one by one; or by another close() or
  /// cancel() that is calling wakers just now, which may be further up the call stack.
  void close() noexcept { this->close_all(); }

  [[nodiscard]] bool is_closed() const noexcept { return this->requests_.closed(); }

  /// Whether somebody holds the heap just now: a hint.
  [[nodiscard]] bool is_locked() const noexcept { return this->lock_.is_locked(); }

  /// The region's whole words, in bytes.
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return this->raw_.capacity_bytes(); }

  /// The block for `layout`, or the error that a request for it would get at once. O(1).
  using Base::check_layout;

  /// The counters alone. Wait-free, changes nothing.
  [[nodiscard]] Stats counters() const noexcept {
    const auto& counters = this->counters_;
    return {.capacity_bytes = capacity_bytes(),
            .used_bytes = counters.get(Count::used_bytes),
            .peak_bytes = counters.get(Count::peak_bytes),
            .largest_free_bytes = std::nullopt,
            .live = counters.rest(Count::grants, Count::freed, Count::pushed),
            .waiting = this->requests_.waiting(),
            .deferred = counters.rest(Count::pushed, Count::reclaimed),
            .grants = counters.get(Count::grants),
            .waits = counters.get(Count::waits),
            .cancels = counters.get(Count::cancels),
            .refusals = counters.get(Count::refusals)};
  }

  /// The counters; and, if nobody holds the heap, the largest hole. Taking the heap for that
  /// settles it, as a poll does, after the figures were read. O(raw heap).
  [[nodiscard]] Stats stats() noexcept {
    Guard<BasicHeap> guard = try_lock();
    return guard ? guard.stats() : counters();
  }

  /// Walks everything. nullptr if it is sound, else what is wrong in a few words. The raw heap is
  /// left out while somebody holds it; their guard has a validate() too. O(raw heap + requests).
  [[nodiscard]] const char* validate() noexcept {
    Guard<BasicHeap> guard = try_lock();
    return guard ? guard.validate() : validate_lists();
  }

  /// The raw heap, for tools that have the heap to themselves (maps, oracles).
  [[nodiscard]] const auto& raw() const noexcept { return this->raw_; }

 private:
  friend class Guard<BasicHeap>;
  friend class Request<BasicHeap>;

  struct BlockRef {
    std::byte* start;
    std::size_t size;
  };

  /// The block that came back; checked builds stop here unless it is one, of this heap, live and of
  /// this layout.
  [[nodiscard]] BlockRef checked_block(void* payload, Layout layout) const noexcept {
    const std::size_t size = BlockLayout::size_with_header(layout.size);
    if constexpr (checks_enabled) {
      // By its address first: stepping back from a foreign pointer would be undefined.
      const auto& self = static_cast<const HeapRecord&>(*this);
      const std::size_t offset = address_of(payload) - word_bytes - address_of(self.base);
      const bool is_place = offset < self.size_bytes && offset % word_bytes == 0;
      if (!is_place || layout.size >= self.size_bytes || !std::has_single_bit(layout.align) ||
          (header::load(node::block_of(payload)) & ~header::hole_before) != this->header_for(size))
          [[unlikely]] {
        report(payload, layout);
      }
      if (is_hardened && !node::is_slack_intact(node::block_of(payload), size, layout.size))
          [[unlikely]] {
        misuse::report_overflow(self, payload, layout.size);
      }
    }
    return {node::block_of(payload), size};
  }

  [[noreturn, gnu::noinline, gnu::cold]] void report(const void* payload,
                                                     Layout layout) const noexcept {
    if constexpr (checks_enabled) {
      const auto block_layout = BlockLayout::with_header(layout);
      misuse::report(static_cast<const HeapRecord&>(*this), payload,
                     block_layout ? block_layout->size : 0,
                     [&](std::size_t at) noexcept { return this->raw_.is_free(at); });
    }
    __builtin_unreachable();
  }

  [[nodiscard]] const char* validate_lists() noexcept {
    const char* wrong = nullptr;
    this->with_requests_then_settle([&] { wrong = this->requests_.validate(); });
    return wrong;
  }
};

/// The heap for most programs.
using Heap = BasicHeap<>;

}  // namespace mneme::inline MNEME_SETTINGS
