// purpose: whether tasks can deadlock on any raw heap, wherever it places their blocks.
// layer: explore; includes verdict, world.
// threads: one call at a time in a thread, whose choices AnyPlacement has.
// invariants: what is proved here holds for every raw heap that keeps P1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "search.hpp"
#include "world.hpp"

namespace mneme::driver {

/// The result of a step that may have several.
struct OpenStep : StepResult {
  bool is_other_outcome = false;  // not the first one of its step
};

/// A world whose raw heaps are AnyPlacement: a step has an outcome for each of the answers that
/// they could give. A choice of a move is one of the step, and one of these outcomes.
class OpenWorld : public World {
 public:
  OpenWorld(const Program& program, const WorldOptions& options);

  // A search is compiled for its world, and calls these instead of those of the base.
  // NOLINTBEGIN(bugprone-derived-method-shadowing-base-method)
  [[nodiscard]] std::size_t choices(std::size_t task);
  [[nodiscard]] OpenStep step(Move move);
  void observe(Observed& seen) const;
  // NOLINTEND(bugprone-derived-method-shadowing-base-method)

 private:
  std::vector<std::byte> saved_;
};

/// These options, with AnyPlacement in place of each raw heap that scripts name without a number.
/// Nothing if there is none; with overtaking, as then the answers to a step have no fixed number;
/// with more choices of a step than a move can name; or with blocks so large, and so many, that
/// their states are not copied.
[[nodiscard]] std::optional<WorldOptions> open_options(const Program& program,
                                                       const WorldOptions& options);

/// What a search of an OpenWorld says.
struct AnyRawHeap {
  enum class Answer : std::uint8_t {
    safe,         // on every raw heap
    may_be_bad,   // blocks may lie so that the tasks do not end well; no raw heap need do it
    not_decided,  // a limit ended it
    impossible    // the steps before the tasks may have to wait, or there is no OpenWorld
  };
  Answer answer = Answer::impossible;
  std::size_t states = 0;
  std::size_t depth = 0;
  std::vector<std::size_t> peak_bytes;  // by heap
  bool waits = false;
  std::size_t least_growth = no_growth;  // of the varied heap, that could change the answer
};

[[nodiscard]] AnyRawHeap explore_any(const Program& program, const WorldOptions& options,
                                     const SearchLimits& limits);

/// The heap sizes on which the tasks are safe, whatever the raw heap.
struct AnyFit {
  std::optional<std::uint64_t> from;  // up to any larger size; nothing: on no size
  bool is_decided = false;
  std::size_t explorations = 0;
  std::uint64_t states = 0;
  /// From which on first fit has room for all requests of any program that never uses more bytes
  /// at once, and no larger block: M(1 + log2 n), J. M. Robson, 1977.
  std::uint64_t robson_bytes = 0;
};

/// From `least_bytes` on. The limit on states applies to all sizes together.
[[nodiscard]] AnyFit fit_any(const Program& program, const WorldOptions& options,
                             std::uint64_t least_bytes, const SearchLimits& limits);

}  // namespace mneme::driver
