// purpose: the states of a search, each once, and the steps between them.
// layer: explore; includes move.
// threads: one owner.
// invariants: states are numbered from 0 in the order of their discovery, breadth first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "move.hpp"

namespace mneme::driver {

using StateNumber = std::uint32_t;

/// A 128-bit hash of a state's identity: among 10^9 states, two collide once in 10^20 searches.
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const Fingerprint&) const = default;
};

[[nodiscard]] Fingerprint fingerprint_of(std::span<const std::byte> identity);

struct Transition {
  StateNumber to = 0;
  std::uint8_t weight = 1;   // the number of identical tasks that could take this step
  bool grants = false;       // a waiting request that cannot time out
  std::uint8_t program = 0;  // of the task that takes the step
  std::uint8_t choices = 1;  // the number of choices that the task has
};

class StateGraph {
 public:
  struct State {
    Fingerprint fingerprint;
    StateNumber parent = 0;
    std::uint16_t switches = 0;
    Move move{};                  // from the parent to this state
    bool has_unfinished = false;  // some task that should end has not ended
    bool has_waiting = false;     // some request that cannot time out is waiting
    std::uint64_t blocking = 0;   // World::blocking_objects()
    std::uint64_t first_edge = 0;
  };

  StateGraph();

  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] State& operator[](StateNumber state) { return states_[state]; }
  [[nodiscard]] const State& operator[](StateNumber state) const { return states_[state]; }

  /// Returns the number of a state, which is the previous size() if the state is new.
  StateNumber add(const Fingerprint& fingerprint);

  void add_edge(Transition edge) { edges_.push_back(edge); }
  /// The transitions of a state; none if it is not expanded yet.
  [[nodiscard]] std::span<const Transition> edges_of(StateNumber state) const;
  [[nodiscard]] std::size_t edge_count() const { return edges_.size(); }
  /// The number of expanded states, which are the first ones.
  [[nodiscard]] std::size_t expanded() const { return expanded_; }
  void begin_edges(StateNumber state) {
    states_[state].first_edge = edges_.size();
    expanded_ = state + std::size_t{1};
  }

  /// The steps from state 0 to a state.
  [[nodiscard]] Path path_to(StateNumber state) const;
  /// The states on that path, starting with 0.
  [[nodiscard]] std::vector<StateNumber> states_to(StateNumber state) const;

  [[nodiscard]] std::size_t bytes() const {
    return states_.capacity() * sizeof(State) + edges_.capacity() * sizeof(Transition) +
           table_.capacity() * sizeof(StateNumber);
  }

 private:
  void grow();
  [[nodiscard]] std::size_t place_of(const Fingerprint& fingerprint) const;

  static constexpr StateNumber empty = ~StateNumber{0};

  std::vector<State> states_;
  std::vector<Transition> edges_;
  std::vector<StateNumber> table_;  // open addressing
  std::size_t expanded_ = 0;
};

}  // namespace mneme::driver
