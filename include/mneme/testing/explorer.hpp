// purpose: worlds as a search needs them: made anew for each schedule, and compared.
// layer: testing; includes world_base, world_memory and search.
// threads: one.
// invariants: a state that is made again has the fingerprint that it had before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../settings.hpp"
#include "search.hpp"
#include "state_graph.hpp"
#include "world_base.hpp"
#include "world_memory.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// How C++ tasks are explored.
struct ExploreOptions {
  Switches switches = Switches::anywhere;
  std::uint64_t states = ~std::uint64_t{0};
  std::uint64_t memory_bytes = std::uint64_t{1} << 30U;
  /// Of how many states that were reached once more one is continued in both ways.
  std::uint32_t audit_every = 16;
};

/// A world goes on in a way that its schedule does not explain.
class Diverged : public std::exception {
 public:
  /// `one` led to a state, and `other` should have led to the same.
  Diverged(Path one, Path other) : one_{std::move(one)}, other_{std::move(other)} {}
  [[nodiscard]] const char* what() const noexcept override { return "a world is not repeatable"; }
  [[nodiscard]] const Path& one() const { return one_; }
  [[nodiscard]] const Path& other() const { return other_; }
  [[nodiscard]] bool is_repeated() const { return one_ == other_; }

 private:
  Path one_;
  Path other_;
};

/// Makes worlds `W(heap_bytes, args…)`.
template <class W, class... Args>
class Explorer {
 public:
  Explorer(const ExploreOptions& options, std::size_t heap_bytes, const Args&... args)
      : options_{options}, heap_bytes_{heap_bytes}, args_{args...} {}
  Explorer(const Explorer&) = delete;
  Explorer& operator=(const Explorer&) = delete;
  ~Explorer() { destroy(); }

  [[nodiscard]] WorldBase& world() { return *world_; }

  void restart() {
    destroy();
    memory_.begin();
    WorldMemory* const before = std::exchange(WorldMemory::active, &memory_);
    try {
      std::apply([&](const Args&... args) { world_.emplace(heap_bytes_, args...); }, args_);
    } catch (...) {
      WorldMemory::active = before;
      throw;
    }
    WorldMemory::active = before;
    if (fails_if_too_large_) world().fail_if_too_large();
    world().begin(options_.switches, endless_);
    seen_ = {};
  }

  /// From the next restart() on.
  void fail_if_too_large() { fails_if_too_large_ = true; }

  // For the search.

  [[nodiscard]] static bool can_copy() { return false; }
  [[nodiscard]] static std::size_t snapshot_bytes() { return 0; }
  static void save(std::byte* /*to*/) {}
  static void load(const std::byte* /*from*/) {}
  [[nodiscard]] std::size_t task_count() { return world().task_count(); }
  [[nodiscard]] std::uint8_t program_of(std::size_t task) { return world().program_of(task); }
  [[nodiscard]] bool can_step(std::size_t task) { return world().can_step(task); }
  [[nodiscard]] std::size_t choices(std::size_t task) { return world().choices(task); }
  [[nodiscard]] std::size_t twin_of(std::size_t task) { return world().twin_of(task); }
  [[nodiscard]] std::span<const std::byte> identity() { return world().identity(); }
  [[nodiscard]] bool has_lasting_request() { return world().has_lasting_request(); }
  [[nodiscard]] bool has_unfinished() { return world().has_unfinished(); }
  [[nodiscard]] std::uint64_t blocking_objects() { return world().blocking_objects(); }
  void observe(Observed& seen) { world().observe(seen); }

  [[nodiscard]] TaskStep step(Move move) {
    if (move.task >= task_count() || !can_step(move.task) || move.choice >= choices(move.task)) {
      throw Diverged{{}, {}};
    }
    TaskStep result = world().step(move);
    world().observe(seen_);
    learned_ |= world().endless();
    return result;
  }

  void on_restored(const StateGraph& graph, StateNumber state, bool is_same) {
    if (!is_same) throw Diverged{graph.path_to(state), graph.path_to(state)};
  }

  /// Continues two histories that led to one state, and compares them.
  void on_merged(const StateGraph& graph, StateNumber from, Move move, StateNumber to) {
    constexpr std::size_t always_audited = 256;
    ++merges_;
    if (options_.audit_every == 0) return;
    if (merges_ > always_audited && merges_ % options_.audit_every != 0) return;
    Path other = graph.path_to(from);
    other.push_back(move);
    const Path one = graph.path_to(to);
    if (one == other) return;
    ++audited_;
    audit(graph[to].fingerprint, one, other);
  }

