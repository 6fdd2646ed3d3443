// purpose: forks the processes, hands states to them, and records what comes back.
// layer: explore; includes parallel_search, diagnostic and POSIX.
// threads: as in the header.
// invariants: a batch belongs to the worker from its `todo` to its `done`. If a worker fails, this
//   process expands the states of the batch itself, and so meets the same failure.
#include "parallel_search.hpp"

#include <semaphore.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <mneme/node.hpp>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t batch_states = 64;
constexpr std::size_t batches_of_each = 2;  // one that is filled while the other is worked on
constexpr std::size_t seen_max = heaps_max + 1;

/// A step that a worker has taken, and the state that it leads to.
struct Successor {
  Fingerprint fingerprint;
  std::uint64_t blocking = 0;
  Observed observed;
  Move move{};
  Transition edge{};
  bool has_unfinished = false;
  bool has_waiting = false;
};

/// States to expand, in shared memory; their copies, and then those of the successors, follow it.
struct Batch {
  sem_t todo{};
  sem_t done{};
  StateNumber first = 0;
  std::uint32_t states = 0;  // 0: the worker ends
  bool is_failed = false;
  std::array<std::uint32_t, batch_states> counts{};  // of the successors of each state
  std::array<std::uint64_t, seen_max> seen{};        // World::seen()
};

/// The parts of a batch in memory.
struct BatchPlaces {
  Batch* batch = nullptr;
  std::byte* states = nullptr;
  Successor* successors = nullptr;
  std::byte* copies = nullptr;
};

/// An upper bound of the steps from any state.
std::size_t most_steps(const World& world) {
  std::size_t sum = 0;
  for (const TaskInstance& task : world.tasks()) {
    std::size_t most = 1;
    for (const ProgramStep& step : task.program->steps) most = std::max(most, step.choices());
    sum += most;
  }
  return sum;
}

/// Waits, and returns false after a second.
bool wait_a_second(sem_t& semaphore) {
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  ++until.tv_sec;
  return ::sem_timedwait(&semaphore, &until) == 0;
}

class ParallelSearcher : testing::Searcher<World> {
  using Base = testing::Searcher<World>;

 public:
  ParallelSearcher(World& world, const SearchLimits& limits, std::size_t workers)
      : Base{world, limits}, steps_max_{most_steps(world)} {
    const std::size_t copies = batch_states * (1 + steps_max_) * world_.snapshot_bytes();
    const std::size_t records = batch_states * steps_max_ * sizeof(Successor);
    batch_bytes_ = (sizeof(Batch) + records + copies + page - 1) / page * page;
    memory_bytes_ = workers * batches_of_each * batch_bytes_;
    memory_ = ::mmap(nullptr, memory_bytes_, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) throw InputError("not enough memory for so many --threads");
    for (std::size_t at = 0; at < workers * batches_of_each; ++at) lay_out(at);
    for (std::size_t worker = 0; worker < workers; ++worker) start(worker);
  }
  ParallelSearcher(const ParallelSearcher&) = delete;
  ParallelSearcher& operator=(const ParallelSearcher&) = delete;
  ~ParallelSearcher() {
    for (const Worker& worker : workers_) {
      if (worker.is_over) continue;
      (void)::kill(worker.process, SIGKILL);
      (void)::waitpid(worker.process, nullptr, 0);
    }
    (void)::munmap(memory_, memory_bytes_);
  }

  [[nodiscard]] SearchResult run(SearchResult from) {
    return Base::run(std::move(from), [&] { expand_layer(); });
  }

 private:
  static constexpr std::size_t page = 4096;
  struct Worker {
    pid_t process = 0;
    bool is_over = false;  // it has ended, and is no process any more
  };

  void lay_out(std::size_t at) {
    std::byte* const start = static_cast<std::byte*>(memory_) + at * batch_bytes_;
    BatchPlaces& places = batches_.emplace_back();
    places.batch = node::begin_object<Batch>(start);
    std::byte* next = start + sizeof(Batch);
    for (std::size_t each = 0; each < batch_states * steps_max_; ++each) {
      auto* const successor = node::begin_object<Successor>(next + each * sizeof(Successor));
      if (each == 0) places.successors = successor;
    }
    next += batch_states * steps_max_ * sizeof(Successor);
    places.states = next;
    places.copies = next + batch_states * world_.snapshot_bytes();
    (void)::sem_init(&places.batch->todo, 1, 0);
    (void)::sem_init(&places.batch->done, 1, 0);
  }

  void start(std::size_t worker) {
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    if (process < 0) throw InputError("cannot start so many --threads");
    if (process == 0) {
      (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent) work(worker);
      ::_exit(0);
    }
    workers_.push_back({process});
  }

  /// The batches of a worker, in the order in which they come.
  [[nodiscard]] BatchPlaces& batch_of(std::size_t worker, std::size_t turn) {
    return batches_[worker * batches_of_each + turn % batches_of_each];
  }

