// purpose: the verdict of a search: can the tasks deadlock, how soon, and how likely.
// layer: testing; includes search.
// threads: pure functions.
// invariants: the verdict of an incomplete search holds whatever the unexplored states are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "../settings.hpp"
#include "search.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

enum class VerdictKind : std::uint8_t {
  no_deadlock,
  deadlock,  // some request for memory can never be granted any more
  stuck,     // a task waits for a signal or a mailbox that no task will ever serve
  not_decided
};

/// Statistics over all schedules of a script that terminates.
struct Shares {
  double schedules = 0;
  double bad = 0;
  double chance = 0;  // of a bad end, if each task that can run is equally likely to be next
};

struct Verdict {
  VerdictKind kind = VerdictKind::not_decided;
  Path schedule;  // deadlock, stuck: a shortest one
  /// The number of steps of the schedule after which no continuation ends well; 0: none does from
  /// the beginning. A run ends well if all tasks end, or some task of each kind can run forever.
  std::optional<std::size_t> no_return;
  std::optional<Shares> shares;
  bool is_shortest = true;     // false: only the shortest found so far
  std::size_t bad_states = 0;  // from which no continuation ends well
};

/// The strongly connected components of the graph (Tarjan), in reverse topological order: each has
/// a higher number than all that it leads to.
class GraphComponents {
 public:
  explicit GraphComponents(const StateGraph& graph)
      : graph_{graph}, of_(graph.size(), none), low_(graph.size(), 0), index_(graph.size(), 0) {
    for (StateNumber state = 0; state < graph.size(); ++state) {
      if (index_[state] == 0) visit(state);
    }
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::uint32_t of(StateNumber state) const { return of_[state]; }

 private:
  struct Frame {
    StateNumber state;
    std::size_t edge;
  };

  void begin(StateNumber state) {
    index_[state] = low_[state] = ++next_index_;
    open_.push_back(state);
    frames_.push_back({state, 0});
  }

  void visit(StateNumber root) {
    begin(root);
    while (!frames_.empty()) {
      const StateNumber state = frames_.back().state;
      const auto edges = graph_.edges_of(state);
      if (frames_.back().edge < edges.size()) {
        const StateNumber to = edges[frames_.back().edge++].to;
        if (index_[to] == 0) {
          begin(to);
        } else if (of_[to] == none) {
          low_[state] = std::min(low_[state], index_[to]);
        }
        continue;
      }
      frames_.pop_back();
      if (!frames_.empty()) {
        StateNumber& low = low_[frames_.back().state];
        low = std::min(low, low_[state]);
      }
      if (low_[state] == index_[state]) close(state);
    }
  }

  void close(StateNumber state) {
    StateNumber last = 0;
    do {
      last = open_.back();
      open_.pop_back();
      of_[last] = count_;
    } while (last != state);
    ++count_;
  }

  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  const StateGraph& graph_;
  std::vector<std::uint32_t> of_;
  std::vector<StateNumber> low_;
  std::vector<StateNumber> index_;  // from 1; 0: not visited
  std::vector<StateNumber> open_;
  std::vector<Frame> frames_;
  StateNumber next_index_ = 0;
  std::uint32_t count_ = 0;
};

/// The properties of a component.
struct ComponentEnd {
  bool is_last = true;   // it leads to no other component
  bool goes_on = false;  // it has a cycle
  bool waits = false;    // requests wait, in all of its states, as the queue is FIFO
  bool grants = false;   // inside of it
  bool has_unfinished = false;
  std::uint64_t moves = 0;  // a bit for each program whose tasks take steps inside of it
  std::uint64_t blocking = ~std::uint64_t{0};
  bool can_be_good = false;
};

class Judge {
 public:
  Judge(const SearchResult& result, std::uint64_t endless)
      : graph_{result.graph}, components_{graph_}, ends_(components_.count()), endless_{endless} {
    for (StateNumber state = 0; state < graph_.size(); ++state) look_at(state);
    for (ComponentEnd& end : ends_) {
      const bool goes_on = end.goes_on && !end.has_unfinished && (end.moves & endless_) == endless_;
      end.can_be_good = (goes_on || end.is_last) && (!end.waits || end.grants) && end.blocking == 0;
    }
    // Successors first, as a component has a higher number than all that it leads to.
    std::vector<StateNumber> order(graph_.size());
    for (StateNumber state = 0; state < graph_.size(); ++state) order[state] = state;
    std::ranges::sort(order, {}, [&](StateNumber state) { return components_.of(state); });
    for (const StateNumber state : order) {
      for (const Transition& edge : graph_.edges_of(state)) {
        end(state).can_be_good = end(state).can_be_good || end(edge.to).can_be_good;
      }
    }
  }

