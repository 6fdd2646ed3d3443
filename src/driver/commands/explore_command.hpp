// purpose: `mneme explore`: whether tasks can deadlock; and the options of `mneme fit`, too.
// layer: commands; includes explore, script_runner.
// threads: one call at a time.
// invariants: standard output is the same in every run; progress goes to standard error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "driver/explore/checkpoint.hpp"
#include "driver/explore/window.hpp"
#include "driver/report/output.hpp"
#include "script_runner.hpp"

namespace mneme::driver {

struct ExploreOptions {
  std::string path;  // `-` is standard input
  std::optional<std::string> raw;
  std::optional<std::string> queue;
  std::optional<std::uint64_t> heap_bytes;
  std::string heap_name;  // to which the three belong, and which fit varies; empty: the first
  std::uint64_t memory_bytes = std::uint64_t{2} << 30U;
  std::uint64_t states = 0;  // 0: no limit
  std::string switches = "anywhere";
  std::string goal = "no-deadlock";
  std::string schedule_out;
  std::string draw;  // the file for a picture
  Window window;     // of `explore`
  CheckpointOptions checkpoint;
  std::size_t workers = 1;
  SearchEngine engine;  // empty: so many workers
  std::uint64_t walks = 0;
  std::optional<std::uint64_t> first_walk;  // if set, only walk
  std::uint64_t walk_steps = 10'000;
  std::uint64_t seed = 1;
  bool is_exact = false;
  bool tries_any_raw_heap = true;
  bool advises = true;
};

/// Prints whether any order of the tasks' steps deadlocks.
[[nodiscard]] Exit run_explore(const ExploreOptions& options, Output& output);

}  // namespace mneme::driver
