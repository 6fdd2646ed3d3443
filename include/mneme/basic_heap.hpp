// purpose: the asynchronous heap as its users see it.
// layer: L2; includes L0, L1 and heap_core.
// threads: any, for all public members; free, defer_free and try_allocate also in interrupts.
// invariants: P1–P9, P12, P13.
#pragma once

#include "settings.hpp"  // first: it names the compilers that can go on

#include <bit>
#include <concepts>
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
#include "registry.hpp"
#include "stats.hpp"
#if MNEME_QUARANTINE > 0
#include "raw/quarantining.hpp"
#endif

#ifdef MNEME_DEFAULT_RAW_HEADER
// A program's own raw heap for all heaps that name none; the header defines mneme::DefaultRaw.
#include MNEME_DEFAULT_RAW_HEADER
#endif

namespace mneme::inline MNEME_SETTINGS {

#ifndef MNEME_DEFAULT_RAW_HEADER
using DefaultRaw = Bounded;
#endif

/// The raw heap that a BasicHeap<Raw> uses: with a quarantine, if the settings ask for one.
#if MNEME_QUARANTINE > 0
template <RawHeap Raw>
using InnerRaw = Quarantining<Raw, MNEME_QUARANTINE>;
#else
template <RawHeap Raw>
using InnerRaw = Raw;
#endif

template <class Heap>
class Guard;
template <class Heap>
class Request;
template <class Heap>
class Allocation;
template <class Heap>
class OnReady;
template <class Heap, class Want>
class CustomRequest;
template <class Heap>
struct LockWanted;
template <class Heap>
class Inspector;

/// An asynchronous heap over one region of memory.
///
/// `Raw` is the raw heap inside, `Queue` the type of the queue lock: on targets with a single core,
/// a critical section. `Policy` is the order in which waiting requests are granted (waiting/). A
/// heap can be neither copied nor moved, as every block points to it. Where a member's complexity
/// is given as O(raw heap), it is that of the raw heap's operation.
template <RawHeap Raw = DefaultRaw, QueueLock Queue = SpinLock, QueuePolicy Policy = Fifo>
class BasicHeap : HeapCore<InnerRaw<Raw>, Queue, Policy> {
  using Base = HeapCore<InnerRaw<Raw>, Queue, Policy>;

 public:
  using QueueOrder = Policy;

  /// A heap over `region`, which must outlive it; the heap's own data are not in the region. If the
  /// region is too small for one block, the heap refuses every request.
  explicit BasicHeap(std::span<std::byte> region) noexcept : Base(region) {}
  /// The same over two regions, for a Chain.
  BasicHeap(std::span<std::byte> first, std::span<std::byte> second) noexcept
    requires std::constructible_from<Raw, std::span<std::byte>, std::span<std::byte>>
      : Base(first, second) {}

  /// A heap without memory, which refuses every request until init() gives it a region. For heaps
  /// that static constructors use:
  ///
  ///     constinit mneme::Heap heap;  // at namespace scope
  constexpr BasicHeap() noexcept = default;

  /// `init(region)` gives a heap that was constructed without a region its region. Call it once,
  /// before any other thread uses the heap.
  using Base::init;

  /// Creates a heap inside `region`, whose first part holds the heap's own data. It lives until
  /// `heap->~BasicHeap()` destroys it, or for ever. Errors: `region_too_small`.
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

  /// To destroy a heap that has live blocks or waiting requests, or that is locked, is misuse:
  /// fatal in checked builds. But a heap of static storage duration may still be in use when the
  /// program ends; then it stays usable for objects that are destroyed after it.
  ~BasicHeap() {
    if constexpr (checks_enabled) {
      if (misuse::is_static(this) && this->is_in_use()) return;
      fatal_unless(this->lock_.try_acquire(), "heap destroyed while it is locked");
      this->reclaim();
      fatal_unless(this->requests_.waiting() == 0 && this->requests_.ready() == 0,
                   "heap destroyed while requests wait");
      fatal_unless(!this->requests_.is_waking(), "heap destroyed inside a waker");
      fatal_unless(!this->requests_.has_on_ready(), "heap destroyed before its on_ready");
      if (const std::size_t used = capacity_bytes() - this->raw_.free_bytes(); used != 0) {
        FatalLine{}.text("heap destroyed with ").number(used).text(" bytes in live blocks").stop();
      }
      registry.remove(this);
    }
  }

