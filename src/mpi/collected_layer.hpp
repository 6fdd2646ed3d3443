// purpose: a layer as the first rank gets it, to be added to the graph in the order of one process.
// layer: mpi; includes messages.
// threads: one owner.
// invariants: none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "messages.hpp"

namespace mneme::driver {

/// The new states that a layer leads to, and the transitions from it.
class CollectedLayer {
 public:
  /// For new states with the numbers from `first` on.
  void begin(StateNumber first, std::size_t states) {
    first_ = first;
    states_.assign(states, {});
    edges_.clear();
  }
  void add(const StateRecord& state) { states_[state.number - first_] = state; }
  void add(const EdgeRecord& edge) { edges_.push_back(edge); }

  [[nodiscard]] std::size_t bytes() const {
    return states_.capacity() * sizeof(StateRecord) + edges_.capacity() * sizeof(EdgeRecord);
  }

  /// The states of the layer have the numbers from `from` on.
  void add_to(SearchResult& result, StateNumber from) {
    StateGraph& graph = result.graph;
    for (const StateRecord& each : states_) {
      StateGraph::State& state = graph[graph.add(each.fingerprint)];
      state.parent = each.parent;
      state.switches = each.switches;
      state.move = each.move;
      state.has_unfinished = each.has_unfinished;
      state.has_waiting = each.has_waiting;
      state.blocking = each.blocking;
    }
    std::ranges::sort(edges_, {}, &EdgeRecord::key);
    auto next = edges_.begin();
    for (StateNumber state = from; state < first_; ++state) {
      graph.begin_edges(state);
      for (; next != edges_.end() && from_of(next->key) == state; ++next) {
        graph.add_edge(next->edge);
      }
    }
    result.transitions += edges_.size();
    if (!states_.empty()) ++result.depth;
  }

 private:
  StateNumber first_ = 0;
  std::vector<StateRecord> states_;
  std::vector<EdgeRecord> edges_;
};

}  // namespace mneme::driver
