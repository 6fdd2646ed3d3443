// purpose: the states of a search, each once, and the steps between them.
// layer: testing; includes move.
// threads: one owner.
// invariants: states are numbered from 0 in the order of their discovery, breadth first.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "../settings.hpp"
#include "move.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

using StateNumber = std::uint32_t;

/// A 128-bit hash of a state's identity: among 10^9 states, two collide once in 10^20 searches.
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const Fingerprint&) const = default;
};

/// Each step is a permutation of the pair; the finish mixes all bits (after MurmurHash3's).
class FingerprintMixer {
 public:
  void add(std::uint64_t word) {
    low_ = std::rotl(low_ ^ (word * 0x87c37b91114253d5U), 27) * 5 + high_;
    high_ = std::rotl(high_ ^ (word * 0x4cf5ad432745937fU), 31) * 5 + low_;
  }
  [[nodiscard]] Fingerprint finish() const {
    return {finished(low_ + high_), finished(high_ ^ std::rotl(low_, 17))};
  }

 private:
  [[nodiscard]] static std::uint64_t finished(std::uint64_t word) {
    word ^= word >> 33U;
    word *= 0xff51afd7ed558ccdU;
    word ^= word >> 33U;
    word *= 0xc4ceb9fe1a85ec53U;
    return word ^ (word >> 33U);
  }

  std::uint64_t low_ = 0x9e3779b97f4a7c15U;
  std::uint64_t high_ = 0xc2b2ae3d27d4eb4fU;
};

[[nodiscard]] inline Fingerprint fingerprint_of(std::span<const std::byte> identity) {
  FingerprintMixer mixer;
  mixer.add(identity.size());
  std::uint64_t word = 0;
  for (; identity.size() >= sizeof word; identity = identity.subspan(sizeof word)) {
    std::memcpy(&word, identity.data(), sizeof word);
    mixer.add(word);
  }
  word = 0;
  if (!identity.empty()) std::memcpy(&word, identity.data(), identity.size());
  mixer.add(word);
  return mixer.finish();
}

struct Transition {
  StateNumber to = 0;
  std::uint8_t weight = 1;  // the number of identical tasks that could take this step
  bool grants : 1 = false;  // a waiting request that cannot time out
  /// The same step as an earlier one of the same task from this state, with another outcome.
  bool is_other_outcome : 1 = false;
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

inline StateGraph::StateGraph() : table_(1024, empty) {}

inline StateNumber StateGraph::add(const Fingerprint& fingerprint) {
  std::size_t place = place_of(fingerprint);
  if (table_[place] != empty) return table_[place];
  if (3 * states_.size() >= 2 * table_.size()) {
    grow();
    place = place_of(fingerprint);
  }
  table_[place] = static_cast<StateNumber>(states_.size());
  states_.push_back({.fingerprint = fingerprint});
  return table_[place];
}

inline std::size_t StateGraph::place_of(const Fingerprint& fingerprint) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t place = fingerprint.low & mask;
  while (table_[place] != empty && states_[table_[place]].fingerprint != fingerprint) {
    place = (place + 1) & mask;
  }
  return place;
}

inline void StateGraph::grow() {
  table_.assign(2 * table_.size(), empty);
  for (StateNumber state = 0; state < states_.size(); ++state) {
    table_[place_of(states_[state].fingerprint)] = state;
  }
}

inline std::span<const Transition> StateGraph::edges_of(StateNumber state) const {
  if (state >= expanded_) return {};
  const auto first = static_cast<std::size_t>(states_[state].first_edge);
  const bool is_last = state + std::size_t{1} >= expanded_;
  const auto last =
      is_last ? edges_.size() : static_cast<std::size_t>(states_[state + 1].first_edge);
  return std::span(edges_).subspan(first, last - first);
}

inline Path StateGraph::path_to(StateNumber state) const {
  Path path;
  for (; state != 0; state = states_[state].parent) path.push_back(states_[state].move);
  std::ranges::reverse(path);
  return path;
}

inline std::vector<StateNumber> StateGraph::states_to(StateNumber state) const {
  std::vector<StateNumber> states{state};
  for (; state != 0; states.push_back(state)) state = states_[state].parent;
  std::ranges::reverse(states);
  return states;
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
