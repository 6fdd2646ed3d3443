// purpose: searches with open placement, and judges them whatever the placement is.
// layer: explore; includes any_raw_heap.
// threads: see any_raw_heap.hpp.
// invariants: see any_raw_heap.hpp.
#include "any_raw_heap.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t all_yes = 255;
constexpr std::size_t move_choices_max = 255;                     // of a move
constexpr std::size_t region_bytes_max = std::size_t{64} << 10U;  // states are copied

/// Calls f(step) for each step of a script.
template <class F>
void for_each_step(const Program& program, F f) {
  std::ranges::for_each(program.boot.steps, f);
  for (const TaskProgram& task : program.tasks) std::ranges::for_each(task.steps, f);
}

std::size_t task_count(const Program& program) {
  std::size_t tasks = 0;
  for (const TaskProgram& task : program.tasks) tasks += task.copies;
  return tasks;
}

/// How many blocks names and mailboxes can hold.
std::size_t block_count(const Program& program) {
  std::size_t blocks = program.boot.names.size();
  for (const TaskProgram& task : program.tasks) blocks += task.copies * task.names.size();
  for (const MailboxSpec& mailbox : program.mailboxes) blocks += mailbox.capacity;
  return blocks;
}

/// The largest payload that is requested from a heap.
Layout largest_request(const Program& program, std::size_t heap) {
  Layout largest{.size = 1, .align = word_bytes};
  for_each_step(program, [&](const ProgramStep& step) {
    if (!requests(step) || step.heap != heap) return;
    largest.size = std::max<std::size_t>(largest.size, step.size_bytes);
    for (const std::uint64_t size : step.sizes)
      largest.size = std::max<std::size_t>(largest.size, size);
    largest.align = std::max<std::size_t>(largest.align, step.align_bytes);
  });
  return largest;
}

/// What all blocks of a heap are multiples of, and their places as well.
std::size_t unit_of(const Program& program, std::size_t heap, Layout largest) {
  std::size_t unit = 0;
  for_each_step(program, [&](const ProgramStep& step) {
    if (!requests(step) || step.heap != heap) return;
    if (step.sizes.empty()) unit = std::gcd(unit, World::block_bytes(step.size_bytes));
    for (const std::uint64_t size : step.sizes) unit = std::gcd(unit, World::block_bytes(size));
  });
  return unit == 0 || largest.align > word_bytes ? word_bytes : unit;
}

/// The region has a slot for each block; the heap's size is that of AnyPlacement.
bool open(HeapOptions& options, const Program& program, std::size_t heap, bool has_growth) {
  const Layout largest = largest_request(program, heap);
  const std::size_t slot_bytes = AnyPlacement::slot_bytes(largest);
  if (slot_bytes == 0 || slot_bytes > region_bytes_max / (block_count(program) + 1)) return false;
  options.raw_arguments = {.number = options.bytes,
                           .largest = largest,
                           .unit_bytes = unit_of(program, heap, largest),
                           .has_growth = has_growth};
  options.raw_row = any_placement_row;
  options.bytes = block_count(program) * slot_bytes + largest.align;
  return true;
}

/// Looks for states in which the tasks may remain for ever: whatever task goes on, some outcome of
/// its step leads to another one of them.
class OpenJudge {
 public:
  explicit OpenJudge(const StateGraph& graph) : graph_{graph}, is_bad_(graph.size()) {}

  /// Whether a request may wait for ever, or a task for a semaphore or a mailbox.
  [[nodiscard]] bool may_be_bad() {
    if (has_trap([&](StateNumber state) { return graph_[state].has_waiting; },
                 [](const Transition& edge) { return !edge.grants; })) {
      return true;
    }
    std::uint64_t objects = 0;
    for (StateNumber state = 0; state < graph_.size(); ++state) objects |= graph_[state].blocking;
    for (; objects != 0; objects &= objects - 1) {
      const std::uint64_t object = objects & (~objects + 1);
      if (has_trap([&](StateNumber state) { return (graph_[state].blocking & object) != 0; },
                   [](const Transition&) { return true; })) {
        return true;
      }
    }
    return false;
  }

 private:
  /// The largest set of candidates that none of their steps need leave.
  template <class IsCandidate, class IsInside>
  [[nodiscard]] bool has_trap(IsCandidate is_candidate, IsInside is_inside) {
    for (StateNumber state = 0; state < graph_.size(); ++state) {
      is_bad_[state] = is_candidate(state);
    }
    for (bool changes = true; changes;) {
      changes = false;
      // From the last one on, as most steps lead to a later state.
      for (StateNumber state = static_cast<StateNumber>(graph_.size()); state-- > 0;) {
        if (!is_bad_[state] || can_remain(state, is_inside)) continue;
        is_bad_[state] = false;
        changes = true;
      }
    }
    return std::ranges::find(is_bad_, true) != is_bad_.end();
  }

  /// Whether each step from a state has an outcome inside.
  template <class IsInside>
  [[nodiscard]] bool can_remain(StateNumber state, IsInside is_inside) const {
    auto edges = graph_.edges_of(state);
    while (!edges.empty()) {
      // Of one task: first each of its steps with the first outcome, and so on.
      const auto own = edges.first(edges.front().choices);
      const auto others = std::ranges::find_if(own, &is_other);
      const auto steps = static_cast<std::size_t>(others - own.begin());
      for (std::size_t step = 0; step < steps; ++step) {
        bool remains = false;
        for (std::size_t edge = step; edge < own.size(); edge += steps) {
          remains = remains || (is_bad_[own[edge].to] && is_inside(own[edge]));
        }
        if (!remains) return false;
      }
      edges = edges.subspan(own.size());
    }
    return true;
  }
  [[nodiscard]] static bool is_other(const Transition& edge) { return edge.is_other_outcome; }

