// purpose: see explore_options.hpp.
// layer: commands; includes explore_command, validators; CLI11.
// threads: one.
// invariants: none.
#include "explore_options.hpp"

#include "driver/explore/parallel_search.hpp"
#include "validators.hpp"

namespace mneme::driver {

namespace {

/// The options that `explore` and `fit` share.
CLI::App& add_search_command(CLI::App& app, const char* name, const char* what,
                             ExploreOptions& options) {
  CLI::App& command = *app.add_subcommand(name, what);
  command.footer(
      "Exit codes: 0 no deadlock, 3 deadlock, 5 not decided, 2 bad script or usage, 4 corruption.\n"
      "If the script has 'expect deadlock' or 'expect safe': 0 if that is true, 1 if not.");
  command.add_option("FILE", options.path, "A script with tasks; '-' is standard input.")
      ->required();
  command.add_option("--raw", options.raw, "The raw heap, instead of the script's.")
      ->check(raw_heap_validator<ScriptRawHeaps>());
  command.add_option("--queue", options.queue, "The policy of the queue, instead of the script's.")
      ->check(queue_validator());
  command
      .add_option("--heap-name", options.heap_name,
                  "The heap for --raw, --queue and --heap, and for the sizes of fit, if it is not "
                  "the first one.")
      ->option_text("NAME");
  command.add_option("--memory", options.memory_bytes, "Limit on the memory for states, in bytes.")
      ->transform(size_validator())
      ->capture_default_str();
  command.add_option("--states", options.states, "Limit on the number of states.")
      ->option_text("N");
  command
      .add_option("--switch", options.switches,
                  "Where to switch tasks: anywhere, or only where one waits or yields (waits).")
      ->check(CLI::IsMember({"anywhere", "waits"}))
      ->capture_default_str();
  command
      .add_option("--draw", options.draw,
                  "Draw the deadlock, or of fit the outcome for each size, as SVG.")
      ->option_text("FILE");
  command.add_flag("--exact", options.is_exact,
                   "Distinguish layouts even if all blocks have the same size.");
  return command;
}

constexpr std::size_t window_steps_max = 10'000'000;  // as in a schedule

void add_window(CLI::App& explore, Window& window) {
  const CLI::Option& from =
      *explore
           .add_option("--from", window.from,
                       "Explore only the orders of the steps from this one of a schedule on, 1 is "
                       "the first.")
           ->option_text("N")
           ->check(CLI::Range(std::size_t{1}, window_steps_max));
  const CLI::Option& to = *explore
                               .add_option("--to", window.to,
                                           "… and up to this one, in tasks without 'repeat', "
                                           "choices and copies, such as recorded ones.")
                               ->option_text("N")
                               ->check(CLI::Range(std::size_t{1}, window_steps_max));
  const CLI::Option& schedule =
      *explore
           .add_option("--schedule", window.schedule,
                       "The schedule for --from and --to: round-robin, random:SEED or a FILE.")
           ->capture_default_str();
  explore.parse_complete_callback([&from, &to, &schedule] {
    if (schedule.count() > 0 && from.count() == 0 && to.count() == 0) {
      throw CLI::RequiresError("--schedule", "--from or --to");
    }
  });
}

void add_checkpoint(CLI::App& explore, CheckpointOptions& checkpoint) {
  CLI::Option& folder =
      *explore
           .add_option("--checkpoint", checkpoint.folder,
                       "Keep what is finished in this folder, to go on with --resume after the run "
                       "was killed, the disk was full or --memory was reached.")
           ->option_text("DIR");
  explore
      .add_flag("--resume", checkpoint.resumes,
                "Go on with the search whose checkpoint is in the folder, of the same script and "
                "options.")
      ->needs(&folder);
  explore
      .add_option("--checkpoint-seconds", checkpoint.seconds,
                  "Write at the end of a layer of states, and at most so often.")
      ->option_text("N")
      ->check(CLI::Range(0.0, 1e6))
      ->check([](const std::string& text) {  // the range accepts `nan`
        return text.find_first_of("nN") == std::string::npos ? "" : "not a number of seconds";
      })
      ->capture_default_str()
      ->needs(&folder);
}

}  // namespace

CLI::App& add_explore_command(CLI::App& app, ExploreOptions& options) {
  CLI::App& explore = add_search_command(
      app, "explore", "Find out whether any order of the tasks' steps deadlocks.", options);
  explore.add_option("--heap", options.heap_bytes, "The region's size, instead of the script's.")
      ->transform(size_validator());
  explore.add_flag("!--this-raw-heap", options.tries_any_raw_heap,
                   "Do not try first to show that the tasks cannot deadlock on any raw heap.");
  add_window(explore, options.window);
  add_checkpoint(explore, options.checkpoint);
  explore
      .add_option("--threads", options.workers,
                  "Search in so many processes; the answer and the schedule stay the same.")
      ->option_text("N")
      ->check(CLI::Range(std::size_t{1}, workers_max));
  explore
      .add_option("--schedule-out", options.schedule_out,
                  "Write the order that deadlocks, for 'mneme run --schedule=FILE'.")
      ->option_text("FILE");
  explore
      .add_option("--walks", options.walks,
                  "If the search does not decide: so many random runs of the tasks.")
      ->option_text("N");
  explore
      .add_option("--first", options.first_walk,
                  "The number of the first of them, instead of any search: to spread them over "
                  "machines.\nWalks are the same however they are split, and their sums add up.")
      ->option_text("I")
      ->needs("--walks");
  explore.add_option("--seed", options.seed, "What the walks are drawn from.")
      ->capture_default_str();
  explore.add_option("--walk-steps", options.walk_steps, "Of each walk at most.")
      ->capture_default_str();
  explore.add_flag("!--no-advice", options.advises,
                   "Do not look for changes that would keep the tasks from deadlocking.");
  return explore;
}

CLI::App& add_fit_command(CLI::App& app, ExploreOptions& options) {
  CLI::App& fit = add_search_command(
      app, "fit", "Find the smallest heap on which tasks cannot deadlock, or never wait.", options);
  fit.add_option("--goal", options.goal, "no-deadlock or no-wait.")
      ->check(CLI::IsMember({"no-deadlock", "no-wait"}))
      ->capture_default_str();
  return fit;
}

}  // namespace mneme::driver
