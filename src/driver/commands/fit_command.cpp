// purpose: prints the results of the searches of all heap sizes.
// layer: commands; includes fit_command, explore.
// threads: one call at a time.
// invariants: see fit_command.hpp.
#include "fit_command.hpp"

#include <fmt/format.h>

#include "driver/explore/any_raw_heap.hpp"
#include "driver/explore/fit.hpp"
#include "fit_picture.hpp"
#include "search_input.hpp"
#include "write_file.hpp"

namespace mneme::driver {

namespace {

void print_ranges(const Fit& fit, Output& output) {
  for (const FitRange& range : fit.ranges) {
    std::string sizes = size_text(range.from);
    if (range.to == no_growth) {
      sizes += " and more";
    } else if (range.to != range.from) {
      sizes += " to " + size_text(range.to);
    }
    output.print("  {:<20}  {}\n", sizes, word_of(range));
  }
}

bool is_good(const FitRange& range) { return range.verdict == VerdictKind::no_deadlock; }

/// The first range from which on all ranges are good.
std::size_t first_good(const Fit& fit) {
  std::size_t first = fit.ranges.size();
  while (first > 0 && is_good(fit.ranges[first - 1])) --first;
  return first;
}

void print_exceptions(const Fit& fit, std::size_t end, Output& output) {
  bool was_good = false;
  for (const FitRange& range : std::span(fit.ranges).first(end)) {
    if (was_good && !is_good(range)) {
      output.print("more memory is worse: {} bytes can deadlock, and fewer cannot\n",
                   size_text(range.from));
    }
    was_good = is_good(range);
  }
}

/// From which size on no raw heap deadlocks, and what a textbook would say.
void print_any_fit(const Program& program, const WorldOptions& with, const Fit& fit,
                   const ExploreOptions& options, Output& output) {
  if (!open_options(program, with)) return;
  const SearchLimits limits = any_limits_of(options);
  const AnyFit any = fit_any(program, with, fit.ranges.front().from, limits);
  if (!any.is_decided) {
    return output.print("on any raw heap: not decided within {} states\n",
                        size_text(limits.states));
  }
  if (!any.from) return output.print("on any raw heap: no size is large enough\n");
  output.print("no deadlock on any raw heap from {} bytes on; Robson's bound for first fit is {}\n",
               size_text(*any.from), size_text(any.robson_bytes));
}

}  // namespace

Exit run_fit(const ExploreOptions& options, Output& output) {
  if (!options.draw.empty()) check_writable(options.draw);
  const Program program = read_program(options);
  const WorldOptions with = world_options(program, options);
  const HeapSpec& spec = program.heaps[with.varied];
  const std::string heap = (spec.name.empty() ? "" : spec.name + ", ") + spec.text();
  const FitGoal goal = options.goal == "no-wait" ? FitGoal::no_wait : FitGoal::no_deadlock;
  const Fit found = fit(program, with, goal, limits_of(options));
  const std::size_t first = first_good(found);
  const bool is_decided = found.bound == Bound::none && !found.ranges.empty();
  const bool has_safe = is_decided && first < found.ranges.size();
  if (!is_decided) {
    output.print("not decided ({}): {}\n", heap, word_of(found.bound));
  } else if (!has_safe) {
    output.print("no heap is large enough ({}): a task waits for ever, whatever the size\n", heap);
  } else if (goal == FitGoal::no_wait) {
    output.print("nothing waits from {} bytes on ({})\n", size_text(found.ranges[first].from),
                 heap);
  } else {
    output.print("no deadlock from {} bytes on ({}); nothing waits from {} bytes on\n",
                 size_text(found.ranges[first].from), heap, size_text(found.ranges.back().from));
    print_exceptions(found, first, output);
  }
  if (goal == FitGoal::no_deadlock) print_ranges(found, output);
  if (found.any_placement) {
    output.print("with {} bytes each request fits, wherever the blocks are\n",
                 size_text(*found.any_placement));
  }
  if (is_decided && goal == FitGoal::no_deadlock)
    print_any_fit(program, with, found, options, output);
  output.print("explored {} size{}, {} states\n", found.explorations,
               found.explorations == 1 ? "" : "s", size_text(found.states));
  if (!options.draw.empty() && !found.ranges.empty()) {
    write_file(
        options.draw,
        draw_fit(found, fmt::format("{}: can it deadlock, on {}?",
                                    program.file.substr(program.file.rfind('/') + 1), heap)));
  }
  if (!is_decided) return Exit::not_decided;
  return has_safe ? Exit::ok : Exit::deadlock;
}

}  // namespace mneme::driver