  /// A request for a payload of `layout`, to be polled or awaited. Does nothing yet; errors are
  /// part of the request's result.
  [[nodiscard]] Request<BasicHeap> allocate(Layout layout) noexcept;

  /// The same for as much as there is within bounds, and for memory that is zero: in
  /// waiting/allocate_at_least.hpp and waiting/allocate_zeroed.hpp.
  [[nodiscard]] auto allocate_at_least(Layout least, std::size_t max_bytes) noexcept;
  [[nodiscard]] auto allocate_zeroed(Layout layout) noexcept;

  // Requests whose result is an owner; the owner's header defines and describes each of them.
  template <class T, class... Args>
  [[nodiscard]] auto make(Args&&... args);
  template <class T>
  [[nodiscard]] auto make_array(std::size_t count) noexcept;
  template <class T>
  [[nodiscard]] auto make_array_for_overwrite(std::size_t count) noexcept;
  template <class T, class Range>
    requires requires(const Range& range) { std::size(range), std::begin(range); }
  [[nodiscard]] auto make_array(Range range);
  template <class T>
  [[nodiscard]] auto make_fixed_vec(std::size_t capacity) noexcept;
  template <class T, class... Args>
  [[nodiscard]] auto make_arc(Args&&... args);
  template <class... Requests>
  [[nodiscard]] auto make_all(Requests&&... requests);  // all or nothing: waiting/make_all.hpp

  /// For more or fewer elements or bytes of an owner's memory: in waiting/reallocate.hpp.
  template <class Owner>
  [[nodiscard]] auto reallocate(Owner& owner, std::size_t count) noexcept;

  // Owners at once, or the reason why not: they need waiting/try_allocate.hpp.
  template <class T, class... Args>
  [[nodiscard]] auto try_make(Args&&... args);
  template <class T>
  [[nodiscard]] auto try_make_array(std::size_t count);

  /// Allocates at once, or returns nullptr: if the heap is locked or closed, if there is no room,
  /// if any request waits (P2), or if the layout can never be met. Free it by `free(payload,
  /// layout)`. Any thread, interrupts too. O(raw heap).
  [[nodiscard]] void* try_allocate(Layout layout) noexcept {
    const auto block = BlockLayout::with_header(layout);
    void* const payload =
        block ? this->allocate_now(block->size, block->align, layout.size) : nullptr;
    if (payload == nullptr) this->counters_.add(Count::failed_tries);
    return payload;
  }

  /// The same, but with the reason if it fails; it tries the lock up to so many times: in
  /// try_allocate.hpp.
  [[nodiscard]] std::expected<Allocation<BasicHeap>, AllocError> try_allocate(
      Layout layout, unsigned attempts) noexcept;

  /// Frees a payload, which must not be nullptr; `layout` must be the one it was allocated with.
  /// Never fails, waits, allocates or resumes a task (P4). If the heap is locked, the block is
  /// deferred, and the owner of the lock reclaims it. Otherwise it is reclaimed at once, and
  /// waiting requests that then fit are granted: their wakers are the only user code that is
  /// called. Any thread, interrupts too. O(raw heap), and as much again for each block that it
  /// reclaims and each request that it grants. (The name is in parentheses in case free(p) is a
  /// macro.)
  void(free)(void* payload, Layout layout) noexcept MNEME_NONBLOCKING {
    const BlockRef block = checked_block(payload, layout);
    this->counters_.add(Count::freed_bytes, layout.size);
    this->release_block(block.start, block.size);
  }

