// purpose: the effects of a step, as values: the only source of all output.
// layer: execute; includes op and the library's errors.
// threads: plain data, no sharing.
// invariants: events are in the order in which they happened, except that the result of a step
//   comes before the other effects of the same library call; events refer to text, never copy it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mneme/error.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "driver/language/op.hpp"

namespace mneme::driver {

/// In brackets: the members of Event that are used besides `step`. A `name` is the task's.
enum class EventKind : std::uint8_t {
  // The heads of lines: all events up to the next head belong to the line.
  step,       ///< a step of the script begins
  held_step,  ///< a held step begins
  runs,       ///< a granted task runs, and takes its memory [name]
  end,        ///< the driver polls at the end of the script; there is no step

  // The results of steps.
  heap_made,           ///< [size: the region's bytes]
  granted_at_once,     ///< a request of this step [name, offset]
  waiting,             ///< a request of this step waits [name, size: asked for]
  refused,             ///< a request of this step, also by a closed heap [name, error]
  freed,               ///< [name, offset]
  deferred,            ///< [name, offset]
  owner_dropped,       ///< one of several owners [name, size: owners left]
  skipped,             ///< a step on a name that never had memory, or has none now [name, state]
  held_until_grant,    ///< the step is held until the name is granted [name]
  held_until_run,      ///< the step is held behind earlier held steps of the name [name]
  polled,              ///< followed by one `resumed` for each task that runs next [size: how many]
  resumed,             ///< [name]
  locked,              ///< [in a task: name, of its request]
  lock_waits,          ///< a request for the lock waits [name]
  lock_busy,           ///< [size: the line that locked]
  unlocked,            ///<
  heap_closed,         ///<
  extended,            ///< [size: the region's bytes now]
  not_extended,        ///< as the heap is locked
  cancelled,           ///< [name]
  nothing_to_cancel,   ///< [name, state: of a finished name; granted: it has its memory already;
                       ///< waiting: it will be a clone]
  resized,             ///< in place [name, offset, size]
  moved_at_once,       ///< a resize [name, offset, size]
  leaked,              ///< [name, offset]
  adopted,             ///< owned again [name, offset]
  pushed,              ///< [name, size: elements, offset: capacity]
  vec_full,            ///< [name, size: elements, offset: capacity]
  cloned,              ///< [name: the new one, size: owners]
  expectation_met,     ///<
  expectation_failed,  ///< [column, and of `expect NAME STATE`: name, state; of `expect KEY
                       ///< NUMBER`:
                       ///< size: the number seen, offset: which of the step's expectations; of
                       ///< `expect NAME at OFFSET`: name, state, and if granted offset; of `expect
                       ///< queue`: name seen or empty, size: the position from 1]
  figure,              ///< of `stat`, one for each [key, size]
  map_asked,           ///< the map is drawn from the state after the step

  // Other effects.
  granted,       ///< a waiting request [name, offset]
  lock_granted,  ///< a waiting request for the lock [name]
  closed,        ///< a waiting request [name]
  moved,         ///< a block, to the place granted for its resize [name, offset]
  stays,         ///< a block whose resize was cancelled or closed [name]
  keeps,         ///< its old size, as its resize waits or was refused [name, offset, size]
  held_dropped,  ///< the held steps of a finished name [name, size: how many]
};

struct Event {
  EventKind kind{};
  State state{};
  Key key{};
  AllocError error{};
  Column column = 0;
  std::uint8_t heap = 0;     // of which it tells
  std::uint64_t offset = 0;  // of a payload, from the start of the heap's region
  std::uint64_t size = 0;
  std::string_view name{};
  const Op* step = nullptr;  // that caused it, for its line and text; none at the end
};

/// Which events are kept: for a run that nobody reads, failed expectations are enough.
enum class Kept : std::uint8_t { all, failed_expectations };

/// Collects the events of one step. A line is complete once its step or task has finished; the
/// events of a line that failed are discarded.
class EventLog {
 public:
  EventLog() { events_.reserve(64); }

  void keep(Kept kept) { keeps_all_ = kept == Kept::all; }

  void clear() {
    events_.clear();
    complete_ = 0;
  }
  /// Begins a line. `step`: the step of this event and of those that follow.
  void begin(EventKind head, const Op* step, std::string_view name = {}) {
    step_ = step;
    add({.kind = head, .name = name});
  }
  void add(const Event& event) {
    if (!keeps_all_ && event.kind != EventKind::expectation_failed) return;
    Event& added = events_.emplace_back(event);
    added.step = step_;
    added.heap = heap_;
  }
  /// That of the events from now on.
  void set_heap(std::uint8_t heap) { heap_ = heap; }
  [[nodiscard]] std::uint8_t heap() const { return heap_; }
  /// The position for the result of a step, if that is only known after other events.
  [[nodiscard]] std::size_t mark() const { return events_.size(); }
  void insert(std::size_t mark, const Event& event) {
    add(event);
    if (mark + 1 >= events_.size()) return;
    std::rotate(events_.begin() + static_cast<std::ptrdiff_t>(mark), events_.end() - 1,
                events_.end());
  }
  void end_line() { complete_ = events_.size(); }

  [[nodiscard]] std::span<const Event> complete() const {
    return std::span(events_).first(complete_);
  }

 private:
  std::vector<Event> events_;
  std::size_t complete_ = 0;
  std::uint8_t heap_ = 0;
  bool keeps_all_ = true;
  const Op* step_ = nullptr;
};

}  // namespace mneme::driver
