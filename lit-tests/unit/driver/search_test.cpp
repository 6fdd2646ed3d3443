// purpose: compares the search with a brute-force search of a separate model.
// layer: tests; includes the driver.
// threads: one.
// invariants: the model shares only the text of the scripts with the driver: first fit on a sorted
//   map, a queue, and every state as a string in a map, without any reduction.
// RUN: %build/tests/search_test
// UNSUPPORTED: valgrind
#include "driver/explore/search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "driver/explore/explain.hpp"
#include "driver/explore/fit.hpp"
#include "driver/explore/verdict.hpp"
#include "driver/explore/walk.hpp"
#include "driver/language/parser.hpp"
#include "support/effort.hpp"

namespace {

using namespace mneme::driver;

struct Step {
  std::string word;  // of the script
  int object = 0;    // a signal or mailbox
  int name = 0;
  std::vector<int> sizes{};  // of alloc
  bool may_give_up = false;  // of alloc
  std::vector<int> next{};   // where it may go on; more than one: the task chooses
  bool is_glued = false;     // to the step before: no other task goes between
};

/// A task as a graph of steps, with loops unrolled.
struct ModelTask {
  std::string text;
  std::vector<Step> steps;
  int copies = 1;
  bool is_isr = false;
};

struct Script {
  int heap = 0;
  std::vector<int> starts;  // of semaphores s0, s1
  std::vector<int> rooms;   // of mailboxes m0
  std::vector<ModelTask> tasks;
  bool is_endless = false;

  [[nodiscard]] std::string text(int heap_bytes) const {
    std::string all = "heap " + std::to_string(heap_bytes) + " raw=first-fit align=8\n";
    for (std::size_t at = 0; at < starts.size(); ++at) {
      all += "semaphore s" + std::to_string(at) + ' ' + std::to_string(starts[at]) + '\n';
    }
    for (std::size_t at = 0; at < rooms.size(); ++at) {
      all += "mailbox m" + std::to_string(at) + ' ' + std::to_string(rooms[at]) + '\n';
    }
    for (std::size_t at = 0; at < tasks.size(); ++at) {
      const ModelTask& task = tasks[at];
      all += (task.is_isr ? "isr t" : "task t") + std::to_string(at);
      if (task.copies > 1) all += " x" + std::to_string(task.copies);
      all += '\n' + task.text + "end\n";
    }
    return all;
  }
};

int block_bytes(int size) { return std::max(16, (size + 8 + 7) / 8 * 8); }

/// A random script.
class Drawer {
 public:
  explicit Drawer(unsigned seed) : random_{seed} {}

  [[nodiscard]] Script script() {
    script_ = {};
    script_.starts.resize(static_cast<std::size_t>(below(3)));
    for (int& start : script_.starts) start = below(3);
    if (below(5) < 2) script_.rooms.push_back(1 + below(2));
    largest_ = 16;
    for (int count = 1 + below(3); count > 0; --count) add_task();
    script_.heap = largest_ + 8 * below(9);
    return script_;
  }

 private:
  int below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  void add_task() {
    task_ = {};
    task_.is_isr = !script_.tasks.empty() && below(7) == 0;
    if (!task_.is_isr && below(3) == 0) task_.copies = 2 + below(2);
    held_.clear();
    names_ = 0;
    const int loop = below(7);
    const bool is_endless = loop == 0 && below(2) == 0;
    const int rounds = loop == 1 ? 2 : 1;
    // Repeats the steps for each round.
    const std::mt19937 before = random_;
    if (rounds == 2) task_.text += "repeat 2\n";
    if (is_endless) task_.text += "repeat forever\n";
    add_steps();
    if (rounds == 2 || is_endless) task_.text += "end\n";
    if (rounds == 2) {
      const std::string text = task_.text;
      random_ = before;
      names_ = 0;
      add_steps();
      task_.text = text;
    }
    if (is_endless) {
      for (Step& step : task_.steps) {
        for (int& next : step.next) {
          if (next == static_cast<int>(task_.steps.size())) next = 0;
        }
      }
    }
    script_.is_endless = script_.is_endless || is_endless;
    script_.tasks.push_back(task_);
  }

  void add_steps() {
    for (int count = 1 + below(4); count > 0; --count) {
      const int block = below(14);
      if (block == 0) {
        add_choice();
      } else if (block == 1) {
        add_atomic();
      } else {
        add_some();
      }
    }
    if (names_ == 0 && task_.is_isr) add_request();
    if (names_ == 0) add_line(simple("yield"));
    for (; !held_.empty(); held_.pop_back()) add_line(simple("free", 0, held_.back().first));
  }

