// purpose: all orders of the tasks' steps, breadth first, every distinct state once.
// layer: testing; includes state_graph.
// threads: one owner; `interrupted` may be set by a signal handler.
// invariants: the path to a state is a shortest one, and replaying it on the world leads there.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "../settings.hpp"
#include "next_steps.hpp"
#include "state_graph.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

struct SearchProgress {
  std::size_t states = 0;
  std::size_t depth = 0;
  std::size_t bytes = 0;
};

struct SearchResult;

struct SearchLimits {
  std::uint64_t memory_bytes = std::uint64_t{2} << 30U;
  std::uint64_t states = ~std::uint64_t{0};
  /// End the search at the first state in which requests wait and no task can take a step.
  bool stops_at_deadlock = false;
  const volatile std::sig_atomic_t* interrupted = nullptr;
  std::function<void(const SearchProgress&)> on_progress = {};  // called now and then
  /// Called before each layer: all states before `end` are complete, those before `first` expanded.
  std::function<void(const SearchResult&, StateNumber first, StateNumber end)> on_layer = {};
};

/// What ended a search before all was explored. `failure`: a step that failed.
enum class Bound : std::uint8_t { none, memory, states, interrupt, deadlock, failure };

/// Means that no growth of the heap, however large, would change anything.
inline constexpr std::size_t no_growth = std::numeric_limits<std::size_t>::max();

/// Extremes over all states.
struct Observed {
  std::size_t least_growth = no_growth;  // by how much a decision is missed
  std::size_t high_water = 0;            // the end of the highest block
  std::size_t peak_bytes = 0;            // in blocks
  /// A heap of this size has a hole for each request at once, wherever its blocks are.
  std::size_t any_placement = 0;
  bool waits = false;  // some request waited

  void add(const Observed& more) {
    least_growth = std::min(least_growth, more.least_growth);
    high_water = std::max(high_water, more.high_water);
    peak_bytes = std::max(peak_bytes, more.peak_bytes);
    any_placement = std::max(any_placement, more.any_placement);
    waits = waits || more.waits;
  }
};

struct SearchResult {
  StateGraph graph;
  Observed observed;
  Bound bound = Bound::none;  // the limit that ended the search early
  /// The state whose step failed, and that step; no step if the state itself is wrong.
  StateNumber failed_state = 0;
  std::optional<Move> failed_move{};
  std::size_t depth = 0;  // steps of the longest path that was taken
  std::size_t transitions = 0;
  std::size_t bytes_max = 0;

  [[nodiscard]] bool is_complete() const { return bound == Bound::none; }
};

/// Restarts a world, and carries out these steps.
template <class World>
void replay(World& world, const Path& path) {
  world.restart();
  for (const Move move : path) (void)world.step(move);
}

/// The snapshots of the states of one layer, in their order.
struct SnapshotLayer {
  StateNumber first = 0;
  StateNumber end = 0;
  std::vector<std::byte> snapshots;
};

/// Searches all states of a world. A world takes steps: `can_step(task)`, `choices(task)` and
/// `step(move)`, whose result has `lasting_grants`; `identity()` are bytes that are equal for equal
/// states, and `twin_of(task)` a task before it in the same state, after which `task_count()`,
/// `program_of(task)`, `has_lasting_request()`, `has_unfinished()`, `blocking_objects()` and
/// `observe(observed)` tell of the state. It begins anew by `restart()`. If `can_copy()`, states
/// are kept by `save` and `load`; else they are made again by their steps.
///
/// A world may have `on_restored(graph, state, is_same)` and `on_merged(graph, from, move, to)`, to
/// look at states that were made again or reached once more, and `has_failed()` and
/// `end_is_wrong()`, which end the search.
template <class World>
class Searcher {
 public:
  Searcher(World& world, const SearchLimits& limits) : world_{world}, limits_{limits} {}

  /// From the beginning, or from a result that a search had before a layer.
  [[nodiscard]] SearchResult run(SearchResult from = {}) {
    return run(std::move(from), [&] {
      for (StateNumber state = layer_.first; state < layer_.end; ++state) {
        if (is_out_of_bounds(state)) break;
        expand(state);
        if (result_.bound != Bound::none) break;
      }
    });
  }

 protected:
  /// `expand_layer` expands the states of `layer_`, in their order.
  template <class F>
  [[nodiscard]] SearchResult run(SearchResult from, F expand_layer) {
    result_ = std::move(from);
    graph().size() == 0 ? begin() : go_on();
    while (next_.end > next_.first && result_.bound == Bound::none) {
      if (limits_.on_layer) limits_.on_layer(result_, next_.first, next_.end);
      std::swap(layer_, next_);
      next_.first = layer_.end;
      next_.end = layer_.end;
      next_.snapshots.clear();
      expand_layer();
      if (next_.end > next_.first) ++result_.depth;
    }
    return std::move(result_);
  }

