// purpose: the breadth-first search.
// layer: explore; includes search.
// threads: one owner.
// invariants: snapshots are kept only for the layer being expanded and for the next.
#include "search.hpp"

#include <algorithm>

namespace mneme::driver {

namespace {

/// The snapshots of the states of one layer, in their order.
struct Layer {
  StateNumber first = 0;
  StateNumber end = 0;
  std::vector<std::byte> snapshots;
};

class Searcher {
 public:
  Searcher(World& world, const SearchLimits& limits) : world_{world}, limits_{limits} {}

  [[nodiscard]] SearchResult run() {
    world_.restart();
    (void)graph().add(fingerprint_of(world_.identity()));
    begin_state(0);
    next_ = {.first = 0, .end = 1, .snapshots = {}};
    store(0);
    while (next_.end > next_.first && result_.bound == Bound::none) {
      std::swap(layer_, next_);
      next_.first = layer_.end;
      next_.end = layer_.end;
      next_.snapshots.clear();
      for (StateNumber state = layer_.first; state < layer_.end; ++state) {
        if (is_out_of_bounds(state)) break;
        expand(state);
        if (result_.bound != Bound::none) break;
      }
      if (next_.end > next_.first) ++result_.depth;
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] StateGraph& graph() { return result_.graph; }

  [[nodiscard]] std::size_t bytes() const {
    return result_.graph.bytes() + layer_.snapshots.capacity() + next_.snapshots.capacity();
  }

  [[nodiscard]] bool is_out_of_bounds(StateNumber state) {
    constexpr StateNumber between_looks = 256;
    if (graph().size() >= std::min<std::uint64_t>(limits_.states, ~StateNumber{0} - 64)) {
      result_.bound = Bound::states;
    } else if (state % between_looks == 0) {
      result_.bytes_max = std::max(result_.bytes_max, bytes());
      if (bytes() > limits_.memory_bytes) result_.bound = Bound::memory;
      if (limits_.interrupted != nullptr && *limits_.interrupted != 0) {
        result_.bound = Bound::interrupt;
      }
      if (limits_.on_progress) limits_.on_progress({graph().size(), result_.depth, bytes()});
    }
    return result_.bound != Bound::none;
  }

  void bring_to(StateNumber state) {
    if (!world_.can_copy()) return replay(world_, graph().path_to(state));
    world_.load(layer_.snapshots.data() + (state - layer_.first) * world_.snapshot_bytes());
  }

  /// Saves the world as a state of the next layer.
  void store(StateNumber state) {
    if (!world_.can_copy()) return;
    const std::size_t at = (state - next_.first) * world_.snapshot_bytes();
    if (next_.snapshots.size() < at + world_.snapshot_bytes()) {
      next_.snapshots.resize(at + world_.snapshot_bytes());
    }
    world_.save(next_.snapshots.data() + at);
  }

  /// Records a new state, which is that of the world.
  void begin_state(StateNumber state) {
    graph()[state].has_waiting = world_.has_lasting_request();
    graph()[state].has_unfinished = world_.has_unfinished();
    graph()[state].blocking = world_.blocking_objects();
    observe();
  }

  void observe() {
    Observed& seen = result_.observed;
    const Stats stats = world_.heap().counters();
    const std::size_t used = stats.capacity_bytes - world_.heap().raw().free_bytes();
    seen.peak_bytes = std::max(seen.peak_bytes, used);
    seen.least_growth = std::min(seen.least_growth, world_.least_growth());
    seen.waits = seen.waits || !world_.queue().empty();
    // Of the region as it was at first: what was added is there on any size.
    const auto at_first = [grown = world_.grown_bytes()](std::size_t bytes) {
      return bytes - std::min(bytes, grown);
    };
    seen.high_water = std::max(seen.high_water, at_first(stats.capacity_bytes - free_at_end()));
    for (std::size_t task = 0; task < world_.tasks().size(); ++task) {
      const ProgramStep* const step = world_.current_step(task);
      if (step == nullptr || step->kind != OpKind::alloc) continue;
      // Any hole of `needed` bytes will do, and n blocks leave at most n + 1 holes.
      const std::size_t needed = World::block_bytes(step->size_bytes) +
                                 std::max(step->align_bytes, word_bytes) - word_bytes;
      seen.any_placement =
          std::max(seen.any_placement,
                   at_first(used + (stats.live + 1) * (needed - word_bytes) + word_bytes));
    }
  }

  [[nodiscard]] std::size_t free_at_end() const {
    std::size_t free = 0;
    const std::size_t capacity = world_.heap().capacity_bytes();
    world_.heap().raw().for_each_hole([&](std::size_t at, std::size_t size) {
      if (at + size == capacity) free = size;
    });
    return free;
  }

  void expand(StateNumber state) {
    bring_to(state);
    (void)world_.identity();  // for the twins
    std::array<std::uint8_t, tasks_max> weights{};
    bool is_end = true;
    for (std::size_t task = 0; task < world_.tasks().size(); ++task) {
      if (!world_.can_step(task)) continue;
      is_end = false;
      ++weights[world_.twin_of(task)];
    }
    graph().begin_edges(state);
    if (is_end && limits_.stops_at_deadlock && graph()[state].has_waiting) {
      result_.bound = Bound::deadlock;
    }
    bool is_there = true;
    for (std::size_t task = 0; task < world_.tasks().size(); ++task) {
      if (weights[task] == 0) continue;
      const std::size_t choices = world_.choices(task);
      for (std::size_t choice = 0; choice < choices; ++choice) {
        if (!is_there) bring_to(state);
        is_there = false;
        take_step(state, {static_cast<std::uint8_t>(task), static_cast<std::uint8_t>(choice)},
                  {.weight = weights[task], .choices = static_cast<std::uint8_t>(choices)});
      }
    }
  }

  void take_step(StateNumber from, Move move, Transition edge) {
    const std::size_t task = move.task;
    const StepResult step = world_.step(move);
    ++result_.transitions;
    const std::size_t known = graph().size();
    const StateNumber to = graph().add(fingerprint_of(world_.identity()));
    edge.to = to;
    edge.grants = step.lasting_grants > 0;
    edge.program = world_.tasks()[task].program_index;
    graph().add_edge(edge);
    const StateGraph::State& before = graph()[from];
    const auto switches = static_cast<std::uint16_t>(
        before.switches + (from != 0 && before.move.task != task ? 1 : 0));
    const bool is_new = to == known;
    if (is_new) {
      next_.end = to + 1;
      begin_state(to);
    }
    // Among the shortest paths, prefer one with few switches.
    if (is_new || (to >= next_.first && switches < graph()[to].switches)) {
      graph()[to].parent = from;
      graph()[to].move = move;
      graph()[to].switches = switches;
      store(to);
    }
  }

  World& world_;
  const SearchLimits& limits_;
  SearchResult result_;
  Layer layer_;
  Layer next_;
};

}  // namespace

SearchResult search(World& world, const SearchLimits& limits) {
  return Searcher{world, limits}.run();
}

void replay(World& world, const Path& path) {
  world.restart();
  for (const Move move : path) (void)world.step(move);
}

}  // namespace mneme::driver