  /// Branches that do not change which blocks are held.
  void add_choice() {
    const std::size_t choice = task_.steps.size();
    add_line(simple("choose"));
    task_.steps[choice].next.clear();
    std::vector<std::size_t> lasts;
    const auto held = held_;
    for (int branch = 0, branches = 2 + below(2); branch < branches; ++branch) {
      if (branch > 0) task_.text += "or\n";
      task_.steps[choice].next.push_back(static_cast<int>(task_.steps.size()));
      const bool is_empty = branch > 0 && below(3) == 0;
      if (is_empty) {
        task_.steps[choice].next.back() = -1;  // behind the end
        continue;
      }
      held_.clear();
      add_request();
      add_line(simple("free", 0, held_.back().first));
      lasts.push_back(task_.steps.size() - 1);
    }
    held_ = held;
    task_.text += "end\n";
    const auto end = static_cast<int>(task_.steps.size());
    for (const std::size_t last : lasts) task_.steps[last].next = {end};
    for (int& next : task_.steps[choice].next) next = next < 0 ? end : next;
  }

  void add_atomic() {
    task_.text += "atomic\n";
    const std::size_t first = task_.steps.size();
    for (int count = 2 + below(2); count > 0; --count) add_some();
    if (task_.steps.size() == first) add_request();
    for (std::size_t at = first + 1; at < task_.steps.size(); ++at) task_.steps[at].is_glued = true;
    task_.text += "end\n";
  }

  void add_some() {
    const int kind = below(16);
    const auto boxes = static_cast<int>(script_.rooms.size());
    const auto signals = static_cast<int>(script_.starts.size());
    if (kind < 7) {
      add_request();
    } else if (kind < 10 && !held_.empty()) {
      const auto at = static_cast<std::ptrdiff_t>(below(static_cast<int>(held_.size())));
      add_line(simple("free", 0, held_[static_cast<std::size_t>(at)].first));
      held_.erase(held_.begin() + at);
    } else if (kind < 12 && signals > 0) {
      add_line(simple("signal", below(signals)));
    } else if (kind == 12 && signals > 0 && !task_.is_isr) {
      add_line(simple("wait", below(signals)));
    } else if (kind == 13 && boxes > 0 && !held_.empty() && held_.back().second) {
      add_line(simple("send", 0, held_.back().first));
      held_.pop_back();
    } else if (kind >= 14 && boxes > 0) {
      add_line(simple("receive", 0, names_));
      held_.emplace_back(names_++, true);
    }
  }

  void add_request() {
    const std::array sizes{8, 8, 16, 24, 32, 40};
    const int mode = task_.is_isr ? 0 : below(10);
    Step step = simple(mode == 0 ? "try" : "alloc", 0, names_);
    step.sizes = {sizes[static_cast<std::size_t>(below(6))]};
    if (below(6) == 0) step.sizes.push_back(sizes[static_cast<std::size_t>(below(6))]);
    step.may_give_up = mode == 1;
    for (const int size : step.sizes) largest_ = std::max(largest_, block_bytes(size));
    held_.emplace_back(names_++, mode > 1);
    add_line(step);
  }

  Step simple(std::string word, int object = 0, int name = 0) {
    return {.word = std::move(word), .object = object, .name = name};
  }

  void add_line(Step step) {
    std::string line = step.word;
    const std::string name = " b" + std::to_string(step.name);
    if (step.word == "alloc" || step.word == "try") {
      line = "alloc" + name + ' ';
      for (const int size : step.sizes) {
        line += (line.back() == ' ' ? "" : "|") + std::to_string(size);
      }
      if (step.word == "try") line += " try";
      if (step.may_give_up) line += " timeout";
    } else if (step.word == "free") {
      line += name;
    } else if (step.word == "signal" || step.word == "wait") {
      line += " s" + std::to_string(step.object);
    } else if (step.word == "send" || step.word == "receive") {
      line += " m" + std::to_string(step.object) + name;
    }
    task_.text += line + '\n';
    step.next = {static_cast<int>(task_.steps.size()) + 1};
    task_.steps.push_back(std::move(step));
  }

