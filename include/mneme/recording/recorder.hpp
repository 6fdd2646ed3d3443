// purpose: records what a program asks of its heap, in a ring of the user's memory, and dumps it.
// layer: L1; includes L0, L1.
// threads: any, interrupts too; lock-free.
// invariants: a heap behaves the same whether it is recorded or not.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "../atomic.hpp"
#include "../layout.hpp"
#include "../raw_heap.hpp"
#include "record.hpp"
#include "ring.hpp"

namespace mneme::inline MNEME_SETTINGS {

using RecordSlot = RingSlot<Record>;

/// Records the events of a heap:
///
///     constinit mneme::RecordSlot slots[256];            // the newest 256 events
///     constinit mneme::Recorder recorder{slots, mneme::WhenFull::overwrite};
///     mneme::BasicHeap<mneme::Recorded<mneme::Bounded>> heap{region};
///     mneme::record(heap, recorder);
///     …
///     recorder.dump([](const char* text, std::size_t size) { uart_write(text, size); });
///
/// and `mneme import` turns the dump into a script with a task for each task or thread. A heap
/// whose raw heap is not Recorded has none of this in it.
class Recorder {
 public:
  constexpr Recorder(std::span<RecordSlot> given, WhenFull when_full) noexcept
      : ring_(given, when_full) {}

  /// Adds a record of the calling thread and its current task. Any thread, interrupts too. O(1).
  void add(Event event, std::size_t id, std::size_t value, std::size_t align) noexcept {
    // (recorder.is_on) relaxed: events about the time of a pause may be left out; publishes
    // nothing.
    if (is_paused_.load(std::memory_order_relaxed)) return;
    ring_.put({.event = event,
               .align_exponent = static_cast<std::uint8_t>(std::countr_zero(align)),
               .thread = thread_number(),
               .task = current_task(),
               .id = id,
               .value = value});
  }

  /// Events are left out until resume(), and not counted as lost: to keep what led to a fault.
  void pause() noexcept {
    // (recorder.pause) relaxed: see (recorder.is_on); publishes nothing.
    is_paused_.store(true, std::memory_order_relaxed);
  }
  void resume() noexcept {
    // (recorder.resume) relaxed: see (recorder.is_on); publishes nothing.
    is_paused_.store(false, std::memory_order_relaxed);
  }

  /// Calls put(text, size) with each line of the dump; record.hpp describes them. The heap may be
  /// in use meanwhile. O(size of the ring).
  template <class Put>
  void dump(Put put) noexcept {
    const auto line = [&](const DumpLine& text) { put(text.data(), text.size()); };
    line(DumpLine{}.head(heap_bytes_, !ring_.stops()));
    std::size_t records = 0;
    const std::size_t lost = ring_.read([&](const Record& record) {
      ++records;
      line(DumpLine{}.record(record));
    });
    line(DumpLine{}.end(records, lost));
  }

  /// The size of the region, for the dump.
  void set_heap_bytes(std::size_t bytes) noexcept { heap_bytes_ = bytes; }

 private:
  Ring<Record> ring_;
  Atomic<bool> is_paused_{false};
  std::size_t heap_bytes_ = 0;
};

/// Decorates a raw heap so that record() can attach a recorder. Blocks are recorded by the task
/// that made the call in which they were taken or freed.
template <RawHeap Inner>
class Recorded : public Inner {
 public:
  using Inner::Inner;

  /// See record(). The recorder is no part of the raw heap's state.
  void record_to(Recorder& recorder) const noexcept {
    recorder.set_heap_bytes(Inner::capacity_bytes());
    recorder_ = &recorder;
  }

  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header = 0) noexcept {
    return allocated(Inner::allocate(layout, header), layout);
  }
  [[nodiscard]] std::byte* allocate_quickly(BlockLayout layout, std::size_t header) noexcept {
    Inner& inner = *this;
    return allocated(mneme::allocate_quickly(inner, layout, header), layout);
  }

  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    const bool done = Inner::resize(block, old_size, wanted);
    if (done) add(Event::resized, block + word_bytes, wanted.size - word_bytes, 1);
    return done;
  }

  /// The dump has the size of the region as it is then.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept
    requires requires(Inner& inner) { inner.extend(bytes); }
  {
    const bool done = Inner::extend(bytes);
    if (done && recorder_ != nullptr) recorder_->set_heap_bytes(Inner::capacity_bytes());
    return done;
  }

  /// The events that a raw heap does not see by itself; the heap reports them. `size` is that of
  /// the block.
  void on_event(Event event, const std::byte* block, std::size_t size) const noexcept {
    add(event, block + word_bytes, size - word_bytes, 1);
  }
  void on_event(Event event, const void* request, Layout layout) const noexcept {
    add(event, request, layout.size, layout.align);
  }
  void on_event(Event event, const void* request, const void* payload) const noexcept {
    add(event, request, address_of(payload), 1);
  }

 private:
  [[nodiscard]] std::byte* allocated(std::byte* block, BlockLayout layout) const noexcept {
    if (block != nullptr) {
      add(Event::allocated, block + word_bytes, layout.size - word_bytes, layout.align);
    }
    return block;
  }
  void add(Event event, const void* id, std::size_t value, std::size_t align) const noexcept {
    if (recorder_ != nullptr) recorder_->add(event, address_of(id), value, align);
  }

  mutable Recorder* recorder_ = nullptr;
};

namespace detail {
/// A quarantine has the raw heap that is recorded inside.
template <class Raw>
void record_inside(const Raw& raw, Recorder& recorder) noexcept {
  if constexpr (requires { raw.record_to(recorder); })
    raw.record_to(recorder);
  else
    record_inside(raw.inner(), recorder);
}
}  // namespace detail

/// Records all that is asked of `heap` from now on; the recorder must outlive it. Call it before
/// any other thread uses the heap. Requests for the lock or for a group are recorded as a `wait` of
/// the largest size, which the import leaves out; what a group takes is recorded as taken by the
/// task that made the room.
template <class Heap>
void record(Heap& heap, Recorder& recorder) noexcept {
  detail::record_inside(heap.raw(), recorder);
}

}  // namespace mneme::inline MNEME_SETTINGS