  /// Frees a payload in O(1), as free does, but only queues it: the next unlock, request or poll
  /// reclaims it. Any thread, interrupts too.
  void defer_free(void* payload, Layout layout) noexcept MNEME_NONBLOCKING {
    const BlockRef block = checked_block(payload, layout);
    this->counters_.add(Count::freed_bytes, layout.size);
    this->push_and_post(block.start, block.size);
  }

  /// Makes a block longer or shorter in place. On success its layout is `wanted`. False, and
  /// nothing has changed, if there is no room behind it, if the heap is locked, or if the
  /// alignments differ; to make a block longer, also if any request waits (P2), if the heap is
  /// closed, or if the room behind it is the last of the region and a hole has room for all of it:
  /// a new request is granted that hole at once, and a larger region moves no block (P15).
  /// O(raw heap).
  [[nodiscard]] bool try_resize(void* payload, Layout layout, Layout wanted) noexcept {
    const BlockRef block = checked_block(payload, layout);
    const auto to = this->check_layout(wanted);
    if (!to || wanted.align != layout.align || !this->lock_.try_acquire()) return false;
    this->reclaim();
    const bool may_grow = this->requests_.waiting() == 0 && !is_closed();
    const bool done =
        (to->size <= block.size || may_grow) && this->resize(block.start, block.size, *to);
    if (done) node::resize_live(block.start, to->size, layout.size, wanted.size);
    if (done) this->counters_.add(Count::asked_bytes, wanted.size - layout.size);
    if (done) this->counters_.raise(Count::largest_request_bytes, wanted.size);
    this->settle();
    return done;
  }

  /// Adds the `bytes` directly behind the region's last whole word, such as memory that was only
  /// needed for booting. Waiting requests that fit now are granted; requests that were too large
  /// may not be any more. False, and nothing has changed, if the heap is locked or the raw heap
  /// cannot have so much. No other thread may call the heap meanwhile, not even to free, or
  /// construct another heap. O(1).
  [[nodiscard]] bool extend(std::size_t bytes) noexcept
    requires requires(Raw& raw) { raw.extend(bytes); }
  {
    if (!this->lock_.try_acquire()) return false;
    const bool done = Base::extend(bytes);
    this->settle();
    return done;
  }

  /// Locks the heap; returns an empty guard if it is locked already. While the guard lives, frees
  /// are deferred and requests wait. O(1).
  [[nodiscard]] Guard<BasicHeap> try_lock() noexcept;
  /// A request for the same, which waits in the queue as any other: in lock_request.hpp.
  [[nodiscard]] CustomRequest<BasicHeap, LockWanted<BasicHeap>> lock() noexcept;

  /// Reclaims deferred blocks, grants requests, then resumes the coroutines whose requests are
  /// complete, and returns their number. They run on the caller's thread, under no lock. Those that
  /// become ready meanwhile are left to the next call, so that this one ends. If the heap is
  /// locked, the owner of the lock reclaims and grants. Inside a waker it resumes none, as no free
  /// may run a task (P4). An exception that a coroutine throws out of resume() is passed on; the
  /// coroutines behind it stay ready. Any thread; but while another thread is in here, a waiting
  /// coroutine must not be destroyed, as it may just be about to be resumed (see Request).
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

  /// While the result lives, `waker` is called when poll() has coroutines to resume: in
  /// on_ready.hpp.
  [[nodiscard]] OnReady<BasicHeap> on_ready(Waker waker) noexcept;

  /// For an executor of its own: takes the coroutine that has been ready the longest, which poll()
  /// would resume next, and leaves that to the caller; or returns none. O(1).
  [[nodiscard]] std::coroutine_handle<> take_ready() noexcept {
    std::coroutine_handle<> task{};
    this->with_requests_then_settle(
        [&] { task = this->requests_.next_ready(this->requests_.next_epoch()); });
    return task;
  }

