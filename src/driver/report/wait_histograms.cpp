// purpose: counts requests as they begin and end.
// layer: report; includes wait_histograms, asked_bytes.
// threads: as in the header.
// invariants: as in the header.
#include "wait_histograms.hpp"

#include <algorithm>

#include "asked_bytes.hpp"

namespace mneme::driver {

void WaitHistograms::events(std::span<const Event> events, const Executor& executor) {
  counter_.events(events);
  for (const Event& event : events) see(event);
  waiting_before_.resize(executor.heap_count());
  for (std::size_t heap = 0; heap < waiting_before_.size(); ++heap) {
    waiting_before_[heap] = executor.oracle(heap).waiting();
  }
}

void WaitHistograms::see(const Event& event) {
  switch (event.kind) {
    case EventKind::granted_at_once:
    case EventKind::moved_at_once: {
      SizeStats& size = sizes_[size_class_of(bytes_asked_by(*event.step))];
      ++size.requests;
      size.wait_steps.add(0);
      return size.queue_depth.add(waiting_before_[event.heap]);
    }
    case EventKind::waiting: {
      const std::uint64_t size_class = size_class_of(bytes_asked_by(*event.step));
      SizeStats& size = sizes_[size_class];
      ++size.requests;
      ++size.still_waiting;
      size.queue_depth.add(waiting_before_[event.heap]);
      waiting_[std::string(event.name)] = {size_class, counter_.step()};
      return;
    }
    case EventKind::refused: {
      SizeStats& size = sizes_[size_class_of(bytes_asked_by(*event.step))];
      ++size.requests;
      ++size.refused;
      return;
    }
    case EventKind::granted: return end(event, true);
    case EventKind::cancelled:
    case EventKind::closed: return end(event, false);
    default: return;
  }
}

void WaitHistograms::end(const Event& event, bool is_granted) {
  const auto at = waiting_.find(std::string(event.name));
  if (at == waiting_.end()) return;  // granted in its first step, or cancelled after its grant
  SizeStats& size = sizes_[at->second.size_class];
  --size.still_waiting;
  if (is_granted) {
    const std::uint64_t steps = counter_.step() - at->second.since;
    size.wait_steps.add(steps);
    size.longest_wait = std::max(size.longest_wait, steps);
  }
  waiting_.erase(at);
}

}  // namespace mneme::driver