  [[nodiscard]] Verdict judge() {
    Verdict verdict;
    verdict.kind = VerdictKind::no_deadlock;
    if (!look_for(VerdictKind::deadlock, verdict)) (void)look_for(VerdictKind::stuck, verdict);
    return verdict;
  }

 private:
  [[nodiscard]] ComponentEnd& end(StateNumber state) { return ends_[components_.of(state)]; }

  void look_at(StateNumber state) {
    ComponentEnd& own = end(state);
    own.waits = own.waits || graph_[state].has_waiting;
    own.has_unfinished = own.has_unfinished || graph_[state].has_unfinished;
    own.blocking &= graph_[state].blocking;
    for (const Transition& edge : graph_.edges_of(state)) {
      if (components_.of(edge.to) != components_.of(state)) {
        own.is_last = false;
      } else {
        own.goes_on = goes_round_ = true;
        own.moves |= std::uint64_t{1} << edge.program;
        own.grants = own.grants || edge.grants;
      }
    }
  }

  /// Everything that can happen in a last component can happen again and again. So if any request
  /// in it is granted, the head of the queue is, and eventually all are.
  [[nodiscard]] bool is_bad(StateNumber state, VerdictKind kind) {
    const ComponentEnd& own = end(state);
    if (!own.is_last) return false;
    const bool is_deadlock = own.waits && !own.grants;
    if (kind == VerdictKind::deadlock) return is_deadlock;
    return !is_deadlock && own.blocking != 0;
  }

  bool look_for(VerdictKind kind, Verdict& verdict) {
    std::optional<StateNumber> first;
    for (StateNumber state = 0; state < graph_.size(); ++state) {
      if (!is_bad(state, kind)) continue;
      if (!first) first = state;
      ++verdict.bad_states;
    }
    if (!first) return false;
    verdict.kind = kind;
    verdict.schedule = graph_.path_to(*first);
    const std::vector<StateNumber> states = graph_.states_to(*first);
    const auto lost =
        std::ranges::find_if(states, [&](StateNumber state) { return !end(state).can_be_good; });
    verdict.no_return = static_cast<std::size_t>(lost - states.begin());
    if (!goes_round_) {
      verdict.shares = shares([&](StateNumber state) { return is_bad(state, kind); });
    }
    return true;
  }

  [[nodiscard]] static double likelihood(const Transition& edge) {
    return static_cast<double>(edge.weight) / edge.choices;
  }

  /// Counts in a graph without cycles: each state is a component, and comes before those that it
  /// leads to. The paths to a state may have different lengths.
  template <class IsBad>
  [[nodiscard]] Shares shares(IsBad is_bad) const {
    std::vector<double> ways(graph_.size());
    std::vector<double> chance(graph_.size());
    ways[0] = chance[0] = 1;
    std::vector<StateNumber> order(graph_.size());
    for (StateNumber state = 0; state < graph_.size(); ++state) {
      order[graph_.size() - 1 - components_.of(state)] = state;
    }
    Shares sum;
    for (const StateNumber state : order) {
      double able = 0;
      for (const Transition& edge : graph_.edges_of(state)) able += likelihood(edge);
      for (const Transition& edge : graph_.edges_of(state)) {
        ways[edge.to] += ways[state] * edge.weight;
        chance[edge.to] += chance[state] * likelihood(edge) / able;
      }
      if (able > 0) continue;
      sum.schedules += ways[state];
      if (!is_bad(state)) continue;
      sum.bad += ways[state];
      sum.chance += chance[state];
    }
    return sum;
  }

  const StateGraph& graph_;
  GraphComponents components_;
  std::vector<ComponentEnd> ends_;
  std::uint64_t endless_;    // a bit for each program that runs forever
  bool goes_round_ = false;  // the graph has a cycle
};

/// The verdict of an incomplete search, by the states in which no task can run.
[[nodiscard]] inline Verdict judge_incomplete(const SearchResult& result) {
  const StateGraph& graph = result.graph;
  for (StateNumber state = 0; state < graph.expanded(); ++state) {
    if (!graph.edges_of(state).empty() || !graph[state].has_waiting) continue;
    return {.kind = VerdictKind::deadlock,
            .schedule = graph.path_to(state),
            .no_return = {},
            .shares = {},
            .bad_states = 1};
  }
  return {};
}

/// `endless`: the programs, a bit each, whose tasks go on for ever.
[[nodiscard]] inline Verdict judge(const SearchResult& result, std::uint64_t endless) {
  return result.is_complete() ? Judge{result, endless}.judge() : judge_incomplete(result);
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