  [[noreturn]] void work(std::size_t worker) {
    for (std::size_t turn = 0;; ++turn) {
      const BatchPlaces& places = batch_of(worker, turn);
      while (::sem_wait(&places.batch->todo) != 0) {
      }
      try {
        take_all_steps(places);
      } catch (...) {
        places.batch->is_failed = true;
      }
      (void)::sem_post(&places.batch->done);
    }
  }

  void take_all_steps(const BatchPlaces& places) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < places.batch->states; ++at) {
      const std::byte* const state = places.states + at * world_.snapshot_bytes();
      const std::size_t before = count;
      world_.load(state);
      (void)world_.identity();  // for the twins
      testing::NextSteps(world_).for_each([&](Move move, Transition edge) {
        if (count > before) world_.load(state);
        const StepResult step = world_.step(move);
        edge.grants = step.lasting_grants > 0;
        edge.program = world_.program_of(move.task);
        Successor& to = places.successors[count];
        to = {.fingerprint = fingerprint_of(world_.identity()),
              .blocking = world_.blocking_objects(),
              .observed = {},
              .move = move,
              .edge = edge,
              .has_unfinished = world_.has_unfinished(),
              .has_waiting = world_.has_lasting_request()};
        world_.observe(to.observed);
        world_.save(places.copies + count * world_.snapshot_bytes());
        ++count;
      });
      places.batch->counts[at] = static_cast<std::uint32_t>(count - before);
    }
    std::ranges::copy(world_.seen(), places.batch->seen.begin());
  }

  void expand_layer() {
    StateNumber given = layer_.first;
    StateNumber recorded = layer_.first;
    std::size_t give_turn = turn_;
    while (recorded < layer_.end && result_.bound == Bound::none) {
      while (given < layer_.end && give_turn < turn_ + batches_.size()) {
        given = give(places_of(give_turn++), given);
      }
      const BatchPlaces& places = places_of(turn_++);
      recorded += places.batch->states;
      record_all(places);
    }
  }

  [[nodiscard]] BatchPlaces& places_of(std::size_t turn) {
    return batch_of(turn % workers_.size(), turn / workers_.size());
  }

  /// Returns the state behind the batch.
  StateNumber give(const BatchPlaces& places, StateNumber first) {
    const std::size_t bytes = world_.snapshot_bytes();
    const auto count = std::min<StateNumber>(batch_states, layer_.end - first);
    places.batch->first = first;
    places.batch->states = count;
    places.batch->is_failed = false;
    std::copy_n(layer_.snapshots.data() + (first - layer_.first) * bytes, count * bytes,
                places.states);
    (void)::sem_post(&places.batch->todo);
    return first + count;
  }

  /// Waits for a batch. False if its worker has ended, or failed.
  [[nodiscard]] static bool await(const BatchPlaces& places, Worker& worker) {
    while (!worker.is_over && !wait_a_second(places.batch->done)) {
      worker.is_over = ::waitpid(worker.process, nullptr, WNOHANG) != 0;
    }
    return !worker.is_over && !places.batch->is_failed;
  }

  void record_all(const BatchPlaces& places) {
    const bool is_good = await(places, workers_[(turn_ - 1) % workers_.size()]);
    const Batch& batch = *places.batch;
    if (is_good) world_.add_seen(batch.seen);
    std::size_t next = 0;
    for (std::size_t at = 0; at < batch.states && result_.bound == Bound::none; ++at) {
      const auto state = static_cast<StateNumber>(batch.first + at);
      if (is_out_of_bounds(state)) return;
      if (!is_good) {
        expand(state);
        continue;
      }
      graph().begin_edges(state);
      if (batch.counts[at] == 0 && limits_.stops_at_deadlock && graph()[state].has_waiting) {
        result_.bound = Bound::deadlock;
      }
      for (std::uint32_t each = 0; each < batch.counts[at]; ++each, ++next) {
        record_one(state, places.successors[next], places.copies + next * world_.snapshot_bytes());
      }
    }
  }

  void record_one(StateNumber from, const Successor& to, const std::byte* copy) {
    (void)record(
        from, to.move, to.edge, to.fingerprint,
        [&](StateNumber state) {
          graph()[state].has_waiting = to.has_waiting;
          graph()[state].has_unfinished = to.has_unfinished;
          graph()[state].blocking = to.blocking;
          result_.observed.add(to.observed);
        },
        [&](StateNumber state) { std::copy_n(copy, world_.snapshot_bytes(), place_for(state)); });
  }

  std::size_t steps_max_;
  std::size_t batch_bytes_ = 0;
  std::size_t memory_bytes_ = 0;
  void* memory_ = nullptr;
  std::vector<BatchPlaces> batches_;
  std::vector<Worker> workers_;
  std::size_t turn_ = 0;  // of the next batch that is recorded
};

}  // namespace

SearchResult search_in_parallel(World& world, const SearchLimits& limits, SearchResult from,
                                std::size_t workers) {
  if (workers < 2 || !world.can_copy()) return testing::search(world, limits, std::move(from));
  world.restart();
  return ParallelSearcher{world, limits, workers}.run(std::move(from));
}

}  // namespace mneme::driver
