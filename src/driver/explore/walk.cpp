// purpose: the walks.
// layer: explore; includes walk.
// threads: one owner.
// invariants: see walk.hpp.
#include "walk.hpp"

#include <array>

#include "random.hpp"

namespace mneme::driver {

namespace {

enum class WalkEnd : std::uint8_t { finished, deadlock, stuck, cut_off };

class Walker {
 public:
  Walker(World& world, const WalkPlan& plan) : world_{world}, plan_{plan} {}

  [[nodiscard]] WalkSum run() {
    constexpr std::uint64_t between_looks = 256;
    for (std::uint64_t at = 0; at < plan_.walks; ++at) {
      if (at % between_looks == 0) {
        if (plan_.interrupted != nullptr && *plan_.interrupted != 0) break;
        if (plan_.on_progress) plan_.on_progress(at);
      }
      add(plan_.first + at, take(plan_.first + at));
    }
    return std::move(sum_);
  }

 private:
  [[nodiscard]] WalkEnd take(std::uint64_t number) {
    Random random{Random{plan_.seed}.next() ^ Random{~number}.next()};
    path_.clear();
    world_.restart();
    while (path_.size() < plan_.steps_max) {
      const std::optional<Move> move = random_move(world_, random);
      if (!move) return end();
      (void)world_.step(*move);
      path_.push_back(*move);
    }
    return WalkEnd::cut_off;
  }

  [[nodiscard]] WalkEnd end() const {
    if (world_.is_waiting()) return WalkEnd::deadlock;
    return world_.blocking_objects() != 0 ? WalkEnd::stuck : WalkEnd::finished;
  }

  void add(std::uint64_t number, WalkEnd end) {
    ++sum_.walks;
    sum_.deadlocks += end == WalkEnd::deadlock ? 1 : 0;
    sum_.stuck += end == WalkEnd::stuck ? 1 : 0;
    sum_.cut_off += end == WalkEnd::cut_off ? 1 : 0;
    if (end != WalkEnd::deadlock && (end != WalkEnd::stuck || sum_.deadlocks > 0)) return;
    const bool is_first_deadlock = end == WalkEnd::deadlock && sum_.deadlocks == 1;
    if (sum_.shortest_walk && !is_first_deadlock && path_.size() >= sum_.shortest.size()) return;
    sum_.shortest = path_;
    sum_.shortest_walk = number;
  }

  World& world_;
  const WalkPlan& plan_;
  WalkSum sum_;
  Path path_;
};

}  // namespace

WalkSum walk(World& world, const WalkPlan& plan) { return Walker{world, plan}.run(); }

}  // namespace mneme::driver
