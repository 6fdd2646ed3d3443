// purpose: the program mneme-mpi: `mneme explore`, by the ranks of MPI.
// layer: mpi; includes commands, distributed_search; CLI11.
// threads: one in each rank.
// invariants: the first rank alone prints answers and writes files. Each rank reads the script; of
//   several that cannot, the lowest says why.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <mneme/check.hpp>
#include <string>

#include "distributed_search.hpp"
#include "driver/commands/explore_options.hpp"
#include "driver/language/diagnostic.hpp"
#include "ranks.hpp"

namespace mneme::driver {

namespace {

/// Ends a rank that has nothing to print.
struct Finished {
  Exit exit = Exit::ok;
};

void stop_with_corruption(const char* line) noexcept {
  std::fprintf(stderr, "%s\n", line);
  (void)MPI_Abort(MPI_COMM_WORLD, static_cast<int>(Exit::corruption));
}

class RankProgram {
 public:
  [[nodiscard]] Exit run(int argc, char** argv) {
    try {
      return explore(argc, argv);
    } catch (const Finished& finished) {
      return finished.exit;
    } catch (const ScriptError& error) {
      return fail(render(error.diagnostic()));
    } catch (const std::exception& error) {
      return fail(std::string("mneme-mpi: error: ") + error.what() + '\n');
    }
  }

 private:
  [[nodiscard]] Exit explore(int argc, char** argv) {
    CLI::App app{
        "mneme-mpi explores a script by several processes: mpirun -n 4 mneme-mpi explore …",
        "mneme-mpi"};
    app.require_subcommand(1);
    ExploreOptions options;
    CLI::App& command = add_explore_command(app, options);
    bool has_costs = false;
    command.add_flag("--costs", has_costs, "Print what the search cost, on standard error.");
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForHelp& help) {
      if (ranks_.is_first()) (void)app.exit(help);
      return Exit::ok;
    } catch (const CLI::ParseError& error) {
      throw InputError(error.what());
    }
    if (options.path == "-") throw InputError("a script for several ranks must be in a file");
    if (options.workers > 1) throw InputError("instead of --threads, use more ranks: mpirun -n");
    if (options.first_walk) throw InputError("walks need no MPI: use 'mneme explore --first'");
    // All ranks do the same: with a checkpoint, none tries the proof for any raw heap.
    options.tries_any_raw_heap = options.tries_any_raw_heap && options.checkpoint.folder.empty();
    if (!ranks_.is_first()) {
      options.checkpoint = {};
      options.draw.clear();
      options.schedule_out.clear();
    }
    options.engine = [&](World& world, const SearchLimits& limits, SearchResult from,
                         Fingerprint script) {
      return search(world, limits, std::move(from), script, has_costs);
    };
    Output output{ranks_.is_first() ? stdout : nullptr};
    const Exit exit = run_explore(options, output);
    output.flush();
    return exit;
  }

  [[nodiscard]] SearchResult search(World& world, const SearchLimits& limits, SearchResult from,
                                    Fingerprint script, bool has_costs) {
    has_begun_ = true;
    if (ranks_.min(ranks_.size()) < ranks_.size()) throw Finished{Exit::bad_input};
    if (ranks_.min(script.low) != ranks_.max(script.low)) {
      if (!ranks_.is_first()) throw Finished{Exit::bad_input};
      throw InputError("the ranks have different scripts, options or addresses of memory");
    }
    SearchResult result = search_by_ranks(ranks_, world, limits, std::move(from));
    if (ranks_.reason() == Ranks::failed) {
      const std::size_t own = ranks_.error() ? ranks_.rank() : ranks_.size();
      if (ranks_.min(own) != ranks_.rank()) throw Finished{Exit::bad_input};
      std::rethrow_exception(ranks_.error());
    }
    if (has_costs) print_costs(result);
    if (!ranks_.is_first()) throw Finished{};
    return result;
  }

  void print_costs(const SearchResult& result) {
    constexpr double microseconds = 1e6;
    const double busiest = static_cast<double>(ranks_.max(ranks_.busy_microseconds()));
    const double all = static_cast<double>(ranks_.sum(ranks_.busy_microseconds()));
    const double sent = static_cast<double>(ranks_.sum(ranks_.sent_bytes()));
    const double states = static_cast<double>(result.graph.size());
    if (!ranks_.is_first()) return;
    std::fprintf(stderr,
                 "mneme-mpi: %zu ranks: %.0f states, %.1f bytes sent a state; busy without MPI: "
                 "%.2f s in the busiest rank, %.2f s in all\n",
                 ranks_.size(), states, sent / states, busiest / microseconds, all / microseconds);
  }

  [[nodiscard]] Exit fail(const std::string& message) {
    if (has_begun_ || ranks_.min(ranks_.rank()) == ranks_.rank())
      std::fputs(message.c_str(), stderr);
    return Exit::bad_input;
  }

  Ranks ranks_;
  bool has_begun_ = false;  // the search, of which all know
};

}  // namespace

}  // namespace mneme::driver

int main(int argc, char** argv) {
  // A rank that waits lets others run. The variable is Open MPI's; the user's own value stays.
  (void)::setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  (void)MPI_Init(&argc, &argv);
  mneme::set_fatal_handler(&mneme::driver::stop_with_corruption);
  const mneme::driver::Exit exit = mneme::driver::RankProgram().run(argc, argv);
  (void)std::fflush(nullptr);
  (void)MPI_Finalize();
  return static_cast<int>(exit);
}
