// purpose: the table of states, and their fingerprints.
// layer: explore; includes state_graph.
// threads: one owner.
// invariants: the table is at most two thirds full.
#include "state_graph.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mneme::driver {

namespace {

/// Each step is a permutation of the pair; the finish mixes all bits (after MurmurHash3's).
class Mixer {
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

}  // namespace

Fingerprint fingerprint_of(std::span<const std::byte> identity) {
  Mixer mixer;
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

StateGraph::StateGraph() : table_(1024, empty) {}

StateNumber StateGraph::add(const Fingerprint& fingerprint) {
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

std::size_t StateGraph::place_of(const Fingerprint& fingerprint) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t place = fingerprint.low & mask;
  while (table_[place] != empty && states_[table_[place]].fingerprint != fingerprint) {
    place = (place + 1) & mask;
  }
  return place;
}

void StateGraph::grow() {
  table_.assign(2 * table_.size(), empty);
  for (StateNumber state = 0; state < states_.size(); ++state) {
    table_[place_of(states_[state].fingerprint)] = state;
  }
}

std::span<const Transition> StateGraph::edges_of(StateNumber state) const {
  if (state >= expanded_) return {};
  const std::uint64_t first = states_[state].first_edge;
  const std::uint64_t last =
      state + std::size_t{1} < expanded_ ? states_[state + 1].first_edge : edges_.size();
  return std::span(edges_).subspan(first, last - first);
}

Path StateGraph::path_to(StateNumber state) const {
  Path path;
  for (; state != 0; state = states_[state].parent) path.push_back(states_[state].move);
  std::ranges::reverse(path);
  return path;
}

std::vector<StateNumber> StateGraph::states_to(StateNumber state) const {
  std::vector<StateNumber> states{state};
  for (; state != 0; states.push_back(state)) state = states_[state].parent;
  std::ranges::reverse(states);
  return states;
}

}  // namespace mneme::driver
