// purpose: explores all orders of the steps of C++ tasks, in a unit test.
// layer: testing; includes all of testing.
// threads: one.
// invariants: a schedule that is printed was carried out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "explained.hpp"
#include "explorer.hpp"
#include "objects.hpp"
#include "task.hpp"
#include "verdict.hpp"
#include "world.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// As explore(). For smallest_heap it ends at the first deadlock in which no task can take a step,
/// and at a request that is larger than the heap.
template <class W, class... Args>
[[nodiscard]] Answer explore_until(const ExploreOptions& options, bool is_for_size,
                                   std::size_t heap_bytes, const Args&... args) {
  Explorer<W, Args...> explorer{options, heap_bytes, args...};
  if (is_for_size) explorer.fail_if_too_large();
  const SearchLimits limits{.memory_bytes = options.memory_bytes,
                            .states = options.states,
                            .stops_at_deadlock = is_for_size};
  Answer answer;
  try {
    explorer.restart();
    if (explorer.has_failed()) {
      explain_failure(explorer, {}, answer);
      return answer;
    }
    SearchResult result = search(explorer, limits);
    // Which tasks go on for ever is known once they have said again().
    while (explorer.learns_endless() && result.is_complete()) result = search(explorer, limits);
    answer.states = result.graph.size();
    answer.transitions = result.transitions;
    answer.depth = result.depth;
    answer.growth = result.observed.least_growth;
    answer.audited = explorer.audited();
    if (result.bound == Bound::failure) {
      Path path = result.graph.path_to(result.failed_state);
      if (result.failed_move) path.push_back(*result.failed_move);
      explain_failure(explorer, path, answer);
    } else {
      explain_verdict(explorer, judge(result, explorer.endless()), result, answer);
    }
  } catch (const Diverged& diverged) {
    explain_divergence(explorer, diverged, answer);
  }
  return answer;
}

/// Explores all orders of the steps of the tasks of `W(heap_bytes, args…)`:
///
///     const auto answer = explore<Sensors>({.switches = anywhere}, 1024);
///     EXPECT_TRUE(answer.safe()) << answer;
///
/// Throws what the constructor of W throws.
template <class W, class... Args>
[[nodiscard]] Answer explore(const ExploreOptions& options, std::size_t heap_bytes,
                             const Args&... args) {
  return explore_until<W>(options, false, heap_bytes, args...);
}

/// Carries out a schedule alone, under a debugger or a sanitizer: `replay<Sensors>(answer.schedule,
/// 1024)`. Returns its steps, in words. Throws std::invalid_argument for a step that is not
/// possible.
template <class W, class... Args>
std::string replay(const std::string& schedule, std::size_t heap_bytes, const Args&... args) {
  Explorer<W, Args...> explorer{{}, heap_bytes, args...};
  explorer.restart();
  const Path path = path_of(explorer.world(), schedule);
  const std::vector<StepLine> lines = lines_of(explorer, path);
  return steps_text(lines, std::nullopt);
}

/// Of heaps up to any size.
struct SmallestHeap {
  std::size_t safe_from = 0;    // no order of steps ends badly on this heap or a larger one
  std::size_t explored_to = 0;  // the largest size that was explored
  std::size_t explorations = 0;
  std::size_t states = 0;
  bool is_decided = false;  // else a limit was reached, or an answer was none about memory
  Answer last;              // that ended it
  /// Sizes below `safe_from` that are safe as well: more memory can be worse.
  std::vector<std::pair<std::size_t, std::size_t>> safe_below;
};

/// Explores one size after the other, and skips those that decide nothing differently.
/// `smallest_heap<Sensors>({}).safe_from`.
template <class W, class... Args>
[[nodiscard]] SmallestHeap smallest_heap(const ExploreOptions& options, const Args&... args) {
  SmallestHeap found;
  bool was_safe = false;
  for (std::size_t size = 2 * word_bytes; size < std::size_t{1} << 31U;) {
    Answer answer = explore_until<W>(options, true, size, args...);
    ++found.explorations;
    found.states += answer.states;
    found.explored_to = size;
    const bool is_safe = answer.safe();
    const bool is_about_memory =
        is_safe || answer.kind == AnswerKind::too_large || answer.kind == AnswerKind::deadlock;
    const std::size_t growth =
        answer.growth == no_growth ? 0 : (answer.growth + word_bytes - 1) / word_bytes * word_bytes;
    if (is_safe && !was_safe) found.safe_from = size;
    if (!is_safe && was_safe) found.safe_below.emplace_back(found.safe_from, size - word_bytes);
    was_safe = is_safe;
    if (!is_about_memory || growth == 0) {
      found.is_decided = is_safe;
      found.last = std::move(answer);
      break;
    }
    size += growth;
  }
  return found;
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
