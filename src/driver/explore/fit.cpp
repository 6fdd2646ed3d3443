// purpose: explores heap sizes in ascending order.
// layer: explore; includes fit, search.
// threads: one owner.
// invariants: see fit.hpp.
#include "fit.hpp"

#include <algorithm>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

/// One exploration.
struct Sample {
  Verdict verdict;
  Observed observed;
  Bound bound = Bound::none;
  std::size_t growth = no_growth;  // the least growth that could change the verdict
  bool knows_growth = false;
};

class Fitter {
 public:
  Fitter(const Program& program, const WorldOptions& options, const SearchLimits& limits)
      : program_{program}, options_{options}, limits_{limits} {
    limits_.stops_at_deadlock = true;
  }

  [[nodiscard]] Fit run(FitGoal goal) {
    const std::uint64_t least = least_heap();
    const bool knows_growth = World{program_, at(least)}.knows_growth();
    if (goal == FitGoal::no_wait) {
      look_for_no_wait(least, knows_growth);
    } else if (knows_growth) {
      explore_upwards(least);
    } else {
      explore_all(least);
    }
    return std::move(fit_);
  }

  [[nodiscard]] LargerHeap larger(std::uint64_t states_max) {
    LargerHeap answer;
    std::uint64_t size = options_.heap().bytes / word_bytes * word_bytes;
    while (fit_.states < states_max &&
           size <= ScriptRawHeaps::max_region_bytes[options_.heap().raw_row]) {
      limits_.states = states_max - fit_.states;
      const Sample sample = explore(size);
      const VerdictKind kind = sample.verdict.kind;
      const bool is_safe = kind == VerdictKind::no_deadlock && size > options_.heap().bytes;
      const bool is_last = sample.knows_growth && sample.growth == no_growth;
      answer.is_decided = is_safe || (is_last && kind != VerdictKind::not_decided);
      if (is_safe) answer.bytes = size;
      if (answer.is_decided || kind == VerdictKind::not_decided) break;
      size += sample.knows_growth ? rounded_up(sample.growth) : word_bytes;
    }
    answer.states = fit_.states;
    return answer;
  }

 private:
  [[nodiscard]] static std::uint64_t rounded_up(std::size_t growth) {
    return std::max(word_bytes, (growth + word_bytes - 1) / word_bytes * word_bytes);
  }

  [[nodiscard]] WorldOptions at(std::uint64_t heap_bytes) const {
    WorldOptions options = options_;
    options.heap().bytes = heap_bytes;
    return options;
  }

  /// The smallest heap that can meet each request, and has room for the steps before the tasks.
  [[nodiscard]] std::uint64_t least_heap() const {
    std::uint64_t sum = 0;
    std::uint64_t largest = word_bytes;
    const auto add = [&](const TaskProgram& task) {
      for (const ProgramStep& step : task.steps) {
        if (!requests(step) || step.heap != options_.varied) continue;
        largest = std::max<std::uint64_t>(largest, World::block_bytes(step.size_bytes));
        sum += World::block_bytes(step.size_bytes) + step.align_bytes;
      }
    };
    add(program_.boot);
    for (const TaskProgram& task : program_.tasks) add(task);
    largest = std::max(largest, least_region());
    for (std::uint64_t size = has_second_region() ? least_region() : largest;; size += word_bytes) {
      try {
        const World world{program_, at(size)};
        return size;
      } catch (const ScriptError&) {
        if (size > largest + 2 * sum) throw;
      }
    }
  }

  /// Whether a block that is larger than the heap may fit behind it.
  [[nodiscard]] bool has_second_region() const {
    return ScriptRawHeaps::names[options_.heap().raw_row] == ChainRow::name;
  }

  /// That the raw heap takes, at least one block of a pool.
  [[nodiscard]] std::uint64_t least_region() const {
    std::uint64_t least = ScriptRawHeaps::min_region_bytes[options_.heap().raw_row] / word_bytes;
    std::uint64_t most = std::uint64_t{1} << 29U;
    while (least < most) {
      const std::uint64_t middle = (least + most) / 2;
      const auto wrong = ScriptRawHeaps::wrong(options_.heap().raw_row, middle * word_bytes,
                                               options_.heap().raw_arguments);
      (wrong ? least : most) = wrong ? middle + 1 : middle;
    }
    return least * word_bytes;
  }

