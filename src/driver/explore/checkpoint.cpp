// purpose: writes and reads the files of a checkpoint.
// layer: explore; includes checkpoint, explain, diagnostic and POSIX.
// threads: as in the header.
// invariants: as in the header.
#include "checkpoint.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "driver/language/diagnostic.hpp"
#include "driver/language/input.hpp"
#include "explain.hpp"
#include "parallel_search.hpp"

namespace mneme::driver {

namespace {

constexpr const char* states_name = "states";
constexpr const char* transitions_name = "transitions";
constexpr const char* manifest_name = "manifest";
constexpr const char* new_manifest_name = "manifest.new";
constexpr const char* lock_name = "lock";

/// The first line of a manifest, with the version of its format.
constexpr std::string_view first_line = "mneme checkpoint 1";

// The last word of a state, and that of a transition.
constexpr unsigned switches_shift = 32;
constexpr unsigned task_shift = 48;
constexpr unsigned choice_shift = 56;
constexpr std::uint64_t unfinished_flag = 1;
constexpr std::uint64_t waiting_flag = 2;
constexpr unsigned weight_shift = 32;
constexpr unsigned grants_shift = 40;

std::uint64_t word_of(const Transition& edge) {
  return edge.to | std::uint64_t{edge.weight} << weight_shift |
         std::uint64_t{edge.grants} << grants_shift | std::uint64_t{edge.program} << task_shift |
         std::uint64_t{edge.choices} << choice_shift;
}

Transition transition_of(std::uint64_t word) {
  return {.to = static_cast<StateNumber>(word),
          .weight = static_cast<std::uint8_t>(word >> weight_shift),
          .grants = (word >> grants_shift & 1) != 0,
          .program = static_cast<std::uint8_t>(word >> task_shift),
          .choices = static_cast<std::uint8_t>(word >> choice_shift)};
}

Fingerprint sum_of(std::string_view text) { return fingerprint_of(std::as_bytes(std::span(text))); }

/// Of the script as it is explored: of its steps, objects and heaps, and of the options.
Fingerprint script_of(const World& world, const Path& before) {
  const Program& program = world.program();
  std::string text = schedule_text(world, before) + '\n';
  const auto put_task = [&](const TaskProgram& task) {
    text += fmt::format("{} {} {}\n", task.name, task.is_isr, task.copies);
    for (const ProgramStep& step : task.steps) {
      text += fmt::format("{} {} {}\n", step.text, step.is_glued, step.jump);
    }
  };
  put_task(program.boot);
  for (const TaskProgram& task : program.tasks) put_task(task);
  for (const SemaphoreSpec& each : program.semaphores) {
    text += fmt::format("{} {}\n", each.name, each.start);
  }
  for (const MailboxSpec& each : program.mailboxes) {
    text += fmt::format("{} {}\n", each.name, each.capacity);
  }
  for (std::size_t heap = 0; heap < program.heaps.size(); ++heap) {
    const HeapOptions& own = world.options().heaps[heap];
    text += fmt::format("{} {} {} {} {} {} {} {}\n", program.heaps[heap].name, own.bytes,
                        own.raw_row, own.raw_arguments.number, own.raw_arguments.align,
                        static_cast<int>(own.queue.kind), own.queue.number,
                        program.heaps[heap].align_bytes);
  }
  // What identifies a state may hold addresses.
  text += fmt::format("{}\n", mneme::address_of(world.heap(0).raw().region()));
  text += fmt::format("{} {} {}\n", world.options().varied,
                      static_cast<int>(world.options().switches), world.options().is_exact);
  return sum_of(text);
}

struct Manifest {
  Fingerprint script;
  std::uint64_t states = 0;
  Fingerprint all;  // the XOR of the states' fingerprints
  std::uint64_t expanded = 0;
  std::uint64_t depth = 0;
  Fingerprint states_sum;  // of the words in the file
  Fingerprint transitions_sum;
  std::uint64_t waits = 0;
  Observed observed;
  std::vector<std::uint64_t> world;

