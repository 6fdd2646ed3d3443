// purpose: runs one script, reports what happens to a reader, and returns the exit code.
// layer: commands; includes executor, source, diagnostic.
// threads: one run at a time.
// invariants: a reader receives everything in the order in which it happened.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "driver/execute/executor.hpp"
#include "driver/explore/world.hpp"
#include "driver/language/diagnostic.hpp"
#include "driver/language/program.hpp"
#include "driver/language/source.hpp"
#include "driver/report/step_reader.hpp"

namespace mneme::driver {

/// Exit codes, from good to bad.
enum class Exit : std::uint8_t {
  ok = 0,
  expectation = 1,
  bad_input = 2,
  deadlock = 3,
  corruption = 4,
  not_decided = 5  // of explore and fit
};

/// How the steps of a script are run.
struct ScriptOptions {
  bool keep_going = false;                    // after a failed expectation
  std::optional<std::string> raw;             // instead of the script's
  std::optional<std::string> queue;           // instead of the script's
  std::optional<std::uint64_t> heap_bytes{};  // instead of the script's
  std::string schedule = "round-robin";       // of a script with tasks
  std::uint64_t steps = 0;                    // of its tasks at most; 0: all
  Kept kept_events = Kept::all;               // of a script without tasks
};

/// Receives what happens in a run. `line` is that of the current step, 0 after the last.
class RunReader : public StepReader {
 public:
  virtual void deadlock(const std::string& explanation) = 0;
  /// An error or warning in the script; `message` is for those without a line of the script.
  virtual void diagnostic(std::uint64_t line, const Diagnostic& diagnostic) = 0;
  virtual void message(std::uint64_t line, const std::string& text) = 0;
  /// Not called if the script had an error.
  virtual void summary(const std::string& text) = 0;
};

/// The run of one script. It must not be destroyed after corruption: destroying a corrupted heap
/// may crash.
class ScriptRunner {
 public:
  explicit ScriptRunner(ScriptOptions options)
      : options_{std::move(options)}, executor_{{.heap_bytes = options_.heap_bytes}} {
    executor_.keep_events(options_.kept_events);
  }

  /// Called once.
  [[nodiscard]] Exit run(Source& source, RunReader& reader);

  /// For a handler of fatal errors: passes the events of the unfinished step to the reader.
  static void show_unfinished();

  [[nodiscard]] const Executor& executor() const { return executor_; }

 private:
  [[nodiscard]] Exit run_steps(Source& source, RunReader& reader);
  void run_tasks(Program program, std::size_t boot_steps, RunReader& reader);
  void report_stuck(const World& world, RunReader& reader);
  template <class Call>
  void watched(RunReader& reader, Call call);
  void report_failed_expectation(RunReader& reader) const;
  void report_error(const ScriptError& error, RunReader& reader) const;

  ScriptOptions options_;
  Executor executor_;
  std::uint64_t line_ = 0;  // of the current step
  std::string never_freed_;
  bool is_stuck_ = false;  // a task waits for a signal or a mailbox, for ever

  // The current run, if any, for show_unfinished: a fatal error does not return to it.
  static inline const ScriptRunner* watched_run = nullptr;
  static inline RunReader* watching_reader = nullptr;
};

}  // namespace mneme::driver
