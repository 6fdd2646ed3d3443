// purpose: runs the searches, prints their results, and chooses the exit code.
// layer: commands; includes explore_command, explore, parser, rewrite_file.
// threads: one call at a time; a signal handler sets a flag.
// invariants: see explore_command.hpp.
#include "explore_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "driver/explore/advice.hpp"
#include "driver/explore/explain.hpp"
#include "driver/explore/fit.hpp"
#include "driver/explore/flat_run.hpp"
#include "driver/explore/search.hpp"
#include "driver/explore/walk.hpp"
#include "driver/language/parser.hpp"
#include "driver/report/picture.hpp"
#include "fit_picture.hpp"
#include "write_file.hpp"

namespace mneme::driver {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int /*signal*/) { interrupted = 1; }

Program read_program(const ExploreOptions& options) {
  Source source = Source::open(options.path);
  const std::uint64_t default_bytes =
      options.heap_name.empty() ? options.heap_bytes.value_or(0) : 0;
  Parser parser{source, {.default_heap_bytes = default_bytes}};
  ProgramBuilder builder;
  Op op;
  while (parser.next(op)) {
    const bool makes_heap = op.kind == OpKind::heap || op.kind == OpKind::named_heap;
    if (makes_heap && op.heap_name == options.heap_name) {
      if (options.raw) set_raw_heap(op, *options.raw);
      if (options.queue) set_queue(op, *options.queue);
      if (options.heap_bytes) op.size_bytes = *options.heap_bytes;
    }
    builder.add(op);
  }
  if (!builder.has_tasks()) {
    throw InputError(source.name() +
                     ": the script has no tasks, so its steps have only one order; "
                     "use 'mneme run'");
  }
  return builder.finish();
}

std::string size_text(std::uint64_t bytes) { return grouped(static_cast<double>(bytes)); }

/// `first-fit, 1,024 bytes`; of several heaps `first-fit, 1,024 bytes; dma: pool:512, 8,192 bytes`.
std::string heaps_text(const Program& program, const WorldOptions& options) {
  std::string text;
  for (std::size_t heap = 0; heap < program.heaps.size(); ++heap) {
    const HeapSpec& spec = program.heaps[heap];
    text +=
        fmt::format("{}{}{}, {} bytes", heap == 0 ? "" : "; ", heap == 0 ? "" : spec.name + ": ",
                    spec.text(), size_text(options.heaps[heap].bytes));
  }
  return text;
}

WorldOptions world_options(const Program& program, const ExploreOptions& options) {
  WorldOptions world = options_of(program);
  world.switches = options.switches == "waits" ? Switches::waits : Switches::anywhere;
  world.is_exact = options.is_exact;
  world.varied = heap_number(program, options.heap_name);
  return world;
}

/// Prints a line now and then during a long search.
class Progress {
 public:
  void operator()(const SearchProgress& progress) {
    if (progress.states < 2 || !is_time()) return;
    put(fmt::format("{} states, {} steps deep, {} MiB", grouped(progress.states), progress.depth,
                    progress.bytes >> 20U));
  }
  void operator()(std::uint64_t walks) {
    if (is_time()) put(fmt::format("{} walks", grouped(walks)));
  }

 private:
  [[nodiscard]] static std::string grouped(std::uint64_t number) {
    return driver::grouped(static_cast<double>(number));
  }
  static void put(const std::string& what) {
    std::fputs(fmt::format("mneme: {}\n", what).c_str(), stderr);
  }
  [[nodiscard]] bool is_time() {
    constexpr std::chrono::seconds between{2};
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < between) return false;
    last_ = now;
    return true;
  }

  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

SearchLimits limits_of(const ExploreOptions& options) {
  std::signal(SIGINT, &on_interrupt);
  SearchLimits limits;
  limits.memory_bytes = options.memory_bytes;
  if (options.states != 0) limits.states = options.states;
  limits.interrupted = &interrupted;
  limits.on_progress = Progress{};
  return limits;
}

std::string_view word_of(Bound bound) {
  switch (bound) {
    case Bound::memory: return "the limit on memory was reached (--memory)";
    case Bound::states: return "the limit on states was reached (--states)";
    case Bound::interrupt: return "interrupted";
    default: return "all was explored";
  }
}

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
  std::signal(SIGINT, &on_interrupt);
  const WalkPlan plan{.first = options.first_walk.value_or(0),
                      .walks = options.walks,
                      .seed = options.seed,
                      .steps_max = options.walk_steps,
                      .interrupted = &interrupted,
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
std::string peaks_text(const World& world, const SearchResult& result) {
  if (world.heap_count() == 1) return size_text(result.observed.peak_bytes) + " bytes";
  std::string text = size_text(world.peak_bytes(0)) + " bytes";
  for (std::size_t heap = 1; heap < world.heap_count(); ++heap) {
    text += fmt::format(", in {} {}", world.program().heaps[heap].name,
                        size_text(world.peak_bytes(heap)));
  }
  return text;
}

/// Searches `world`, which may begin after these steps of the whole one.
Verdict print_search(World& world, World& whole, const Path& before, const ExploreOptions& options,
                     Output& output) {
  const SearchResult result =
      search(world, limits_of(options), options.checkpoint, options.workers, before);
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