  /// Calls f(name, number) for each, in the order of the file.
  template <class F>
  void for_each(F f) {
    const auto both = [&](const char* name, Fingerprint& sum) {
      f(name, sum.low);
      f(name, sum.high);
    };
    both("script", script);
    f("states", states);
    both("fingerprint", all);
    f("expanded", expanded);
    f("depth", depth);
    both("states_sum", states_sum);
    both("transitions_sum", transitions_sum);
    f("least_growth", observed.least_growth);
    f("high_water", observed.high_water);
    f("peak_bytes", observed.peak_bytes);
    f("any_placement", observed.any_placement);
    f("waits", waits);
    for (std::uint64_t& each : world) f("world", each);
  }
};

}  // namespace

Checkpoint::Checkpoint(const CheckpointOptions& options, Fingerprint script)
    : options_{options}, script_{script} {
  const auto has = [&](const char* name) { return ::access(path_of(name).c_str(), F_OK) == 0; };
  if (options_.resumes && !has(lock_name)) {
    throw InputError(in_quotes(options_.folder) + " has no checkpoint to resume");
  }
  if (::mkdir(options_.folder.c_str(), 0777) != 0 && errno != EEXIST) fail_to_write("");
  std::error_code error;
  if (!has(lock_name) && !std::filesystem::is_empty(options_.folder, error)) {
    throw InputError(in_quotes(options_.folder) +
                     " is not empty, and has no checkpoint: choose another folder");
  }
  lock_.reset(std::fopen(path_of(lock_name).c_str(), "ab"));
  if (lock_ == nullptr) fail_to_write(lock_name);
  if (::flock(::fileno(lock_.get()), LOCK_EX | LOCK_NB) != 0) {
    throw InputError(in_quotes(options_.folder) + " is in use by another run");
  }
  goes_on_ = has(manifest_name);
  if (goes_on_ && !options_.resumes) {
    throw InputError(in_quotes(options_.folder) +
                     " has a checkpoint already; go on with --resume, or take another folder");
  }
  open(states_, states_name);
  open(transitions_, transitions_name);
}

void Checkpoint::fail_to_write(const std::string& name) const {
  throw InputError("cannot write " + in_quotes(path_of(name)) + ": " + std::strerror(errno));
}

void Checkpoint::fail_damaged() const {
  throw InputError("the checkpoint in " + in_quotes(options_.folder) + " is damaged");
}

std::string Checkpoint::path_of(const std::string& name) const {
  return name.empty() ? options_.folder : options_.folder + '/' + name;
}

void Checkpoint::open(Log& log, const std::string& name) const {
  log.file.reset(std::fopen(path_of(name).c_str(), goes_on_ ? "r+b" : "w+b"));
  if (log.file == nullptr && goes_on_) fail_damaged();
  if (log.file == nullptr) fail_to_write(name);
}

void Checkpoint::put(Log& log, std::uint64_t word) const {
  if (std::fwrite(&word, sizeof word, 1, log.file.get()) != 1) fail_to_write("");
  log.mixer.add(word);
}

std::uint64_t Checkpoint::take(Log& log) const {
  std::uint64_t word = 0;
  if (std::fread(&word, sizeof word, 1, log.file.get()) != 1) fail_damaged();
  log.mixer.add(word);
  return word;
}

void Checkpoint::on_layer(const SearchResult& result, const World& world, StateNumber first,
                          StateNumber end) {
  complete_ = {.first = first, .end = end, .depth = result.depth};
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - last_;
  if (since.count() < options_.seconds) return;
  write(result, world);
  last_ = std::chrono::steady_clock::now();
}

void Checkpoint::finish(const SearchResult& result, const World& world) {
  const auto size = static_cast<StateNumber>(result.graph.size());
  if (result.is_complete()) complete_ = {.first = size, .end = size, .depth = result.depth};
  if (complete_.end > 0) write(result, world);
}

void Checkpoint::write(const SearchResult& result, const World& world) {
  for (StateNumber state = written_.end; state < complete_.end; ++state) {
    const StateGraph::State& each = result.graph[state];
    all_.low ^= each.fingerprint.low;
    all_.high ^= each.fingerprint.high;
    put(states_, each.fingerprint.low);
    put(states_, each.fingerprint.high);
    put(states_, each.blocking);
    put(states_, each.parent | std::uint64_t{each.switches} << switches_shift |
                     std::uint64_t{each.move.task} << task_shift |
                     std::uint64_t{each.move.choice} << choice_shift);
    put(states_,
        (each.has_unfinished ? unfinished_flag : 0) | (each.has_waiting ? waiting_flag : 0));
  }
  for (StateNumber state = written_.first; state < complete_.first; ++state) {
    const auto edges = result.graph.edges_of(state);
    put(transitions_, edges.size());
    for (const Transition& edge : edges) put(transitions_, word_of(edge));
  }
  for (const Log* const log : {&states_, &transitions_}) {
    if (std::fflush(log->file.get()) != 0 || ::fsync(::fileno(log->file.get())) != 0) {
      fail_to_write("");
    }
  }
  written_ = complete_;
  write_manifest(result, world);
}

void Checkpoint::write_manifest(const SearchResult& result, const World& world) {
  Manifest manifest{.script = script_,
                    .states = written_.end,
                    .all = all_,
                    .expanded = written_.first,
                    .depth = written_.depth,
                    .states_sum = states_.mixer.finish(),
                    .transitions_sum = transitions_.mixer.finish(),
                    .waits = result.observed.waits ? std::uint64_t{1} : 0,
                    .observed = result.observed,
                    .world = world.seen()};
  std::string text{first_line};
  manifest.for_each([&](const char* name, std::uint64_t number) {
    text += fmt::format("\n{} {}", name, number);
  });
  text += fmt::format("\nsum {}\n", sum_of(text).low);
  const File file{std::fopen(path_of(new_manifest_name).c_str(), "wb")};
  if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0 || ::fsync(::fileno(file.get())) != 0 ||
      std::rename(path_of(new_manifest_name).c_str(), path_of(manifest_name).c_str()) != 0) {
    fail_to_write(manifest_name);
  }
}

