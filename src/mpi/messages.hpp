// purpose: what ranks send to each other, and what they keep of a layer.
// layer: mpi; includes explore.
// threads: plain data.
// invariants: a state is named by its fingerprint, its number, or its steps from the first one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "driver/explore/search.hpp"

namespace mneme::driver {

/// The order in which one process would take this step.
inline std::uint64_t key_of(StateNumber from, Move move) {
  return std::uint64_t{from} << 16U | std::uint64_t{move.task} << 8U | move.choice;
}
inline StateNumber from_of(std::uint64_t key) { return static_cast<StateNumber>(key >> 16U); }
inline Move move_of(std::uint64_t key) {
  return {static_cast<std::uint8_t>(key >> 8U), static_cast<std::uint8_t>(key)};
}

/// A step that was taken, to the owner of the state that it leads to.
struct Candidate {
  Fingerprint fingerprint;
  StateNumber from = 0;
  std::uint32_t held = 0;  // of `from`, in the rank that took the step
  Move move{};
  std::uint16_t switches = 0;
  std::uint8_t weight = 0;
  bool grants = false;
  std::uint8_t program = 0;
  std::uint8_t choices = 0;
};

/// A new state, from its owner to the rank that has its predecessor.
struct NewState {
  Fingerprint fingerprint;
  StateNumber number = 0;
  std::uint32_t held = 0;
  Move move{};
  std::uint16_t switches = 0;
};

/// A new state, to the first rank.
struct StateRecord {
  Fingerprint fingerprint;
  std::uint64_t blocking = 0;
  StateNumber number = 0;
  StateNumber parent = 0;
  Move move{};
  std::uint16_t switches = 0;
  bool has_unfinished = false;
  bool has_waiting = false;
};

/// A transition, to the first rank.
struct EdgeRecord {
  std::uint64_t key = 0;  // key_of() its step
  Transition edge{};
};

/// The states of a layer that this rank expands. All have paths of the same length.
struct HeldStates {
  std::vector<StateNumber> numbers;
  std::vector<std::uint16_t> switches;
  std::vector<Move> paths;
  std::vector<std::byte> snapshots;

  [[nodiscard]] std::size_t size() const { return numbers.size(); }
  [[nodiscard]] std::size_t bytes() const {
    return numbers.capacity() * sizeof(StateNumber) + switches.capacity() * sizeof(std::uint16_t) +
           paths.capacity() * sizeof(Move) + snapshots.capacity();
  }
};

/// What the owner of a new state knows until the end of the layer.
struct Fresh {
  std::uint64_t first = 0;  // the smallest key of the steps that lead to it
  std::uint64_t best = 0;   // that with the fewest switches, of these the smallest
  std::uint32_t held = 0;   // of the predecessor by `best`
  std::uint16_t holder = 0;
  std::uint16_t switches = 0;
};

/// A state travels as its number, its switches and its steps, two bytes each.
inline void put_path(std::vector<Move>& to, StateNumber number, std::uint16_t switches,
                     std::span<const Move> path) {
  const auto put = [&](std::uint32_t value) {
    to.push_back({static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)});
  };
  put(number >> 16U);
  put(number & 0xffffU);
  put(switches);
  to.insert(to.end(), path.begin(), path.end());
}

}  // namespace mneme::driver