  const StateGraph& graph_;
  std::vector<bool> is_bad_;
};

AnyRawHeap::Answer judge(const SearchResult& result) {
  if (result.bound == Bound::deadlock) return AnyRawHeap::Answer::may_be_bad;
  if (!result.is_complete()) return AnyRawHeap::Answer::not_decided;
  return OpenJudge{result.graph}.may_be_bad() ? AnyRawHeap::Answer::may_be_bad
                                              : AnyRawHeap::Answer::safe;
}

}  // namespace

OpenWorld::OpenWorld(const Program& program, const WorldOptions& options)
    : World{program, options}, saved_(snapshot_bytes()) {}

std::size_t OpenWorld::choices(std::size_t task) {
  const std::size_t own = World::choices(task);
  if (state_of(task) != TaskState::waiting && !is_of_heap(current_step(task)->kind)) return own;
  save(saved_.data());
  std::size_t open = 0;
  for (std::size_t choice = 0; choice < own; ++choice) {
    AnyPlacement::choose(all_yes);
    (void)World::step({static_cast<std::uint8_t>(task), static_cast<std::uint8_t>(choice)});
    open = std::max(open, AnyPlacement::open_questions());
    load(saved_.data());
  }
  AnyPlacement::choose(0);
  return own * (open + 1);
}

OpenStep OpenWorld::step(Move move) {
  const std::size_t own = World::choices(move.task);
  const std::size_t choice = move.choice % own;
  AnyPlacement::choose(move.choice / own);
  OpenStep result{World::step({move.task, static_cast<std::uint8_t>(choice)}), move.choice >= own};
  AnyPlacement::choose(0);
  return result;
}

void OpenWorld::observe(Observed& seen) const {
  World::observe(seen);
  seen.least_growth = AnyPlacement::least_growth();
}

std::optional<WorldOptions> open_options(const Program& program, const WorldOptions& options) {
  WorldOptions opened = options;
  bool has_open = false;
  for (std::size_t heap = 0; heap < opened.heaps.size(); ++heap) {
    HeapOptions& own = opened.heaps[heap];
    if (own.queue.kind == OracleQueue::Kind::overtaking) return std::nullopt;
    if (own.raw_row >= RawHeaps::names.size()) continue;
    if (!open(own, program, heap, heap == options.varied)) return std::nullopt;
    has_open = true;
  }
  std::size_t most = 1;
  for_each_step(program, [&](const ProgramStep& step) { most = std::max(most, step.choices()); });
  if (!has_open || most * (task_count(program) + 1) > move_choices_max) return std::nullopt;
  return opened;
}

AnyRawHeap explore_any(const Program& program, const WorldOptions& options,
                       const SearchLimits& limits) {
  AnyRawHeap found;
  const auto opened = open_options(program, options);
  if (!opened) return found;
  AnyPlacement::forget_growth();
  try {
    OpenWorld world{program, *opened};
    if (!world.can_copy()) return found;
    SearchLimits own = limits;
    own.stops_at_deadlock = true;
    const SearchResult result = testing::search(world, own);
    found.answer = judge(result);
    found.states = result.graph.size();
    found.depth = result.depth;
    found.waits = result.observed.waits || world.waits_elsewhere();
    for (std::size_t heap = 0; heap < world.heap_count(); ++heap) {
      found.peak_bytes.push_back(heap == options.varied ? result.observed.peak_bytes
                                                        : world.peak_bytes(heap));
    }
  } catch (const ScriptError&) {
    found.answer = AnyRawHeap::Answer::impossible;
  } catch (const InputError&) {  // a size above 4 GiB
    found.answer = AnyRawHeap::Answer::impossible;
  }
  found.least_growth = AnyPlacement::least_growth();
  return found;
}

AnyFit fit_any(const Program& program, const WorldOptions& options, std::uint64_t least_bytes,
               const SearchLimits& limits) {
  AnyFit fit;
  WorldOptions own = options;
  for (std::uint64_t size = least_bytes;;) {
    own.heap().bytes = size;
    SearchLimits left = limits;
    left.states -= std::min(left.states, fit.states);
    const AnyRawHeap found = explore_any(program, own, left);
    ++fit.explorations;
    fit.states += found.states;
    if (found.answer == AnyRawHeap::Answer::not_decided) return fit;
    const bool is_safe = found.answer == AnyRawHeap::Answer::safe;
    if (!is_safe) fit.from = std::nullopt;
    if (is_safe && !fit.from) fit.from = size;
    if (found.least_growth == no_growth) {
      if (found.answer == AnyRawHeap::Answer::impossible) return fit;
      const std::size_t largest = World::block_bytes(largest_request(program, own.varied).size);
      fit.robson_bytes = found.peak_bytes[own.varied] *
                         (1 + std::bit_width(std::bit_ceil(largest / word_bytes)) - 1);
      fit.is_decided = true;
      return fit;
    }
    size +=
        std::max<std::size_t>(1, (found.least_growth + word_bytes - 1) / word_bytes) * word_bytes;
  }
}

}  // namespace mneme::driver
