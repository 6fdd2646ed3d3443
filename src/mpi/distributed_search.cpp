// purpose: expands, exchanges, numbers and collects the states of one layer after the other.
// layer: mpi; includes distributed_search.
// threads: as in the header.
// invariants: what is sent names a state by its fingerprint or by steps; snapshots, whose addresses
//   are those of one process, stay in the rank that made them.
#include "distributed_search.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "collected_layer.hpp"
#include "messages.hpp"
#include "numbering.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t states_a_round = 1024;
constexpr std::size_t values_a_round = std::size_t{1} << 14U;

class DistributedSearch {
 public:
  DistributedSearch(Ranks& ranks, World& world, const SearchLimits& limits)
      : ranks_{ranks}, world_{world}, limits_{limits} {}

  [[nodiscard]] SearchResult run(SearchResult from) {
    result_ = std::move(from);
    bool goes_on = spread();
    while (goes_on && end_ > first_) {
      if (limits_.on_layer && ranks_.is_first()) {
        ranks_.guard([&] { limits_.on_layer(result_, first_, end_); });
      }
      goes_on = expand() && number() && make() && collect() && balance();
    }
    result_.bound = ranks_.reason() == 0               ? Bound::none
                    : ranks_.reason() == Ranks::failed ? Bound::failure
                                                       : static_cast<Bound>(ranks_.reason());
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::size_t owner_of(const Fingerprint& fingerprint) const {
    return fingerprint.high % ranks_.size();
  }

  /// Takes the moves that put_path() made, one by one.
  [[nodiscard]] auto path_taker(HeldStates& states) {
    return [&, path = Path{}](Move move, std::size_t /*from*/) mutable {
      constexpr std::size_t head = 3;
      path.push_back(move);
      if (path.size() < head + depth_) return;
      const auto value = [&](std::size_t at) {
        return static_cast<std::uint32_t>(path[at].task << 8U | path[at].choice);
      };
      const std::span<const Move> steps = std::span(path).subspan(head);
      if (world_.can_copy()) replay(world_, {steps.begin(), steps.end()});
      hold(states, value(0) << 16U | value(1), static_cast<std::uint16_t>(value(2)), steps);
      path.clear();
    };
  }

  // Gives the ranks what the first one knows: the fingerprints of all states to their owners, and
  // the last layer to those that will expand it.
  [[nodiscard]] bool spread() {
    StateGraph& graph = result_.graph;
    if (ranks_.is_first() && graph.size() == 0) begin();
    std::array<std::uint64_t, 3> sizes{graph.size(), graph.expanded(), result_.depth};
    ranks_.broadcast(std::span<std::uint64_t>(sizes), 0);
    end_ = static_cast<StateNumber>(sizes[0]);
    first_ = static_cast<StateNumber>(sizes[1]);
    depth_ = sizes[2];
    StateNumber next = 0;
    const auto give_states = [&](std::vector<std::vector<NewState>>& outgoing) {
      if (!ranks_.is_first()) return false;
      for (std::size_t left = values_a_round; left > 0 && next < end_; --left, ++next) {
        const Fingerprint& fingerprint = graph[next].fingerprint;
        outgoing[owner_of(fingerprint)].push_back({.fingerprint = fingerprint, .number = next});
      }
      return next < end_;
    };
    const auto take_state = [&](const NewState& state, std::size_t /*from*/) {
      (void)known_.add(state.fingerprint);
      numbers_.push_back(state.number);
    };
    if (!ranks_.in_rounds<NewState>(give_states, take_state)) return false;
    next = first_;
    return ranks_.in_rounds<Move>(
        [&](std::vector<std::vector<Move>>& outgoing) {
          if (!ranks_.is_first()) return false;
          for (std::size_t left = states_a_round; left > 0 && next < end_; --left, ++next) {
            put_path(outgoing[next % ranks_.size()], next, graph[next].switches,
                     graph.path_to(next));
          }
          return next < end_;
        },
        path_taker(layer_));
  }

  void begin() {
    ranks_.guard([&] {
      world_.restart();
      (void)result_.graph.add(fingerprint_of(world_.identity()));
      StateGraph::State& first = result_.graph[0];
      first.has_waiting = world_.has_lasting_request();
      first.has_unfinished = world_.has_unfinished();
      first.blocking = world_.blocking_objects();
      world_.observe(observed_);
    });
  }

  /// Adds the state of the world.
  void hold(HeldStates& states, StateNumber number, std::uint16_t switches,
            std::span<const Move> path) const {
    states.numbers.push_back(number);
    states.switches.push_back(switches);
    states.paths.insert(states.paths.end(), path.begin(), path.end());
    if (!world_.can_copy()) return;
    const std::size_t at = states.snapshots.size();
    states.snapshots.resize(at + world_.snapshot_bytes());
    world_.save(states.snapshots.data() + at);
  }

  [[nodiscard]] std::span<const Move> path_of(std::size_t held) const {
    return std::span(layer_.paths).subspan(held * depth_, depth_);
  }

  void bring_to(std::size_t held) {
    if (world_.can_copy()) {
      world_.load(layer_.snapshots.data() + held * world_.snapshot_bytes());
    } else {
      const std::span<const Move> path = path_of(held);
      replay(world_, {path.begin(), path.end()});
    }
  }

  [[nodiscard]] bool expand() {
    std::size_t next = 0;
    return ranks_.in_rounds<Candidate>(
        [&](std::vector<std::vector<Candidate>>& outgoing) {
          check_bounds();
          for (std::size_t left = states_a_round; left > 0 && next < layer_.size(); --left) {
            take_steps(next++, outgoing);
          }
          return next < layer_.size();
        },
        [&](const Candidate& candidate, std::size_t from) { record(candidate, from); });
  }

  void check_bounds() {
    if (bytes() > limits_.memory_bytes) ranks_.stop(static_cast<std::uint64_t>(Bound::memory));
    if (limits_.interrupted != nullptr && *limits_.interrupted != 0) {
      ranks_.stop(static_cast<std::uint64_t>(Bound::interrupt));
    }
    if (limits_.on_progress && ranks_.is_first()) limits_.on_progress({end_, depth_, bytes()});
  }

  [[nodiscard]] std::size_t bytes() const {
    return result_.graph.bytes() + known_.bytes() + numbers_.capacity() * sizeof(StateNumber) +
           layer_.bytes() + next_.bytes() + fresh_.capacity() * sizeof(Fresh) +
           edges_.capacity() * sizeof(EdgeRecord) + records_.capacity() * sizeof(StateRecord) +
           collected_.bytes();
  }

  void take_steps(std::size_t held, std::vector<std::vector<Candidate>>& outgoing) {
    bring_to(held);
    (void)world_.identity();  // for the twins
    const StateNumber from = layer_.numbers[held];
    bool is_there = true;
    testing::NextSteps(world_).for_each([&](Move move, Transition edge) {
      if (!is_there) bring_to(held);
      is_there = false;
      const StepResult step = world_.step(move);
      const bool is_switch = from != 0 && path_of(held).back().task != move.task;
      const Fingerprint fingerprint = fingerprint_of(world_.identity());
      outgoing[owner_of(fingerprint)].push_back(
          {.fingerprint = fingerprint,
           .from = from,
           .held = static_cast<std::uint32_t>(held),
           .move = move,
           .switches = static_cast<std::uint16_t>(layer_.switches[held] + (is_switch ? 1 : 0)),
           .weight = edge.weight,
           .grants = step.lasting_grants > 0,
           .program = world_.program_of(move.task),
           .choices = edge.choices});
    });
  }

  void record(const Candidate& step, std::size_t holder) {
    const StateNumber local = known_.add(step.fingerprint);
    const std::uint64_t key = key_of(step.from, step.move);
    const Fresh fresh{.first = key,
                      .best = key,
                      .held = step.held,
                      .holder = static_cast<std::uint16_t>(holder),
                      .switches = step.switches};
    if (local == numbers_.size() + fresh_.size()) {
      fresh_.push_back(fresh);
    } else if (local >= numbers_.size()) {
      Fresh& known = fresh_[local - numbers_.size()];
      const std::uint64_t first = std::min(known.first, key);
      if (std::pair(step.switches, key) < std::pair(known.switches, known.best)) known = fresh;
      known.first = first;
    }
    edges_.push_back({.key = key,
                      .edge = {.to = local,
                               .weight = step.weight,
                               .grants = step.grants,
                               .program = step.program,
                               .choices = step.choices}});
  }

  // Numbers the new states of all ranks by their smallest keys.
  [[nodiscard]] bool number() {
    std::vector<std::uint64_t> keys;
    std::vector<StateNumber> order(fresh_.size());  // of the states by their keys
    ranks_.guard([&] {
      std::iota(order.begin(), order.end(), StateNumber{0});
      std::ranges::sort(order, {}, [&](StateNumber each) { return fresh_[each].first; });
      for (const StateNumber each : order) keys.push_back(fresh_[each].first);
      numbers_.resize(numbers_.size() + fresh_.size());
    });
    if (!ranks_.go_on()) return false;
    const Numbering all = number_keys(ranks_, keys);
    for (std::size_t at = 0; at < order.size(); ++at) {
      numbers_[numbers_.size() - fresh_.size() + order[at]] = end_ + all.places[at];
    }
    total_ = all.total;
    if (end_ + total_ > std::min<std::uint64_t>(limits_.states, ~StateNumber{0} - 64)) {
      ranks_.stop(static_cast<std::uint64_t>(Bound::states));
    }
    return ranks_.go_on();
  }

  // Has each new state made by the rank that has its predecessor.
  [[nodiscard]] bool make() {
    const std::size_t old = numbers_.size() - fresh_.size();
    std::size_t next = 0;
    return ranks_.in_rounds<NewState>(
        [&](std::vector<std::vector<NewState>>& outgoing) {
          if (bytes() > limits_.memory_bytes) {
            ranks_.stop(static_cast<std::uint64_t>(Bound::memory));
          }
          for (std::size_t left = states_a_round; left > 0 && next < fresh_.size(); --left) {
            const Fresh& fresh = fresh_[next];
            const auto local = static_cast<StateNumber>(old + next++);
            outgoing[fresh.holder].push_back({.fingerprint = known_[local].fingerprint,
                                              .number = numbers_[local],
                                              .held = fresh.held,
                                              .move = move_of(fresh.best),
                                              .switches = fresh.switches});
          }
          return next < fresh_.size();
        },
        [&](const NewState& state, std::size_t /*from*/) { make_one(state); });
  }

  void make_one(const NewState& state) {
    bring_to(state.held);
    (void)world_.step(state.move);
    const std::span<const Move> before = path_of(state.held);
    Path path(before.begin(), before.end());
    path.push_back(state.move);
    hold(next_, state.number, state.switches, path);
    world_.observe(observed_);
    records_.push_back({.fingerprint = state.fingerprint,
                        .blocking = world_.blocking_objects(),
                        .number = state.number,
                        .parent = layer_.numbers[state.held],
                        .move = state.move,
                        .switches = state.switches,
                        .has_unfinished = world_.has_unfinished(),
                        .has_waiting = world_.has_lasting_request()});
  }

  // Sends the layer to the first rank, which adds it to the graph in the order of one process.
  [[nodiscard]] bool collect() {
    ranks_.guard([&] {
      if (ranks_.is_first()) collected_.begin(end_, total_);
    });
    std::size_t next = 0;
    const auto send_states = [&](std::vector<std::vector<StateRecord>>& outgoing) {
      for (std::size_t left = values_a_round; left > 0 && next < records_.size(); --left) {
        outgoing[0].push_back(records_[next++]);
      }
      return next < records_.size();
    };
    if (!ranks_.in_rounds<StateRecord>(
            send_states, [&](const StateRecord& state, std::size_t) { collected_.add(state); })) {
      return false;
    }
    next = 0;
    const auto send_edges = [&](std::vector<std::vector<EdgeRecord>>& outgoing) {
      for (std::size_t left = values_a_round; left > 0 && next < edges_.size(); --left) {
        EdgeRecord edge = edges_[next++];
        edge.edge.to = numbers_[edge.edge.to];
        outgoing[0].push_back(edge);
      }
      return next < edges_.size();
    };
    if (!ranks_.in_rounds<EdgeRecord>(
            send_edges, [&](const EdgeRecord& edge, std::size_t) { collected_.add(edge); })) {
      return false;
    }
    if (ranks_.is_first()) ranks_.guard([&] { collected_.add_to(result_, first_); });
    add_observed();
    records_.clear();
    edges_.clear();
    fresh_.clear();
    return ranks_.go_on();
  }

  void add_observed() {
    Observed& all = observed_;
    all = {.least_growth = ranks_.min(all.least_growth),
           .high_water = ranks_.max(all.high_water),
           .peak_bytes = ranks_.max(all.peak_bytes),
           .any_placement = ranks_.max(all.any_placement),
           .waits = ranks_.max(all.waits ? 1 : 0) != 0};
    result_.observed.add(all);
    std::vector<std::uint64_t> seen = world_.seen();
    for (std::uint64_t& each : seen) each = ranks_.max(each);
    world_.add_seen(seen);
  }

  // Goes on to the next layer. A rank that would expand more of it than its share gives the rest to
  // those that would expand less, as steps.
  [[nodiscard]] bool balance() {
    first_ = end_;
    end_ += static_cast<StateNumber>(total_);
    if (total_ > 0) ++depth_;
    std::swap(layer_, next_);
    next_.numbers.clear();
    next_.switches.clear();
    next_.paths.clear();
    next_.snapshots.clear();
    std::vector<std::uint64_t> counts = ranks_.all(layer_.size());
    const std::uint64_t share = (total_ + ranks_.size() - 1) / ranks_.size();
    constexpr std::uint64_t tolerated = 32;  // of a share, one part
    std::vector<std::size_t> to;             // of those that this rank gives away
    std::size_t taker = 0;
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
      if (counts[rank] <= share + share / tolerated) continue;
      for (; counts[rank] > share; --counts[rank]) {
        while (counts[taker] >= share) ++taker;
        ++counts[taker];
        if (rank == ranks_.rank()) to.push_back(taker);
      }
    }
    std::size_t next = 0;
    return ranks_.in_rounds<Move>(
        [&](std::vector<std::vector<Move>>& outgoing) {
          for (std::size_t left = states_a_round; left > 0 && next < to.size(); --left, ++next) {
            const std::size_t held = layer_.size() - 1;
            put_path(outgoing[to[next]], layer_.numbers[held], layer_.switches[held],
                     path_of(held));
            layer_.numbers.pop_back();
            layer_.switches.pop_back();
            layer_.paths.resize(held * depth_);
            if (world_.can_copy()) layer_.snapshots.resize(held * world_.snapshot_bytes());
          }
          return next < to.size();
        },
        path_taker(layer_));
  }

  Ranks& ranks_;
  World& world_;
  const SearchLimits& limits_;
  SearchResult result_;               // of all, in the first rank
  StateNumber first_ = 0;             // of the layer
  StateNumber end_ = 0;               // of the layer, and the number of states before the next
  std::uint64_t total_ = 0;           // states of the next layer
  std::size_t depth_ = 0;             // of the layer
  StateGraph known_;                  // the states that this rank owns, without edges
  std::vector<StateNumber> numbers_;  // of these, but for the fresh ones
  std::vector<Fresh> fresh_;
  std::vector<EdgeRecord> edges_;  // to states of this rank, by their places in `known_`
  HeldStates layer_;
  HeldStates next_;
  std::vector<StateRecord> records_;  // of `next_`
  CollectedLayer collected_;          // of all ranks, in the first
  Observed observed_;
};

}  // namespace

SearchResult search_by_ranks(Ranks& ranks, World& world, const SearchLimits& limits,
                             SearchResult from) {
  return DistributedSearch{ranks, world, limits}.run(std::move(from));
}

}  // namespace mneme::driver