  /// Completes every waiting request with `closed`, oldest first, and every later one at once
  /// (P13). Frees still work. The wakers are called on this thread, one by one; or, if another
  /// close() or cancel() is calling wakers just now, maybe further up the call stack, by that.
  /// O(requests).
  /// `reason` is a number of the program's, not 0 (fatal in checked builds): whoever gets `closed`
  /// can ask for it by close_reason(). That of the first close() stays.
  void close(std::size_t reason = 1) noexcept { this->close_all(reason); }
  /// Cancels every waiting request, and the heap stays open: in waiting/cancel_all.hpp.
  void cancel_all() noexcept;

  [[nodiscard]] bool is_closed() const noexcept { return close_reason() != 0; }
  [[nodiscard]] std::size_t close_reason() const noexcept { return this->requests_.closed(); }

  /// Whether the heap is locked at this moment; only a hint.
  [[nodiscard]] bool is_locked() const noexcept { return this->lock_.is_locked(); }

  /// The size of the region in bytes, without incomplete words at its ends.
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return this->raw_.capacity_bytes(); }

  /// `check_layout(layout)` returns the block's layout, or the error that a request for `layout`
  /// would get at once. O(1).
  using Base::check_layout;

  /// The statistics without the largest hole. Wait-free, changes nothing.
  [[nodiscard]] Stats counters() const noexcept {
    const auto& counters = this->counters_;
    return {.capacity_bytes = capacity_bytes(),
            .used_bytes = counters.get(Count::used_bytes),
            .peak_bytes = counters.get(Count::peak_bytes),
            .largest_free_bytes = std::nullopt,
            .live = counters.rest(Count::grants, Count::freed, Count::pushed, Count::parts),
            .waiting = this->requests_.waiting(),
            .deferred = counters.rest(Count::pushed, Count::reclaimed),
            .grants = counters.get(Count::grants),
            .waits = counters.get(Count::waits),
            .cancels = counters.get(Count::cancels),
            .refusals = counters.get(Count::refusals),
            .asked_bytes = counters.rest(Count::asked_bytes, Count::freed_bytes),
            .largest_request_bytes = counters.get(Count::largest_request_bytes),
            .failed_tries = counters.get(Count::failed_tries)};
  }

  /// The statistics; with the largest hole if the heap is not locked. It is then locked for a
  /// moment, and the unlock reclaims and grants, after the figures were read. O(raw heap).
  [[nodiscard]] Stats stats() noexcept {
    Guard<BasicHeap> guard = try_lock();
    return guard ? guard.stats() : counters();
  }

  /// Checks all data structures. Returns nullptr, or describes what is wrong. The raw heap is left
  /// out if the heap is locked; the guard that locked it has a validate() too. O(raw heap +
  /// requests).
  [[nodiscard]] const char* validate() noexcept {
    Guard<BasicHeap> guard = try_lock();
    return guard ? guard.validate() : validate_lists();
  }

  /// The raw heap, for tools; no other thread may use the heap meanwhile.
  [[nodiscard]] const auto& raw() const noexcept { return this->raw_; }

 private:
  friend class Guard<BasicHeap>;
  friend class Request<BasicHeap>;
  friend class OnReady<BasicHeap>;
  friend class Inspector<BasicHeap>;
  template <class Heap, class Want>
  friend class CustomRequest;

  struct BlockRef {
    std::byte* start;
    std::size_t size;
  };

  /// The block of a payload that is freed or resized. Checked builds stop the program unless it is
  /// a live block of this heap with this layout.
  [[nodiscard]] BlockRef checked_block(void* payload, Layout layout) const noexcept {
    const std::size_t size = BlockLayout::size_with_header(layout.size);
    if constexpr (checks_enabled) {
      // The address is checked first: a foreign pointer minus one word would be undefined
      // behaviour.
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
