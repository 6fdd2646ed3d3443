// purpose: what a step caused, as values: the one source of all output.
// layer: execute; includes op and the library's errors.
// threads: plain data, no sharing.
// invariants: events are in the order in which things happened, but that the result of a step comes
//   before what else the same call of the library brought about; nothing in them is copied text.
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

/// In brackets: the members of Event that mean something, beside `step`. A `name` is the task's.
enum class EventKind : std::uint8_t {
  // The heads of lines: what follows up to the next head belongs to it.
  step,       ///< a step of the script begins
  held_step,  ///< a step that was held begins
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
  held_until_grant,    ///< the step waits for the grant of a name [name]
  held_until_run,      ///< the step waits for others that are held for the name [name]
  polled,              ///< followed by one `resumed` for each task that runs next [size: how many]
  resumed,             ///< [name]
  locked,              ///<
  lock_busy,           ///< [size: the line that locked]
  unlocked,            ///<
  heap_closed,         ///<
  cancelled,           ///< [name]
  nothing_to_cancel,   ///< [name, state: of a name that is over, granted: it has its memory,
                       ///< waiting: it waits to be a clone]
  resized,             ///< where it is [name, offset, size]
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
                       ///< queue`: name seen or empty, size: the place from 1]
  figure,              ///< of `stat`, one for each [key, size]
  map_asked,           ///< the map is drawn from the state behind the step

  // What else happened.
  granted,       ///< a request that waited [name, offset]
  closed,        ///< a request that waited [name]
  moved,         ///< to where its resize was granted [name, offset]
  stays,         ///< its resize came to nothing [name]
  keeps,         ///< while or as its resize is not granted [name, offset, size]
  held_dropped,  ///< steps that were held for a name that is over [name, size: how many]
};

struct Event {
  EventKind kind{};
  State state{};
  Key key{};
  AllocError error{};
  Column column = 0;
  std::uint64_t offset = 0;  // of a payload, from the start of the region
  std::uint64_t size = 0;
  std::string_view name{};
  const Op* step = nullptr;  // that caused it, for its line and text; none at the end
};

/// Collects the events of one step. A line of them is complete once its step, or its task, came to
/// its end; where that failed, what it did so far is no event.
class EventLog {
 public:
  EventLog() { events_.reserve(64); }

  void clear() {
    events_.clear();
    complete_ = 0;
  }
  /// Begins a line. `step`: of this event and of those that follow.
  void begin(EventKind head, const Op* step, std::string_view name = {}) {
    step_ = step;
    add({.kind = head, .name = name});
  }
  void add(const Event& event) { events_.emplace_back(event).step = step_; }
  /// Where the result of a step goes that is known only behind other events.
  [[nodiscard]] std::size_t mark() const { return events_.size(); }
  void insert(std::size_t mark, const Event& event) {
    add(event);
    if (mark + 1 == events_.size()) return;
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
  const Op* step_ = nullptr;
};

}  // namespace mneme::driver
