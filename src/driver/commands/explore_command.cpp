// purpose: runs a search, prints its result, and chooses the exit code.
// layer: commands; includes explore_command, search_input, explore.
// threads: one call at a time.
// invariants: see explore_command.hpp.
#include "explore_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "driver/explore/advice.hpp"
#include "driver/explore/any_raw_heap.hpp"
#include "driver/explore/explain.hpp"
#include "driver/explore/flat_run.hpp"
#include "driver/explore/search.hpp"
#include "driver/explore/walk.hpp"
#include "driver/report/picture.hpp"
#include "search_input.hpp"
#include "write_file.hpp"

namespace mneme::driver {

namespace {

/// `, steps 5 to 9`; empty for the whole.
std::string window_text(const Window& window) {
  if (window.is_whole()) return {};
  return fmt::format(", steps {} to {}", window.skipped() + 1,
                     window.to ? std::to_string(*window.to) : "the end");
}

std::string covered(const SearchResult& result, const World& world) {
  return fmt::format("{} states{}, {} steps deep",
                     grouped(static_cast<double>(result.graph.size())),
                     world.counts_blocks() ? " by the number of blocks" : "", result.depth);
}

void write_schedule(const ExploreOptions& options, const World& world, const Path& schedule) {
  std::FILE* const file = std::fopen(options.schedule_out.c_str(), "w");
  if (file == nullptr) throw InputError("cannot write " + in_quotes(options.schedule_out));
  Output output{file};
  output.print("# of a heap of {} bytes, {}: mneme run --schedule=FILE\n{}\n",
               world.options().heaps.front().bytes, world.program().heaps.front().text(),
               schedule_text(world, schedule));
  output.flush();
  if (std::fclose(file) != 0) throw InputError("cannot write " + in_quotes(options.schedule_out));
}

/// Draws the run of a schedule, with its last state at the right.
void draw_schedule(const ExploreOptions& options, World& world, const Path& schedule,
                   VerdictKind kind) {
  Executor executor;
  FlatRun run(world, executor);
  History history;
  for (std::size_t heap = 0; heap < world.heap_count(); ++heap) {
    history.events(run.make_heap(heap), executor);
  }
  for (std::size_t step = 0; step < run.boot_steps(); ++step) {
    history.events(run.boot(step), executor);
  }
  for (const Move move : schedule) {
    const std::string& name = world.tasks()[move.task].name;
    const std::string text = world.text_of(move);
    const std::span<const Event> events = run.step(move);
    history.task_step(name, events.empty() ? text : "");
    if (!events.empty()) history.events(events, executor);
  }
  history.events({}, executor);
  const std::string& file = world.program().file;
  const PictureOptions picture{
      .title = fmt::format("{}: {} on {}", file.substr(file.rfind('/') + 1),
                           kind == VerdictKind::stuck ? "stuck" : "deadlock",
                           heaps_text(world.program(), world.options())),
      .colour_by = ColourBy::task};
  write_file(options.draw, draw_run(history, picture).svg);
  executor.run_to_end();
  executor.take_everything_back();
}

Exit exit_of(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::no_deadlock: return Exit::ok;
    case VerdictKind::not_decided: return Exit::not_decided;
    default: return Exit::deadlock;
  }
}

/// Compares a verdict with `expect deadlock` or `expect safe`.
Exit check_expectation(const Program& program, VerdictKind kind, Output& output) {
  if (!program.expected || kind == VerdictKind::not_decided) return exit_of(kind);
  const bool is_safe = kind == VerdictKind::no_deadlock;
  const bool is_met = is_safe == (*program.expected == Ending::safe);
  output.print("expect {}: {}\n", ending_words[static_cast<std::size_t>(*program.expected)],
               is_met ? "ok" : "FAILED");
  return is_met ? Exit::ok : Exit::expectation;
}

/// The limit for everything tried for advice, such that it takes at most a second.
constexpr std::uint64_t advice_states = 200'000;

/// Prints numbers that a script can add up.
std::string walks_text(const WalkSum& sum, const WalkPlan& plan) {
  std::string text = fmt::format(
      "walks: {} from {} on, seed {}: {} deadlock, {} stuck, {} end, {} cut off after {} steps\n",
      sum.walks, plan.first, plan.seed, sum.deadlocks, sum.stuck, sum.finished(), sum.cut_off,
      plan.steps_max);
  if (sum.deadlocks == 0) return text;
  const auto walks = static_cast<double>(sum.walks);
  const double chance = static_cast<double>(sum.deadlocks) / walks;
  constexpr double deviations = 1.96;  // 95 % of all samples are within
  text += fmt::format("a random run deadlocks with a chance of {:.2f} % (+- {:.2f}); walk {}:\n",
                      100 * chance, 100 * deviations * std::sqrt(chance * (1 - chance) / walks),
                      sum.shortest_walk.value_or(0));
  return text;
}

Verdict take_walks(World& world, const ExploreOptions& options, Output& output) {
  const WalkPlan plan{.first = options.first_walk.value_or(0),
                      .walks = options.walks,
                      .seed = options.seed,
                      .steps_max = options.walk_steps,
                      .interrupted = catch_interrupts(),
                      .on_progress = Progress{}};
  const WalkSum sum = walk(world, plan);
  output.print("{}", walks_text(sum, plan));
  Verdict verdict;
  if (sum.shortest_walk) {
    verdict.kind = sum.deadlocks > 0 ? VerdictKind::deadlock : VerdictKind::stuck;
    verdict.schedule = sum.shortest;
    verdict.is_shortest = false;
  }
  return verdict;
}

/// `world` is the whole one: it begins before these steps.
void print_bad_end(World& world, const Verdict& verdict, const Path& before, const std::string& how,
                   const ExploreOptions& options, Output& output) {
  output.print("{}({}{}: {})\n", explanation(world, verdict, before),
               heaps_text(world.program(), world.options()), window_text(options.window), how);
  Path schedule = before;
  schedule.insert(schedule.end(), verdict.schedule.begin(), verdict.schedule.end());
  if (!options.schedule_out.empty()) write_schedule(options, world, schedule);
  if (!options.draw.empty()) draw_schedule(options, world, schedule, verdict.kind);
  if (options.window.to) {
    output.print("after step {} other tasks may free memory, so this is only a candidate\n",
                 *options.window.to);
  }
  if (verdict.kind != VerdictKind::deadlock || !options.advises || !options.window.is_whole()) {
    return;
  }
  SearchLimits limits = limits_of(options);
  limits.states = advice_states;
  output.print("{}", text_of(advise(world.program(), world.options(), limits)));
}

/// `96 bytes`, or `96 bytes, in dma 512`.
std::string bytes_text(const World& world, std::span<const std::size_t> bytes) {
  std::string text = size_text(bytes[0]) + " bytes";
  for (std::size_t heap = 1; heap < world.heap_count(); ++heap) {
    text += fmt::format(", in {} {}", world.program().heaps[heap].name, size_text(bytes[heap]));
  }
  return text;
}

/// The most that was used of each heap.
std::string peaks_text(const World& world, const SearchResult& result) {
  std::vector<std::size_t> peaks(world.heap_count(), result.observed.peak_bytes);
  for (std::size_t heap = 0; peaks.size() > 1 && heap < peaks.size(); ++heap) {
    peaks[heap] = world.peak_bytes(heap);
  }
  return bytes_text(world, peaks);
}

/// The cheapest proof: of the tasks on any raw heap. Prints it, if there is one.
bool print_any_raw_heap(const World& world, const ExploreOptions& options, Output& output) {
  const bool tries = options.tries_any_raw_heap && !options.is_exact &&
                     options.checkpoint.folder.empty() && options.window.is_whole();
  if (!tries) return false;
  const AnyRawHeap found = explore_any(world.program(), world.options(), any_limits_of(options));
  if (found.answer != AnyRawHeap::Answer::safe) return false;
  std::vector<std::size_t> sizes(world.heap_count());
  std::ranges::transform(world.options().heaps, sizes.begin(), &HeapOptions::bytes);
  output.print(
      "no deadlock on any raw heap ({}): {} states, {} steps deep, all explored; at most {} in "
      "use{}\n",
      bytes_text(world, sizes), size_text(found.states), found.depth,
      bytes_text(world, found.peak_bytes), found.waits ? "" : "; nothing ever waits");
  return true;
}

/// Searches `world`, which may begin after these steps of the whole one.
Verdict print_search(World& world, World& whole, const Path& before, const ExploreOptions& options,
                     Output& output) {
  const SearchEngine engine = options.engine ? options.engine : engine_with(options.workers);
  const SearchResult result = search(world, limits_of(options), options.checkpoint, engine, before);
  const Verdict verdict = judge(result, world.program());
  const std::string seen = covered(result, world);
  const std::string on = heaps_text(world.program(), world.options()) + window_text(options.window);
  switch (verdict.kind) {
    case VerdictKind::no_deadlock:
      output.print("no deadlock ({}): {}, all explored; at most {} in use{}\n", on, seen,
                   peaks_text(world, result),
                   result.observed.waits || world.waits_elsewhere() ? "" : "; nothing ever waits");
      break;
    case VerdictKind::not_decided:
      output.print("not decided ({}): no deadlock in {}; {}\n", on, seen, word_of(result.bound));
      break;
    default:
      print_bad_end(whole, verdict, before,
                    result.is_complete() ? fmt::format("{}, {} of them dead, all explored", seen,
                                                       size_text(verdict.bad_states))
                                         : fmt::format("{}; {}", seen, word_of(result.bound)),
                    options, output);
  }
  return verdict;
}

}  // namespace

Exit run_explore(const ExploreOptions& options, Output& output) {
  if (!options.draw.empty()) check_writable(options.draw);
  Program program = read_program(options);
  const WorldOptions with = world_options(program, options);
  const Path before = cut_to(program, with, options.window);
  World whole{program, with};
  std::optional<World> part;
  if (!before.empty()) begin_after(part.emplace(program, with), before);
  World& world = part ? *part : whole;
  Verdict verdict;
  if (!options.first_walk && print_any_raw_heap(whole, options, output)) {
    return check_expectation(program, VerdictKind::no_deadlock, output);
  }
  if (!options.first_walk) verdict = print_search(world, whole, before, options, output);
  if (verdict.kind == VerdictKind::not_decided && options.walks > 0) {
    verdict = take_walks(world, options, output);
    if (verdict.kind != VerdictKind::not_decided) {
      print_bad_end(whole, verdict, before, "found by a random walk", options, output);
    }
  }
  // The expectations of a script hold for all of its steps only.
  if (!options.window.is_whole()) return exit_of(verdict.kind);
  return check_expectation(program, verdict.kind, output);
}

}  // namespace mneme::driver