  [[nodiscard]] bool has_failed() {
    if (world().failure()) failure_ = world().failure();
    return failure_.has_value();
  }

  /// At the end of a schedule: whether a block is left that nothing owns.
  [[nodiscard]] bool end_is_wrong() {
    for (std::size_t task = 0; task < task_count(); ++task) {
      if (!world().is_done(task) && !world().task_at(task).is_isr) return false;
    }
    std::vector<std::string> names;
    for (std::size_t task = 0; task < task_count(); ++task) {
      names.push_back(world().task_at(task).name);
    }
    world().on_leak([&](const std::vector<Block>& left) {
      if (left.empty()) return;
      const Block& block = left.front();
      const std::string maker = block.maker < names.size() ? names[block.maker] : "the world";
      failure_ = {Failure::Kind::leak, maker, std::to_string(block.size) + " bytes are never freed",
                  block.where};
    });
    destroy();
    return failure_.has_value();
  }

  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  /// By how much the heap has to grow for a step since the restart to be otherwise.
  [[nodiscard]] std::size_t growth() const { return seen_.least_growth; }
  [[nodiscard]] std::size_t audited() const { return audited_; }
  /// The programs, a bit each, that go on for ever; a search begins with what is known of them.
  [[nodiscard]] std::uint64_t endless() const { return endless_; }
  [[nodiscard]] bool learns_endless() {
    return std::exchange(endless_, endless_ | learned_) != endless_;
  }

 private:
  void destroy() {
    if (world_) world().end();
    world_.reset();
  }

  /// One step of a continuation, in a form that is the same in two equal states.
  struct Trail {
    Fingerprint state;
    std::vector<std::uint16_t> able;  // of all tasks, in their sorted order: the choices
    bool has_failed = false;
    bool operator==(const Trail&) const = default;
  };

  [[nodiscard]] Trail look() {
    Trail trail;
    trail.state = fingerprint_of(identity());
    trail.has_failed = world().failure().has_value();
    for (const std::size_t task : world().sorted_tasks()) {
      trail.able.push_back(static_cast<std::uint16_t>(can_step(task) ? world().choices(task) : 0));
    }
    return trail;
  }

  /// The move at a place of a trail.
  [[nodiscard]] Move move_at(std::size_t place, std::size_t choice) {
    return {static_cast<std::uint8_t>(world().sorted_tasks()[place]),
            static_cast<std::uint8_t>(choice)};
  }

  void audit(const Fingerprint& state, Path one, Path other) {
    constexpr std::size_t steps_max = 200;
    std::vector<Trail> trails;
    std::vector<std::pair<std::size_t, std::size_t>> ways;  // places and choices
    replay(*this, one);
    if (fingerprint_of(identity()) != state) throw Diverged{one, one};
    std::vector<Path> ones{one};
    for (std::size_t count = 0; count < steps_max; ++count) {
      trails.push_back(look());
      std::vector<std::pair<std::size_t, std::size_t>> able;
      for (std::size_t place = 0; place < trails.back().able.size(); ++place) {
        for (std::size_t choice = 0; choice < trails.back().able[place]; ++choice) {
          able.emplace_back(place, choice);
        }
      }
      if (able.empty() || trails.back().has_failed) break;
      ways.push_back(able[draw(able.size())]);
      one.push_back(move_at(ways.back().first, ways.back().second));
      ones.push_back(one);
      (void)step(one.back());
    }
    replay(*this, other);
    if (fingerprint_of(identity()) != state) throw Diverged{other, other};
    for (std::size_t at = 0; at < trails.size(); ++at) {
      if (look() != trails[at]) tell_difference(trails[at], ones[at], other);
      if (at == ways.size()) break;
      other.push_back(move_at(ways[at].first, ways[at].second));
      (void)step(other.back());
    }
  }

  [[noreturn]] void tell_difference(const Trail& trail, const Path& one, const Path& other) {
    replay(*this, one);
    if (look() != trail) throw Diverged{one, one};
    throw Diverged{one, other};
  }

  [[nodiscard]] std::size_t draw(std::size_t below) {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return random_ % below;
  }

  ExploreOptions options_;
  std::size_t heap_bytes_;
  std::tuple<const Args&...> args_;
  WorldMemory memory_;
  std::optional<W> world_;
  std::optional<Failure> failure_;
  Observed seen_;  // since the restart
  std::uint64_t endless_ = 0;
  std::uint64_t learned_ = 0;
  std::uint64_t random_ = 0x9e3779b97f4a7c15U;
  std::size_t merges_ = 0;
  std::size_t audited_ = 0;
  bool fails_if_too_large_ = false;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