  std::mt19937 random_;
  Script script_;
  ModelTask task_;
  std::vector<std::pair<int, bool>> held_;  // names, and whether they surely hold a block
  int names_ = 0;
  int largest_ = 0;
};

/// The result of the brute-force search.
struct Found {
  std::string verdict;
  std::optional<int> steps;  // of a shortest bad end
  double schedules = 0;
  double bad = 0;
  double chance = 0;
};

class Model {
 public:
  Model(const Script& script, int heap) : script_{script}, heap_{heap} {
    for (const ModelTask& task : script.tasks) {
      for (int copy = 0; copy < task.copies; ++copy) programs_.push_back(&task);
    }
  }

  /// Empty if there are more states than that.
  [[nodiscard]] std::optional<Found> explore(std::size_t most) {
    State first;
    first.tasks.resize(programs_.size());
    first.signals = script_.starts;
    first.boxes.resize(script_.rooms.size());
    (void)number_of(first, 0);
    for (std::size_t at = 0; at < states_.size(); ++at) {
      if (states_.size() > most) return std::nullopt;
      edges_.emplace_back();
      for (std::size_t task = 0; task < programs_.size(); ++task) expand(at, task);
    }
    return script_.is_endless ? judge_endless() : judge();
  }

 private:
  using Block = std::pair<int, int>;  // where, and how long
  struct TaskNow {
    int at = 0;
    bool waits = false;
    int size = 0;  // that it waits for
    std::map<int, Block> names;
  };
  struct State {
    std::vector<TaskNow> tasks;
    std::vector<std::size_t> queue;
    std::vector<int> signals;
    std::vector<std::vector<Block>> boxes;
  };
  struct Edge {
    std::size_t to;
    double weight;
    std::vector<std::size_t> granted;
  };

  static std::string key_of(const State& state) {
    std::string key;
    const auto put = [&](int number) { key += std::to_string(number) + ' '; };
    for (const TaskNow& task : state.tasks) {
      put(task.at);
      put(task.waits ? task.size : -1);
      for (const auto& [name, block] : task.names) {
        put(name);
        put(block.first);
        put(block.second);
      }
      key += '/';
    }
    for (const std::size_t task : state.queue) put(static_cast<int>(task));
    for (const int signal : state.signals) put(signal);
    for (const auto& box : state.boxes) {
      key += '/';
      for (const Block& block : box) {
        put(block.first);
        put(block.second);
      }
    }
    return key;
  }

  std::size_t number_of(const State& state, int depth) {
    const auto [at, is_new] = numbers_.emplace(key_of(state), states_.size());
    if (is_new) {
      states_.push_back(state);
      depths_.push_back(depth);
    }
    return at->second;
  }

  [[nodiscard]] const Step* step_of(const State& state, std::size_t task) const {
    const auto at = static_cast<std::size_t>(state.tasks[task].at);
    return at < programs_[task]->steps.size() ? &programs_[task]->steps[at] : nullptr;
  }

  [[nodiscard]] bool can_go(const State& state, std::size_t task) const {
    const Step* const step = step_of(state, task);
    if (step == nullptr) return false;
    if (state.tasks[task].waits) return step->may_give_up;
    const auto object = static_cast<std::size_t>(step->object);
    if (step->word == "wait") return state.signals[object] > 0;
    if (step->word == "send") return std::ssize(state.boxes[object]) < script_.rooms[object];
    if (step->word == "receive") return !state.boxes[object].empty();
    return true;
  }

  [[nodiscard]] std::optional<int> place(const State& state, int size) const {
    std::map<int, int> blocks;
    for (const TaskNow& task : state.tasks) {
      for (const auto& [name, block] : task.names) blocks.insert(block);
    }
    for (const auto& box : state.boxes) blocks.insert(box.begin(), box.end());
    int at = 0;
    for (const auto& [start, length] : blocks) {
      if (start - at >= size) return at;
      at = start + length;
    }
    return heap_ - at >= size ? std::optional(at) : std::nullopt;
  }

  /// Whether it is inside an atomic block, and can continue.
  [[nodiscard]] bool is_inside(const State& state, std::size_t task) const {
    const Step* const step = step_of(state, task);
    return step != nullptr && step->is_glued && !state.tasks[task].waits && can_go(state, task);
  }

  [[nodiscard]] bool may_go(const State& state, std::size_t task) const {
    if (!can_go(state, task)) return false;
    if (is_inside(state, task)) return true;
    for (std::size_t other = 0; other < programs_.size(); ++other) {
      if (is_inside(state, other)) return false;
    }
    return true;
  }

