// purpose: the sentences of the story.
// layer: report; includes story, room, format_op, diagnostic.
// threads: as in the header.
// invariants: as in the header.
#include "story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "driver/language/diagnostic.hpp"
#include "driver/language/format_op.hpp"
#include "room.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t first_changes_max = 8;
constexpr std::size_t latest_changes_max = 4;
constexpr std::size_t waiters_named_max = 4;

bool is_request_of(const Event& event, std::string_view name) {
  if (event.name != name) return false;
  return event.kind == EventKind::granted_at_once || event.kind == EventKind::waiting ||
         event.kind == EventKind::refused || event.kind == EventKind::moved_at_once ||
         event.kind == EventKind::locked || event.kind == EventKind::lock_waits;
}

bool wants_lock(const Executor& executor, std::size_t heap, BlockId id) {
  return executor.requester_of(heap, id).kind == OpKind::lock;
}

bool has_piece_for(const Oracle& oracle, BlockId id) {
  return std::ranges::any_of(oracle.gaps(), [&](const Gap gap) {
    return Oracle::fits(gap, oracle.size_of(id), oracle.align_of(id));
  });
}

// Why the request at this place in the queue has not been granted.
std::string why_it_waits(const Executor& executor, std::size_t heap, BlockId id,
                         std::size_t place) {
  const Oracle& oracle = executor.oracle(heap);
  if (oracle.locked()) {
    return fmt::format("the heap has been locked since line {}", executor.lock_line(heap));
  }
  if (place > 0) {
    const BlockId head = oracle.queue().front();
    return fmt::format(
        "{}it is not its turn: {}, which is first, needs {} bytes",
        has_piece_for(oracle, id) && !wants_lock(executor, heap, id) ? "there is room, but " : "",
        executor.requester_of(heap, head).name, oracle.size_of(head));
  }
  if (oracle.deferred() > 0) return "what was freed is deferred until a poll or an unlock";
  if (oracle.size_of(id) > oracle.free_bytes()) return "not enough is free";
  if (oracle.size_of(id) > oracle.largest_bytes()) return "enough is free, but not in one piece";
  return fmt::format("no free piece is large enough when aligned to {}", oracle.align_of(id));
}

// `208 bytes in one piece, its header included`.
std::string need_of(const Executor& executor, std::size_t heap, BlockId id) {
  if (wants_lock(executor, heap, id)) return "the lock";
  return fmt::format("{} bytes in one piece, its header included",
                     executor.oracle(heap).size_of(id));
}

// `208 bytes`.
std::string short_need_of(const Executor& executor, std::size_t heap, BlockId id) {
  if (wants_lock(executor, heap, id)) return "the lock";
  return fmt::format("{} bytes", executor.oracle(heap).size_of(id));
}

std::string in_pieces(std::size_t free_bytes, std::size_t largest_bytes) {
  if (free_bytes == 0) return "nothing is free";
  return fmt::format("{} bytes are free, {} in one piece", free_bytes, largest_bytes);
}

}  // namespace

void Story::task_step(const std::string& task, const std::string& text) {
  counter_.task_step(task, text);
  task_ = task;
}

void Story::events(std::span<const Event> events, const Executor& executor) {
  counter_.events(events);
  bool is_end = events.empty();
  for (const Event& event : events) {
    if (event.kind <= EventKind::end) {
      CommandBuffer buffer;
      is_end = event.kind == EventKind::end;
      if (event.step != nullptr) line_ = event.step->line;
      if (is_end) line_ = 0;
      step_text_ = is_end                  ? std::string("the end of the script")
                   : event.step == nullptr ? fmt::format("{} runs", event.name)
                                           : fmt::format("`{}`", format_op(*event.step, buffer));
      if (is_end) task_.clear();
      continue;
    }
    see(event, executor);
  }
  if (is_waiting_) put_waiting(executor);
  if (is_end) put_end(executor);
  task_.clear();
}

