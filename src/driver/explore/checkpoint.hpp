// purpose: keeps the finished layers of a search in files, so that it can go on after a kill.
// layer: explore; includes search.
// threads: one owner; one process at a time for a folder, which a lock on a file ensures.
// invariants: the manifest names only what is in the other files already; these only grow, and what
//   they have beyond it is ignored.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "search.hpp"

namespace mneme::driver {

/// The options of a search that is kept in a folder.
struct CheckpointOptions {
  std::string folder;  // empty: it is not kept
  bool resumes = false;
  double seconds = 5;  // between two manifests, at least
};

/// A folder with the files `states`, `transitions` and `manifest`. States are their fingerprints;
/// those of the last layer are made again by their steps. All failures are InputError.
class Checkpoint {
 public:
  /// Locks the folder. `script`: of all that the states depend on. Without `resumes`, the folder is
  /// made if it is not there, and must have no manifest; with it, a run must have begun in it.
  Checkpoint(const CheckpointOptions& options, Fingerprint script);

  /// What the manifest names, to go on with; empty if there is none.
  [[nodiscard]] SearchResult load(World& world);
  /// For SearchLimits::on_layer: writes, if it is time.
  void on_layer(const SearchResult& result, const World& world, StateNumber first, StateNumber end);
  /// Writes what is complete.
  void finish(const SearchResult& result, const World& world);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Closer>;

  /// A file of words that only grows.
  struct Log {
    File file;
    testing::FingerprintMixer mixer{};
  };
  /// What a manifest names: the states before `end`, and the transitions of those before `first`.
  struct Layer {
    StateNumber first = 0;
    StateNumber end = 0;
    std::size_t depth = 0;
  };

  [[noreturn]] void fail_to_write(const std::string& name) const;
  [[noreturn]] void fail_damaged() const;
  [[nodiscard]] std::string path_of(const std::string& name) const;
  void open(Log& log, const std::string& name) const;
  void put(Log& log, std::uint64_t word) const;
  void write(const SearchResult& result, const World& world);
  void write_manifest(const SearchResult& result, const World& world);
  void read_states(StateGraph& graph, std::uint64_t count);
  void read_transitions(StateGraph& graph, std::uint64_t expanded);
  [[nodiscard]] std::uint64_t take(Log& log) const;
  void end_reading(Log& log) const;

  CheckpointOptions options_;
  Fingerprint script_;
  File lock_;
  bool goes_on_ = false;  // there is a manifest
  Log states_;
  Log transitions_;
  Fingerprint all_;  // of all states that are written: the XOR of theirs
  Layer written_;
  Layer complete_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// What searches: from the beginning, or from a result before a layer. `script`: of all that the
/// states depend on.
using SearchEngine = std::function<SearchResult(World& world, const SearchLimits& limits,
                                                SearchResult from, Fingerprint script)>;

/// search_in_parallel() by so many processes.
[[nodiscard]] SearchEngine engine_with(std::size_t workers);

/// Searches with this engine, and in a folder if the options name one. `before`: the steps before
/// the first state.
[[nodiscard]] SearchResult search(World& world, const SearchLimits& limits,
                                  const CheckpointOptions& options, const SearchEngine& engine,
                                  const Path& before);

}  // namespace mneme::driver