  void expand(std::size_t from, std::size_t task) {
    if (!may_go(states_[from], task)) return;
    const Step& step = *step_of(states_[from], task);
    if (states_[from].tasks[task].waits) {
      State state = states_[from];
      std::vector<std::size_t> granted;
      std::erase(state.queue, task);
      state.tasks[task].waits = false;
      state.tasks[task].at = step.next.front();
      grant(state, granted);
      const std::size_t to = number_of(state, depths_[from] + 1);
      edges_[from].push_back({to, 1, granted});
      return;
    }
    const std::size_t choices = std::max(step.next.size(), step.sizes.size());
    for (std::size_t choice = 0; choice < std::max<std::size_t>(choices, 1); ++choice) {
      State state = states_[from];
      std::vector<std::size_t> granted;
      take(state, task, step, choice, granted);
      const std::size_t to = number_of(state, depths_[from] + 1);
      edges_[from].push_back({to, 1.0 / static_cast<double>(choices), granted});
    }
  }

  void take(State& state, std::size_t task, const Step& step, std::size_t choice,
            std::vector<std::size_t>& granted) {
    TaskNow& own = state.tasks[task];
    const auto object = static_cast<std::size_t>(step.object);
    const int next = step.next[step.next.size() > 1 ? choice : 0];
    if (step.word == "alloc" || step.word == "try") {
      const int size = block_bytes(step.sizes[step.sizes.size() > 1 ? choice : 0]);
      const auto where = state.queue.empty() ? place(state, size) : std::nullopt;
      if (where) {
        own.names[step.name] = {*where, size};
      } else if (step.word == "alloc") {
        own.waits = true;
        own.size = size;
        state.queue.push_back(task);
        return;
      }
    } else if (step.word == "free") {
      own.names.erase(step.name);
    } else if (step.word == "signal") {
      ++state.signals[object];
    } else if (step.word == "wait") {
      --state.signals[object];
    } else if (step.word == "send") {
      state.boxes[object].push_back(own.names.at(step.name));
      own.names.erase(step.name);
    } else if (step.word == "receive") {
      own.names[step.name] = state.boxes[object].front();
      state.boxes[object].erase(state.boxes[object].begin());
    }
    own.at = next;
    grant(state, granted);
  }

  void grant(State& state, std::vector<std::size_t>& granted) const {
    while (!state.queue.empty()) {
      const std::size_t head = state.queue.front();
      const auto where = place(state, state.tasks[head].size);
      if (!where) break;
      TaskNow& other = state.tasks[head];
      const Step& request = *step_of(state, head);
      other.names[request.name] = {*where, other.size};
      other.waits = false;
      other.at = request.next.front();
      state.queue.erase(state.queue.begin());
      granted.push_back(head);
    }
  }

  [[nodiscard]] bool is_blocked(const State& state) const {
    for (std::size_t task = 0; task < programs_.size(); ++task) {
      const bool is_over = step_of(state, task) == nullptr;
      if (!programs_[task]->is_isr && !is_over && !state.tasks[task].waits) return true;
    }
    return false;
  }

  [[nodiscard]] Found judge() const {
    const auto is_dead = [&](std::size_t at) {
      return edges_[at].empty() && !states_[at].queue.empty();
    };
    const auto is_stuck = [&](std::size_t at) {
      return edges_[at].empty() && states_[at].queue.empty() && is_blocked(states_[at]);
    };
    Found found = judge_ends(is_dead);
    found.verdict = "deadlock";
    if (found.steps) return found;
    found = judge_ends(is_stuck);
    found.verdict = found.steps ? "stuck" : "no deadlock";
    return found;
  }

  template <class IsBad>
  [[nodiscard]] Found judge_ends(IsBad is_bad) const {
    Found found;
    std::vector<double> ways(states_.size());
    std::vector<double> chance(states_.size());
    ways[0] = chance[0] = 1;
    // The graph has no cycles, so its depth is an upper bound of the rounds; one is enough if
    // sorted.
    std::vector<std::size_t> order(states_.size());
    for (std::size_t at = 0; at < order.size(); ++at) order[at] = at;
    std::ranges::sort(order, {}, [&](std::size_t at) { return std::pair(longest(at), at); });
    for (const std::size_t at : std::vector(order.rbegin(), order.rend())) {
      double sum = 0;
      for (const Edge& edge : edges_[at]) sum += edge.weight;
      for (const Edge& edge : edges_[at]) {
        ways[edge.to] += ways[at];
        chance[edge.to] += chance[at] * edge.weight / sum;
      }
      if (!edges_[at].empty()) continue;
      found.schedules += ways[at];
      if (!is_bad(at)) continue;
      found.bad += ways[at];
      found.chance += chance[at];
      found.steps = std::min(found.steps.value_or(depths_[at]), depths_[at]);
    }
    return found;
  }