SearchResult Checkpoint::load(World& world) {
  if (!goes_on_) return {};
  const std::string text = read_whole(path_of(manifest_name));
  const std::size_t end = text.rfind("\nsum ");
  if (end == std::string::npos ||
      text.substr(end) != fmt::format("\nsum {}\n", sum_of(text.substr(0, end)).low)) {
    fail_damaged();
  }
  Manifest manifest;
  manifest.world = world.seen();
  std::string_view rest = std::string_view(text).substr(0, end);
  const auto next_line = [&] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    return line;
  };
  bool is_whole = next_line() == first_line;
  manifest.for_each([&](const char* name, std::uint64_t& number) {
    std::string_view line = next_line();
    is_whole = is_whole && take_word(line) == name;
    number = std::strtoull(std::string(line).c_str(), nullptr, 10);
  });
  if (manifest.script != script_) {
    throw InputError("the checkpoint in " + in_quotes(options_.folder) +
                     " is of another script, or of other options");
  }
  if (!is_whole || !rest.empty()) fail_damaged();
  SearchResult result;
  read_states(result.graph, manifest.states);
  read_transitions(result.graph, manifest.expanded);
  if (all_ != manifest.all || states_.mixer.finish() != manifest.states_sum ||
      transitions_.mixer.finish() != manifest.transitions_sum) {
    fail_damaged();
  }
  written_ = complete_ = {.first = static_cast<StateNumber>(manifest.expanded),
                          .end = static_cast<StateNumber>(manifest.states),
                          .depth = manifest.depth};
  result.depth = manifest.depth;
  result.transitions = result.graph.edge_count();
  result.observed = manifest.observed;
  result.observed.waits = manifest.waits != 0;
  world.add_seen(manifest.world);
  return result;
}

/// What follows in the file was written after the manifest, and is written again.
void Checkpoint::read_states(StateGraph& graph, std::uint64_t count) {
  for (std::uint64_t state = 0; state < count; ++state) {
    const std::uint64_t low = take(states_);
    const Fingerprint fingerprint{.low = low, .high = take(states_)};
    all_.low ^= fingerprint.low;
    all_.high ^= fingerprint.high;
    if (graph.add(fingerprint) != state) fail_damaged();
    StateGraph::State& each = graph[static_cast<StateNumber>(state)];
    each.blocking = take(states_);
    const std::uint64_t path = take(states_);
    const std::uint64_t flags = take(states_);
    each.parent = static_cast<StateNumber>(path);
    each.switches = static_cast<std::uint16_t>(path >> switches_shift);
    each.move = {static_cast<std::uint8_t>(path >> task_shift),
                 static_cast<std::uint8_t>(path >> choice_shift)};
    each.has_unfinished = (flags & unfinished_flag) != 0;
    each.has_waiting = (flags & waiting_flag) != 0;
    if (each.parent >= std::max<std::uint64_t>(state, 1)) fail_damaged();
  }
  end_reading(states_);
}

void Checkpoint::read_transitions(StateGraph& graph, std::uint64_t expanded) {
  if (expanded > graph.size()) fail_damaged();
  for (StateNumber state = 0; state < expanded; ++state) {
    graph.begin_edges(state);
    for (std::uint64_t left = take(transitions_); left > 0; --left) {
      const Transition edge = transition_of(take(transitions_));
      if (edge.to >= graph.size()) fail_damaged();
      graph.add_edge(edge);
    }
  }
  end_reading(transitions_);
}

void Checkpoint::end_reading(Log& log) const {
  const long at = std::ftell(log.file.get());
  if (at < 0 || ::ftruncate(::fileno(log.file.get()), at) != 0 ||
      std::fseek(log.file.get(), at, SEEK_SET) != 0) {
    fail_to_write({});
  }
}

SearchEngine engine_with(std::size_t workers) {
  return [workers](World& world, const SearchLimits& limits, SearchResult from,
                   Fingerprint /*script*/) {
    return search_in_parallel(world, limits, std::move(from), workers);
  };
}

SearchResult search(World& world, const SearchLimits& limits, const CheckpointOptions& options,
                    const SearchEngine& engine, const Path& before) {
  const Fingerprint script = script_of(world, before);
  if (options.folder.empty()) return engine(world, limits, {}, script);
  Checkpoint checkpoint{options, script};
  SearchLimits with = limits;
  with.on_layer = [&](const SearchResult& result, StateNumber first, StateNumber end) {
    checkpoint.on_layer(result, world, first, end);
  };
  SearchResult result = engine(world, with, checkpoint.load(world), script);
  checkpoint.finish(result, world);
  return result;
}

}  // namespace mneme::driver