  [[nodiscard]] Sample explore(std::uint64_t heap_bytes) {
    World world{program_, at(heap_bytes)};
    const SearchResult result = search(world, limits_);
    ++fit_.explorations;
    fit_.states += result.graph.size();
    Sample sample{.verdict = judge(result, program_),
                  .observed = result.observed,
                  .bound = result.bound,
                  .growth = result.observed.least_growth,
                  .knows_growth = world.knows_growth()};
    // The deadlock remains as long as the steps that lead to it have the same results.
    if (result.bound == Bound::deadlock) sample.growth = growth_of(world, sample.verdict.schedule);
    return sample;
  }

  [[nodiscard]] static std::size_t growth_of(World& world, const Path& path) {
    world.restart();
    std::size_t growth = world.least_growth();
    for (const Move move : path) {
      (void)world.step(move);
      growth = std::min(growth, world.least_growth());
    }
    return growth;
  }

  /// Returns false if the exploration was cut short, so that nothing is known.
  bool add(std::uint64_t from, std::uint64_t to, const Sample& sample) {
    const bool waits = sample.observed.waits || sample.bound == Bound::deadlock;
    const VerdictKind kind = sample.verdict.kind;
    std::vector<FitRange>& ranges = fit_.ranges;
    if (!ranges.empty() && ranges.back().verdict == kind && ranges.back().waits == waits) {
      ranges.back().to = to;
    } else {
      ranges.push_back({from, to, kind, waits});
    }
    if (kind == VerdictKind::not_decided) fit_.bound = sample.bound;
    return kind != VerdictKind::not_decided;
  }

  void explore_upwards(std::uint64_t least) {
    for (std::uint64_t size = least;;) {
      const Sample sample = explore(size);
      if (sample.growth == no_growth) {
        (void)add(size, no_growth, sample);
        return;
      }
      const std::uint64_t step = rounded_up(sample.growth);
      if (!add(size, size + step - word_bytes, sample)) return;
      size += step;
    }
  }

  /// Explores a heap on which nothing waits for memory: then the places of blocks have no effect.
  /// If it deadlocks all the same, so does every larger one.
  [[nodiscard]] std::optional<Sample> explore_roomy(std::uint64_t least) {
    for (std::uint64_t size = 2 * least; size < std::uint64_t{1} << 31U; size *= 2) {
      Sample sample = explore(size);
      if (sample.bound == Bound::deadlock && !sample.observed.waits) {
        (void)add(size, no_growth, sample);
        return std::nullopt;
      }
      if (sample.verdict.kind == VerdictKind::not_decided) {
        fit_.bound = sample.bound;
        return std::nullopt;
      }
      if (sample.bound == Bound::none && !sample.observed.waits) return sample;
    }
    fit_.bound = Bound::states;
    return std::nullopt;
  }

  void explore_all(std::uint64_t least) {
    const std::optional<Sample> roomy = explore_roomy(least);
    if (!roomy) return;
    fit_.any_placement = std::max<std::uint64_t>(least, roomy->observed.any_placement);
    for (std::uint64_t size = least; size < *fit_.any_placement; size += word_bytes) {
      if (!add(size, size, explore(size))) return;
    }
    (void)add(*fit_.any_placement, no_growth, *roomy);
  }

  /// With first fit and the bounded heap, the size is the end of the highest block on a large heap.
  void look_for_no_wait(std::uint64_t least, bool knows_growth) {
    const std::optional<Sample> roomy = explore_roomy(least);
    if (!roomy) return;
    std::uint64_t size = std::max<std::uint64_t>(least, roomy->observed.high_water);
    if (!knows_growth) {
      size = std::max<std::uint64_t>(least, roomy->observed.any_placement);
      fit_.any_placement = size;
      while (size > least) {
        const Sample smaller = explore(size - word_bytes);
        if (smaller.observed.waits || smaller.verdict.kind == VerdictKind::not_decided) break;
        size -= word_bytes;
      }
    }
    (void)add(size, no_growth, *roomy);
  }

  const Program& program_;
  WorldOptions options_;
  SearchLimits limits_;
  Fit fit_;
};

}  // namespace

Fit fit(const Program& program, const WorldOptions& options, FitGoal goal,
        const SearchLimits& limits) {
  return Fitter{program, options, limits}.run(goal);
}

LargerHeap smallest_larger(const Program& program, const WorldOptions& options,
                           const SearchLimits& limits) {
  return Fitter{program, options, limits}.larger(limits.states);
}

}  // namespace mneme::driver