  /// Over all paths from a state.
  // NOLINTNEXTLINE(misc-no-recursion): as deep as a path is long
  [[nodiscard]] int longest(std::size_t at) const {
    if (longest_.empty()) longest_.assign(states_.size(), -1);
    if (longest_[at] >= 0) return longest_[at];
    int most = 0;
    for (const Edge& edge : edges_[at]) most = std::max(most, 1 + longest(edge.to));
    return longest_[at] = most;
  }

  /// By definition: there is a waiting task that is not granted in any reachable state.
  [[nodiscard]] Found judge_endless() const {
    std::vector<std::vector<std::size_t>> back(states_.size());
    for (std::size_t at = 0; at < states_.size(); ++at) {
      for (const Edge& edge : edges_[at]) back[edge.to].push_back(at);
    }
    for (std::size_t task = 0; task < programs_.size(); ++task) {
      std::vector<bool> can(states_.size());
      std::vector<std::size_t> open;
      for (std::size_t at = 0; at < states_.size(); ++at) {
        for (const Edge& edge : edges_[at]) {
          if (std::ranges::find(edge.granted, task) == edge.granted.end() || can[at]) continue;
          can[at] = true;
          open.push_back(at);
        }
      }
      while (!open.empty()) {
        const std::size_t at = open.back();
        open.pop_back();
        for (const std::size_t before : back[at]) {
          if (can[before]) continue;
          can[before] = true;
          open.push_back(before);
        }
      }
      for (std::size_t at = 0; at < states_.size(); ++at) {
        const bool waits = std::ranges::find(states_[at].queue, task) != states_[at].queue.end();
        const Step* const step = step_of(states_[at], task);
        if (waits && !step->may_give_up && !can[at]) return {.verdict = "deadlock", .steps = {}};
      }
    }
    return {.verdict = "other", .steps = {}};
  }

  const Script& script_;
  int heap_;
  std::vector<const ModelTask*> programs_;
  std::map<std::string, std::size_t> numbers_;
  std::vector<State> states_;
  std::vector<int> depths_;
  std::vector<std::vector<Edge>> edges_;
  mutable std::vector<int> longest_;
};

Program parsed(const std::string& text) {
  Source source{text, "drawn.mn"};
  Parser parser{source, {}};
  ProgramBuilder builder;
  Op op;
  while (parser.next(op)) builder.add(op);
  return builder.finish();
}

std::string word_of(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::deadlock: return "deadlock";
    case VerdictKind::stuck: return "stuck";
    case VerdictKind::no_deadlock: return "no deadlock";
    default: return "not decided";
  }
}

/// Draws random scripts until enough of them were small enough to search.
template <class Try>
void try_scripts(unsigned seed, int count, std::size_t states_max, Try attempt) {
  Drawer drawer{seed};
  while (count > 0) {
    const Script script = drawer.script();
    const auto found = Model{script, script.heap}.explore(states_max);
    if (!found || !attempt(script, *found)) continue;
    --count;
  }
}

TEST_CASE("verdicts and shortest lengths are those of a brute-force search") {
  std::map<std::string, int> kinds;
  try_scripts(1, tests::rounds(600), 2000, [&](const Script& script, const Found& found) {
    const std::string text = script.text(script.heap);
    CAPTURE(text);
    const Program program = parsed(text);
    World world{program, options_of(program)};
    const Verdict verdict = judge(search(world, {}), program);
    ++kinds[found.verdict];
    if (script.is_endless) {
      CHECK((verdict.kind == VerdictKind::deadlock) == (found.verdict == "deadlock"));
      return true;
    }
    REQUIRE(word_of(verdict.kind) == found.verdict);
    if (!found.steps) return true;
    CHECK(static_cast<int>(verdict.schedule.size()) == *found.steps);
    if (verdict.shares) {
      CHECK(verdict.shares->schedules == doctest::Approx(found.schedules));
      CHECK(verdict.shares->bad == doctest::Approx(found.bad));
      CHECK(verdict.shares->chance == doctest::Approx(found.chance));
    }
    // The explanation replays the schedule with the oracle, and ends in the state that it names.
    CHECK(explanation(world, verdict).find(word_of(verdict.kind)) == 0);
    replay(world, verdict.schedule);
    CHECK(world.is_waiting() == (verdict.kind == VerdictKind::deadlock));
    return true;
  });
  CHECK(kinds["deadlock"] > tests::rounds(100));
  CHECK(kinds["stuck"] > tests::rounds(30));
  CHECK(kinds["no deadlock"] > tests::rounds(100));
}