  [[nodiscard]] StateGraph& graph() { return result_.graph; }

  void begin() {
    world_.restart();
    (void)graph().add(fingerprint_of(world_.identity()));
    begin_state(0);
    next_ = {.first = 0, .end = 1, .snapshots = {}};
    store(0);
  }

  /// Makes the states of the last layer again.
  void go_on() {
    next_ = {.first = static_cast<StateNumber>(graph().expanded()),
             .end = static_cast<StateNumber>(graph().size()),
             .snapshots = {}};
    layer_.end = layer_.first = next_.first;
    for (StateNumber state = next_.first; state < next_.end && world_.can_copy(); ++state) {
      if (is_out_of_bounds(state)) return;
      replay(world_, graph().path_to(state));
      store(state);
    }
  }

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
    if (world_.can_copy()) world_.save(place_for(state));
  }
  [[nodiscard]] std::byte* place_for(StateNumber state) {
    const std::size_t at = (state - next_.first) * world_.snapshot_bytes();
    if (next_.snapshots.size() < at + world_.snapshot_bytes()) {
      next_.snapshots.resize(at + world_.snapshot_bytes());
    }
    return next_.snapshots.data() + at;
  }

  /// Records a new state, which is that of the world.
  void begin_state(StateNumber state) {
    graph()[state].has_waiting = world_.has_lasting_request();
    graph()[state].has_unfinished = world_.has_unfinished();
    graph()[state].blocking = world_.blocking_objects();
    world_.observe(result_.observed);
  }

  void expand(StateNumber state) {
    bring_to(state);
    const std::span<const std::byte> identity = world_.identity();  // and the twins
    if constexpr (requires { world_.on_restored(graph(), state, true); }) {
      world_.on_restored(graph(), state, fingerprint_of(identity) == graph()[state].fingerprint);
    }
    const NextSteps steps(world_);
    graph().begin_edges(state);
    if (steps.is_end() && limits_.stops_at_deadlock && graph()[state].has_waiting) {
      result_.bound = Bound::deadlock;
    }
    if constexpr (requires { world_.end_is_wrong(); }) {
      if (steps.is_end() && world_.end_is_wrong()) fail(state, {});
    }
    bool is_there = true;
    steps.for_each([&](Move move, Transition edge) {
      if (result_.bound == Bound::failure) return;
      if (!is_there) bring_to(state);
      is_there = false;
      take_step(state, move, edge);
    });
  }

  void take_step(StateNumber from, Move move, Transition edge) {
    const std::size_t task = move.task;
    const auto step = world_.step(move);
    if constexpr (requires { world_.has_failed(); }) {
      if (world_.has_failed()) {
        ++result_.transitions;
        return fail(from, move);
      }
    }
    const std::size_t known = graph().size();
    edge.grants = step.lasting_grants > 0;
    if constexpr (requires { step.is_other_outcome; }) {
      edge.is_other_outcome = step.is_other_outcome;
    }
    edge.program = world_.program_of(task);
    const StateNumber to = record(
        from, move, edge, fingerprint_of(world_.identity()),
        [&](StateNumber state) { begin_state(state); }, [&](StateNumber state) { store(state); });
    if constexpr (requires { world_.on_merged(graph(), from, move, to); }) {
      if (to != known) world_.on_merged(graph(), from, move, to);
    }
  }

  /// Records a step, and returns the state that it leads to. Calls `begin` if the state is new, and
  /// `keep` if its path leads over this step from now on.
  template <class Begin, class Keep>
  StateNumber record(StateNumber from, Move move, Transition edge, const Fingerprint& fingerprint,
                     Begin begin, Keep keep) {
    ++result_.transitions;
    const std::size_t known = graph().size();
    const StateNumber to = edge.to = graph().add(fingerprint);
    graph().add_edge(edge);
    const StateGraph::State& before = graph()[from];
    const auto switches = static_cast<std::uint16_t>(
        before.switches + (from != 0 && before.move.task != move.task ? 1 : 0));
    const bool is_new = to == known;
    if (is_new) {
      next_.end = to + 1;
      begin(to);
    }
    // Among the shortest paths, prefer one with few switches.
    if (is_new || (to >= next_.first && switches < graph()[to].switches)) {
      graph()[to].parent = from;
      graph()[to].move = move;
      graph()[to].switches = switches;
      keep(to);
    }
    return to;
  }

  void fail(StateNumber state, std::optional<Move> move) {
    result_.bound = Bound::failure;
    result_.failed_state = state;
    result_.failed_move = move;
  }

  World& world_;
  const SearchLimits& limits_;
  SearchResult result_;
  SnapshotLayer layer_;
  SnapshotLayer next_;
};

template <class World>
[[nodiscard]] SearchResult search(World& world, const SearchLimits& limits,
                                  SearchResult from = {}) {
  return Searcher<World>{world, limits}.run(std::move(from));
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
