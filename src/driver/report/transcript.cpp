// purpose: the text of each event.
// layer: report; includes transcript, expectation, heap_map, format_op.
// threads: one owner.
// invariants: see transcript.hpp.
#include "transcript.hpp"

#include <iterator>

#include "driver/language/format_op.hpp"
#include "expectation.hpp"
#include "heap_map.hpp"

namespace mneme::driver {

namespace {

/// The separator between two events of a line.
std::string_view separator(EventKind before, EventKind kind) {
  if (kind == EventKind::figure && before == EventKind::figure) return " ";
  if (kind == EventKind::resumed) return before == EventKind::polled ? "" : ", ";
  return "; ";
}

std::string_view why_nothing_to_cancel(State state) {
  switch (state) {
    case State::waiting: return "will be a clone";
    case State::granted: return "has its memory";
    default: return "was ";
  }
}

}  // namespace

// Returns false if the line is empty: a task runs that has already taken its memory.
bool Transcript::format(std::span<const Event> line, const Executor& executor) {
  head_.clear();
  result_.clear();
  below_.clear();
  const Event& head = line.front();
  put_head(head);
  if (line.size() == 1) return head.kind != EventKind::runs;
  EventKind before = head.kind;
  for (const Event& event : line.subspan(1)) {
    if (before > EventKind::end || head.kind == EventKind::runs) {
      result_.append(separator(before, event.kind));
    }
    before = event.kind;
    put_result(event, executor);
  }
  return true;
}

void Transcript::put_head(const Event& head) {
  const auto out = std::back_inserter(head_);
  if (head.kind == EventKind::end) {
    fmt::format_to(out, "end -> ");
  } else if (head.kind == EventKind::runs) {
    fmt::format_to(std::back_inserter(result_), "{} runs", head.name);
  } else {
    CommandBuffer buffer;
    if (!head.step->synthetic) fmt::format_to(out, "{}: ", head.step->line);
    fmt::format_to(out, "{}{} -> ", format_op(*head.step, buffer),
                   head.kind == EventKind::held_step ? " (held)" : "");
  }
}

// Results of steps, which need not repeat the name of the step.
void Transcript::put_result(const Event& event, const Executor& executor) {
  const auto out = std::back_inserter(result_);
  switch (event.kind) {
    case EventKind::heap_made:
      fmt::format_to(out, "{} bytes, blocks aligned to {}", event.size, event.step->align_bytes);
      return;
    case EventKind::granted_at_once:
      fmt::format_to(out, "granted at {}{}", event.offset,
                     event.step->mode == AllocMode::guard ? " through the guard" : "");
      return;
    case EventKind::waiting:
    case EventKind::lock_waits: return result_.append(std::string_view("waiting"));
    case EventKind::refused:
      fmt::format_to(out, "{}{}",
                     event.error == AllocError::closed ? "" : "refused: ", to_string(event.error));
      return;
    case EventKind::freed: return result_.append(std::string_view("freed"));
    case EventKind::deferred: return result_.append(std::string_view("deferred"));
    case EventKind::owner_dropped: fmt::format_to(out, "dropped; {} left", event.size); return;
    case EventKind::polled:
      return result_.append(std::string_view(event.size == 0 ? "nothing to run" : "ran "));
    case EventKind::resumed: return result_.append(event.name);
    case EventKind::locked: return result_.append(std::string_view("locked"));
    case EventKind::lock_busy:
      fmt::format_to(out, "busy: locked since line {}", event.size);
      return;
    case EventKind::unlocked: return result_.append(std::string_view("unlocked"));
    case EventKind::heap_closed: return result_.append(std::string_view("closed"));
    case EventKind::extended: fmt::format_to(out, "{} bytes", event.size); return;
    case EventKind::not_extended:
      return result_.append(std::string_view("refused: the heap is locked"));
    case EventKind::cancelled: return result_.append(std::string_view("cancelled"));
    case EventKind::resized: fmt::format_to(out, "resized at {}", event.offset); return;
    case EventKind::moved_at_once: fmt::format_to(out, "moved to {}", event.offset); return;
    case EventKind::leaked: fmt::format_to(out, "leaked at {}", event.offset); return;
    case EventKind::adopted: fmt::format_to(out, "owned again at {}", event.offset); return;
    case EventKind::pushed: fmt::format_to(out, "{} of {}", event.size, event.offset); return;
    case EventKind::vec_full:
      fmt::format_to(out, "full: {} of {}", event.size, event.offset);
      return;
    case EventKind::cloned: fmt::format_to(out, "{} owners", event.size); return;
    case EventKind::expectation_met: return result_.append(std::string_view("ok"));
    case EventKind::expectation_failed:
      fmt::format_to(out, "FAILED: {}", expectation_message(event));
      return;
    case EventKind::figure: fmt::format_to(out, "{} {}", word_of(event.key), event.size); return;
    case EventKind::map_asked: put_map_result(result_, executor); return put_map(below_, executor);
    default: return put_event(event);
  }
}

// Events that name their task.
void Transcript::put_event(const Event& event) {
  const auto out = std::back_inserter(result_);
  switch (event.kind) {
    case EventKind::skipped:
      fmt::format_to(out, "skipped: {} was {}", event.name, word_of(event.state));
      return;
    case EventKind::held_until_grant:
      fmt::format_to(out, "held until {} is granted", event.name);
      return;
    case EventKind::held_until_run: fmt::format_to(out, "held until {} runs", event.name); return;
    case EventKind::nothing_to_cancel: {
      const std::string_view why = why_nothing_to_cancel(event.state);
      fmt::format_to(out, "nothing to cancel: {} {}{}", event.name, why,
                     why.ends_with(' ') ? word_of(event.state) : "");
      return;
    }
    case EventKind::granted:
      fmt::format_to(out, "{} granted at {}", event.name, event.offset);
      return;
    case EventKind::lock_granted: fmt::format_to(out, "{} granted", event.name); return;
    case EventKind::closed: fmt::format_to(out, "{} closed", event.name); return;
    case EventKind::moved: fmt::format_to(out, "{} moved to {}", event.name, event.offset); return;
    case EventKind::stays: fmt::format_to(out, "{} stays where it is", event.name); return;
    case EventKind::keeps:
      fmt::format_to(out, "{} keeps {} bytes at {}", event.name, event.size, event.offset);
      return;
    case EventKind::held_dropped:
      fmt::format_to(out, "{} held step{} on {} dropped", event.size, event.size == 1 ? "" : "s",
                     event.name);
      return;
    default: return;  // heads, and results above
  }
}

}  // namespace mneme::driver
