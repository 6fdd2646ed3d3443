// purpose: tasks on one heap as fibers, stopped before any atomic step that the input says.
// room: fuzz; includes the library, on atomics that let the schedule in: so this header goes first.
// threads: one.
// invariants: P1–P5, P8, P9 after each step; the same input gives the same run.
#pragma once

#define MNEME_ATOMIC_HEADER "../../lit-tests/free/Inputs/watched_atomic.hpp"
#include "actor.hpp"
#include "fibers.hpp"
#include "world.hpp"

namespace mneme::fuzz {

class Schedule;
inline Schedule* schedule = nullptr;  // as the atomics' hooks have no argument; set for each input

class Schedule final : public Watch {
 public:
  explicit Schedule(World& world) : world_{world} {
    schedule = this;
    test::interrupt = [] { schedule->before_step(); };
    test::spinning = [] { schedule->spin(); };
    for (std::size_t task = 0; task < world.tasks; ++task) {
      actors_.push_back(std::make_unique<Actor>(world.heap, task + 1, this));
      fibers_.add([this, task] { play(task); });
    }
    fibers_.run();
    test::interrupt = nullptr;
    check_end(world.heap);
  }

  std::uint64_t now() override { return ++clock_; }

  void woken(std::uint64_t asked) override {
    const Pause pause(*this);
    const bool overtook = std::ranges::any_of(
        actors_, [&](const auto& actor) { return actor->waits_since_before(asked); });
    require(!overtook, "a request overtook one that waited before (P2)");
  }

 private:
  struct Pause {  // what a check asks of atomics is no step
    explicit Pause(Schedule& of) : outer{of}, before{std::exchange(of.paused_, true)} {}
    Pause(const Pause&) = delete;
    ~Pause() { outer.paused_ = before; }
    Schedule& outer;
    bool before;
  };

  void play(std::size_t task) {
    while (const driver::Op* const op = world_.next_step(task)) {
      ++inside_;
      actors_[task]->step(*op);
      if (--inside_ == 0) check_rest();
    }
    ++inside_;
    actors_[task]->finish();
    --inside_;
  }

  void before_step() {
    if (paused_ || steps_left_-- > 0) return;
    const auto choice = world_.next_choice();
    steps_left_ = choice ? *choice >> 2U : 15;
    fibers_.let(choice ? *choice & 3U : fibers_.now() + 1);
  }

  void spin() {
    require(!actors_[fibers_.now()]->is_freeing(), "a free waits for another task (P4)");
    fibers_.let(fibers_.now() + 1);
  }

  void check_rest() {  // nobody is inside of the heap
    const Pause pause(*this);
    Heap& heap = world_.heap;
    if (heap.is_locked() || heap.is_closed()) return;
    const Stats counts = heap.counts();
    if (counts.deferred > 0) {
      require(world_.has_deferred(), "a freed block was stranded (P1)");
      return;
    }
    const std::size_t hole = heap.raw().largest_hole_bytes();
    require(counts.waiting == 0 ||
                !std::ranges::all_of(actors_,
                                     [&](const auto& actor) { return actor->fits_into(hole); }),
            "the oldest waiting request fits, and was not granted (P1)");
  }

  World& world_;
  Fibers fibers_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::uint64_t clock_ = 0;
  unsigned steps_left_ = 0;
  int inside_ = 0;
  bool paused_ = false;
};

}  // namespace mneme::fuzz