TEST_CASE("fit finds the same size as trying each one") {
  int changes = 0;
  try_scripts(2, tests::rounds(60), 250, [&](const Script& script, const Found&) {
    if (script.is_endless) return false;
    const std::string text = script.text(script.heap);
    const Program program = parsed(text);
    const Fit found = fit(program, options_of(program), FitGoal::no_deadlock, {});
    REQUIRE(!found.ranges.empty());
    REQUIRE(found.ranges.back().to == no_growth);
    const std::uint64_t last = found.ranges.back().from + 64;
    for (const FitRange& range : found.ranges) {
      for (std::uint64_t size = range.from; size <= std::min(range.to, last); size += 8) {
        CAPTURE(text);
        CAPTURE(size);
        const auto tried = Model{script, static_cast<int>(size)}.explore(100'000);
        REQUIRE(tried);
        CHECK(word_of(range.verdict) == tried->verdict);
      }
    }
    changes += found.ranges.size() > 1 ? 1 : 0;
    return true;
  });
  CHECK(changes >= tests::rounds(20));
}

TEST_CASE(
    "fit finds the same size as exploring each one, with resizes and in either of two heaps") {
  const std::string resizes =
      "heap 1K raw=first-fit align=8\ntask a x2\n  alloc x 40\n  alloc y 8\n  resize x 64\n"
      "  free y\n  resize x 16\n  free x\nend\ntask b\n  alloc z 24\n  resize z 48\n  free "
      "z\nend\n";
  const std::string grows_at_the_end =
      "heap 1K raw=first-fit align=8\ntask a\n  alloc y 8\n  alloc x 40\n  resize x 64\n"
      "  free x\n  free y\nend\n";
  const std::string heaps =
      "heap 128 raw=first-fit align=8\nheap dma 64 raw=first-fit align=8\ntask a\n"
      "  alloc x 56\n  alloc y 56 in dma\n  free x\n  free y\nend\ntask b\n"
      "  alloc y 40 in dma\n  alloc x 8\n  resize x 56\n  free y\n  free x\nend\n";
  for (const auto& [text, heap] :
       {std::pair{resizes, 0U}, {grows_at_the_end, 0U}, {heaps, 0U}, {heaps, 1U}}) {
    CAPTURE(text);
    const Program program = parsed(text);
    WorldOptions options = options_of(program);
    options.varied = heap;
    const Fit found = fit(program, options, FitGoal::no_deadlock, {});
    REQUIRE(found.ranges.size() > 1);
    for (const FitRange& range : found.ranges) {
      const std::uint64_t last = std::min(range.to, found.ranges.back().from + 64);
      for (options.heap().bytes = range.from; options.heap().bytes <= last;
           options.heap().bytes += 8) {
        CAPTURE(options.heap().bytes);
        World world{program, options};
        CHECK(judge(search(world, {}), program).kind == range.verdict);
      }
    }
  }
}

TEST_CASE("random walks deadlock as often as the verdict predicts") {
  int count = 0;
  try_scripts(3, tests::rounds(20), 1000, [&](const Script& script, const Found& found) {
    if (script.is_endless || found.verdict != "deadlock" || found.chance > 0.95) return false;
    const std::string text = script.text(script.heap);
    CAPTURE(text);
    const Program program = parsed(text);
    World world{program, options_of(program)};
    const WalkSum sum = walk(world, {.walks = 4000, .seed = static_cast<std::uint64_t>(++count)});
    const double expected = 4000 * found.chance;
    const double deviation = std::sqrt(expected * (1 - found.chance));
    CHECK(std::abs(static_cast<double>(sum.deadlocks) - expected) < 5 * deviation);
    CHECK(sum.walks == 4000);
    CHECK(sum.cut_off == 0);
    // The sum is the same however the walks are split.
    const WalkSum one = walk(world, {.walks = 1500, .seed = static_cast<std::uint64_t>(count)});
    const WalkSum two =
        walk(world, {.first = 1500, .walks = 2500, .seed = static_cast<std::uint64_t>(count)});
    CHECK(one.deadlocks + two.deadlocks == sum.deadlocks);
    CHECK(one.stuck + two.stuck == sum.stuck);
    CHECK(one.finished() + two.finished() == sum.finished());
    return true;
  });
}

}  // namespace
