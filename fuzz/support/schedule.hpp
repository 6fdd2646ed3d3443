// purpose: tasks on one heap as fibers, paused before the atomic operations that the input picks.
// layer: fuzz; includes the library, on atomics that yield to the schedule: include it first.
// threads: one.
// invariants: P1–P5, P8, P9 after each step; the same input gives the same run.
#pragma once

#define MNEME_ATOMIC_HEADER "../../lit-tests/support/observing_atomic.hpp"
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
    test::spinning = [] { stop("a lock is held, and nobody runs any more"); };
    check_end(world.heap);
  }

  std::uint64_t now() override { return ++clock_; }

  /// A hash of the task and the time of each atomic operation: equal for equal runs.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

  void woken(std::uint64_t asked) override {
    const Pause pause(*this);
    const bool overtook = std::ranges::any_of(
        waiting_of(actors_), [&](const Actor::Waiting& one) { return one.queued < asked; });
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
    Actor& actor = *actors_[task];
    while (const driver::Op* const op = world_.next_step(task)) {
      inside([&] { actor.step(*op); });
      if (op->kind == driver::OpKind::expect_keys) rest();
    }
    inside([&] { actor.unlock(); });
    for (++through_; !over_;) rest();
    inside([&] { actor.finish(); });
  }

  template <class F>
  void inside(F act) {
    ++inside_;
    act();
    if (--inside_ == 0) check();
  }

  /// Between two steps: waits until the others rest as well; the last to come has checked.
  void rest() {
    const unsigned round = rounds_;
    if (++resting_ == world_.tasks) {
      resting_ = 0;
      ++rounds_;
      over_ = through_ == world_.tasks;
    }
    while (round == rounds_) fibers_.let(fibers_.now() + 1);
  }

  void before_step() {
    if (paused_) return;
    digest_ = (digest_ ^ fibers_.now() ^ (clock_ << 2U)) * 0x100000001b3U;  // FNV-1a's prime
    if (steps_left_-- > 0) return;
    const auto choice = world_.next_choice();
    steps_left_ = choice ? *choice >> 2U : 15;
    fibers_.let(choice ? *choice & 3U : fibers_.now() + 1);
  }

  void spin() {
    require(!actors_[fibers_.now()]->is_freeing(), "a free waits for another task (P4)");
    fibers_.let(fibers_.now() + 1);
  }

  void check() {
    const Pause pause(*this);
    check_rest(world_.heap, actors_, world_.has_deferred());
    if (world_.heap.counters().deferred == 0) world_.forget_deferred();
  }

  World& world_;
  Fibers fibers_;
  Actors actors_;
  std::uint64_t clock_ = 0;
  std::uint64_t digest_ = 0;
  unsigned steps_left_ = 0;
  std::size_t inside_ = 0;
  std::size_t resting_ = 0;
  std::size_t through_ = 0;
  unsigned rounds_ = 0;
  bool over_ = false;
  bool paused_ = false;
};

}  // namespace mneme::fuzz