void Story::see(const Event& event, const Executor& executor) {
  switch (event.kind) {
    case EventKind::granted_at_once:
    case EventKind::waiting:
    case EventKind::refused:
    case EventKind::locked:
    case EventKind::lock_waits:
    case EventKind::cloned:
      if (!event.name.empty() && !names_.contains(event.name)) names_.emplace(event.name);
      break;
    default: break;
  }
  if (is_request_of(event, name_)) return put_asked(event, executor);
  if (event.name != name_) return;
  switch (event.kind) {
    case EventKind::cloned: begin("shares an existing block, and requests no memory"); break;
    case EventKind::granted:
      return end_wait(fmt::format("granted at {}, {}", event.offset, after_steps()));
    case EventKind::lock_granted: return end_wait(fmt::format("granted, {}", after_steps()));
    case EventKind::cancelled: return end_wait("cancelled");
    case EventKind::closed: return end_wait("ended because the heap was closed");
    case EventKind::moved:
      return put_line(fmt::format("{}moved to {}", place_in_run(), event.offset));
    case EventKind::stays: return put_line("  It stays where it is.");
    case EventKind::resized:
      return put_line(
          fmt::format("{}resized to {} bytes, at {}", place_in_run(), event.size, event.offset));
    case EventKind::freed: return put_line(place_in_run() + "freed");
    case EventKind::deferred: return put_line(place_in_run() + "freed, and deferred");
    case EventKind::owner_dropped:
      return put_line(fmt::format("{}dropped; {} other owner{} left", place_in_run(), event.size,
                                  event.size == 1 ? " is" : "s are"));
    default: return;
  }
}

/// Begins a new use of the name.
void Story::begin(std::string_view what) {
  ++uses_;
  is_waiting_ = false;
  text_ +=
      fmt::format("{}{}: {}{}\n", text_.empty() ? "" : "\n", name_, place_in_run().substr(2), what);
}

/// The request of a new name, or of a resize.
void Story::put_asked(const Event& event, const Executor& executor) {
  heap_ = event.heap;
  const Oracle& oracle = executor.oracle(heap_);
  switch (event.kind) {
    case EventKind::granted_at_once:
      return begin(fmt::format("granted at once, at {}: it never waited", event.offset));
    case EventKind::locked: return begin("granted at once: it never waited");
    case EventKind::moved_at_once:
      return put_line(fmt::format("{}moved at once, to {}", place_in_run(), event.offset));
    case EventKind::refused:
      begin(fmt::format("refused: {}", to_string(event.error)));
      if (event.error == AllocError::too_large) {
        put_line(fmt::format("  Even empty, a heap of {} bytes has no room for it.",
                             oracle.capacity_bytes()));
      } else if (event.error == AllocError::would_wait) {
        put_line(fmt::format("  {} request{} wait{}; {}.", oracle.waiting(),
                             oracle.waiting() == 1 ? "" : "s", oracle.waiting() == 1 ? "s" : "",
                             in_pieces(oracle.free_bytes(), oracle.largest_bytes())));
      }
      return;
    default: break;
  }
  begin("waits");
  is_waiting_ = true;
  is_described_ = false;
  asked_ = counter_.step();
  changes_ = 0;
  latest_.clear();
  last_ = {};
}

std::optional<BlockId> Story::waiting_block(const Executor& executor) const {
  for (const BlockId id : executor.oracle(heap_).queue()) {
    if (executor.requester_of(heap_, id).name == name_) return id;
  }
  return std::nullopt;
}

Story::Situation Story::situation(const Executor& executor, BlockId waiting) const {
  const Oracle& oracle = executor.oracle(heap_);
  const auto queue = oracle.queue();
  const auto before = std::ranges::distance(queue.begin(), std::ranges::find(queue, waiting));
  return {.place = static_cast<std::size_t>(before),
          .free_bytes = oracle.free_bytes(),
          .largest_bytes = oracle.largest_bytes(),
          .deferred = oracle.deferred(),
          .is_locked = oracle.locked()};
}

/// After a step during which it waited.
void Story::put_waiting(const Executor& executor) {
  const std::optional<BlockId> id = waiting_block(executor);
  if (!id) return;
  const Oracle& oracle = executor.oracle(heap_);
  const Situation now = situation(executor, *id);
  const std::string why = fmt::format("{}: {}", in_pieces(now.free_bytes, now.largest_bytes),
                                      why_it_waits(executor, heap_, *id, now.place));
  // The end of the script may come in the step of the request.
  if (std::exchange(is_described_, true)) {
    if (now != std::exchange(last_, now)) put_change(fmt::format("{}{}", place_in_run(), why));
    return;
  }
  last_ = now;
  put_line(fmt::format("  It needs {}. {}.", need_of(executor, heap_, *id), why));
  std::vector<std::string> before;
  for (const BlockId other : oracle.queue()) {
    if (before.size() == std::min(now.place, waiters_named_max)) break;
    before.push_back(fmt::format("{} ({})", executor.requester_of(heap_, other).name,
                                 short_need_of(executor, heap_, other)));
  }
  if (now.place > before.size())
    before.push_back(fmt::format("{} more", now.place - before.size()));
  if (now.place == 0) put_line("  It is the first in the queue.");
  if (now.place > 1) put_line(fmt::format("  Ahead of it: {}.", fmt::join(before, ", ")));
  put_room(executor, *id);
}

void Story::put_room(const Executor& executor, BlockId waiting) {
  if (wants_lock(executor, heap_, waiting)) return;
  const auto blocks = blocks_in_the_way(executor, heap_, waiting);
  if (!blocks || blocks->blocks == 0) return;
  put_line(fmt::format("  There would be room if {}.", in_words(*blocks)));
}

/// After the last step.
void Story::put_end(const Executor& executor) {
  if (!is_waiting_) return;
  const std::optional<BlockId> id = waiting_block(executor);
  if (!id) return;
  put_left_out();
  is_waiting_ = false;
  put_line(fmt::format("  At the end it still waits: {}.",
                       why_it_waits(executor, heap_, *id, situation(executor, *id).place)));
  put_room(executor, *id);
}

void Story::put_line(std::string line) { text_ += std::move(line) += '\n'; }

/// Only the first and the last changes of a long wait are shown.
void Story::put_change(std::string line) {
  if (++changes_ <= first_changes_max) return put_line(std::move(line));
  latest_.push_back(std::move(line));
  if (latest_.size() > latest_changes_max) latest_.pop_front();
}

void Story::put_left_out() {
  if (const std::size_t told = first_changes_max + latest_.size(); changes_ > told) {
    put_line(fmt::format("  … {} more steps changed something while it waited", changes_ - told));
  }
  for (std::string& line : latest_) put_line(std::move(line));
  latest_.clear();
}

void Story::end_wait(std::string_view how) {
  if (std::exchange(is_waiting_, false)) put_left_out();
  put_line(place_in_run() + std::string(how));
}

std::string Story::after_steps() const {
  const std::uint64_t steps = counter_.step() - asked_;
  return fmt::format("after {} step{}", steps, steps == 1 ? "" : "s");
}

/// The beginning of a line: `  step 5, uplink, line 12, `free a`: `.
std::string Story::place_in_run() const {
  return fmt::format("  step {}{}{}{}, {}: ", counter_.step(), task_.empty() ? "" : ", ", task_,
                     line_ == 0 ? "" : fmt::format(", line {}", line_), step_text_);
}

std::optional<std::string> Story::text() const {
  if (uses_ == 0) return std::nullopt;
  return uses_ == 1 ? text_ : fmt::format("{} is requested {} times.\n\n{}", name_, uses_, text_);
}

std::string Story::nearest_name() const {
  const std::vector<std::string_view> names(names_.begin(), names_.end());
  return did_you_mean(name_, names);
}

}  // namespace mneme::driver
