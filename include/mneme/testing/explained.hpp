// purpose: an answer in words: the schedule, line by line, and what each task waits for.
// layer: testing; includes answer, explanation and explorer.
// threads: one.
// invariants: what is printed was carried out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "explanation.hpp"
#include "explorer.hpp"
#include "verdict.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// Where a block begins in its region.
[[nodiscard]] inline std::size_t place_of(const WorldBase& world, const Block& block) {
  return static_cast<std::size_t>(block.start - world.heaps()[block.heap].base);
}

/// `imu*3 camera/2 uplink`: as `mneme run --schedule` takes it; camera makes its second choice.
[[nodiscard]] inline std::string schedule_text(const WorldBase& world, const Path& path) {
  std::string text;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t count = 1;
    while (at + count < path.size() && path[at + count] == path[at]) ++count;
    text += (text.empty() ? "" : " ") + world.task_at(path[at].task).name;
    if (path[at].choice > 0) text += '/' + std::to_string(path[at].choice + 1);
    if (count > 1) text += '*' + std::to_string(count);
    at += count;
  }
  return text;
}

/// The steps of such a text. Throws std::invalid_argument.
[[nodiscard]] inline Path path_of(const WorldBase& world, const std::string& schedule) {
  Path path;
  for (std::size_t at = 0; at < schedule.size();) {
    const std::size_t begin = schedule.find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    at = std::min(schedule.find(' ', begin), schedule.size());
    std::string word = schedule.substr(begin, at - begin);
    const auto number_behind = [&](char mark) -> std::size_t {
      const std::size_t place = word.rfind(mark);
      if (place == std::string::npos) return 1;
      const std::size_t number = std::stoul(word.substr(place + 1));
      word.resize(place);
      return number;
    };
    const std::size_t count = number_behind('*');
    const std::size_t choice = number_behind('/');
    std::size_t task = 0;
    while (task < world.task_count() && world.task_at(task).name != word) ++task;
    if (task == world.task_count()) throw std::invalid_argument("no task is called " + word);
    const Move move{static_cast<std::uint8_t>(task), static_cast<std::uint8_t>(choice - 1)};
    path.insert(path.end(), count, move);
  }
  return path;
}

/// What a task's next step is, in words.
[[nodiscard]] inline std::string step_text(const WorldBase& world, Move move, SourceLines& lines) {
  const TaskRecord& task = world.task_at(move.task);
  if (task.is_other_type) return task.begin ? "begins" : "goes on to its next request";
  if (!task.is_waiting && !task.freed.empty()) {
    const Block* const block = world.block_at(task.freed.front());
    if (block == nullptr) return "frees";
    std::string text = "frees " + bytes_text(block->size);
    if (block->where.line() != 0) text += " of " + SourceLines::place(block->where);
    return text;
  }
  std::string text = lines.at(task.next->where());
  if (!text.contains(": ")) text += ": " + task.next->text();
  if (task.is_waiting) return text + ", given up";
  if (task.next->choices() > 1) text += " " + std::to_string(move.choice);
  return text;
}

/// Carries out a schedule on the explorer's world, and tells of each step.
template <class Explored>
[[nodiscard]] std::vector<StepLine> lines_of(Explored& explorer, const Path& path) {
  std::vector<StepLine> told;
  SourceLines lines;
  explorer.restart();
  WorldBase& world = explorer.world();
  for (const Move move : path) {
    if (move.task >= world.task_count() || !world.can_step(move.task)) {
      throw std::invalid_argument("step " + std::to_string(told.size() + 1) +
                                  " of the schedule: the task cannot go on");
    }
    StepLine line{world.task_at(move.task).name, step_text(world, move, lines), ""};
    const auto count = world.blocks().size();
    const TaskStep step = explorer.step(move);
    const auto add = [&](const std::string& part) {
      line.result += (line.result.empty() ? "" : "; ") + part;
    };
    const bool is_granted = std::ranges::find(step.granted, move.task) != step.granted.end();
    if (step.waits && !is_granted) add("waits");
    for (const std::size_t task : step.granted) add(world.task_at(task).name + " granted");
    if (world.blocks().size() > count && step.granted.empty()) {
      const Block& block = world.blocks().back();
      add("at " + std::to_string(place_of(world, block) + word_bytes));
    }
    told.push_back(std::move(line));
    if (world.failure()) break;
  }
  return told;
}

/// What is free, who waits for what, and who holds what.
[[nodiscard]] inline std::string end_text(const WorldBase& world) {
  std::string text;
  SourceLines lines;
  for (const WorldHeap& heap : world.heaps()) {
    std::vector<std::size_t> holes;
    heap.raw->put_holes(holes);
    if (world.heaps().size() > 1) text += "  heap " + heap.name + ":\n";
    text += free_text(holes, heap.capacity(heap.heap));
    for (std::size_t place = 0; place < heap.queue.size(); ++place) {
      const TaskRecord& task = world.task_at(heap.queue[place]);
      text += waiter_text(task.name, place, task.wanted.size, holes);
    }
  }
  for (std::size_t index = 0; index < world.task_count(); ++index) {
    const TaskRecord& task = world.task_at(index);
    if (world.is_blocked(index) && !task.is_isr && task.next != nullptr) {
      text += "  " + task.name + " waits at " + lines.at(task.next->where()) + " (" +
              task.next->text() + ")\n";
    }
    std::string held;
    for (const Block& block : world.blocks()) {
      if (block.owner != index) continue;
      held += (held.empty() ? "" : ", ") + std::to_string(block.size) + " at " +
              std::to_string(place_of(world, block));
      if (block.where.line() != 0) held += " (" + SourceLines::place(block.where) + ")";
    }
    if (!held.empty()) {
      text += "  " + task.name + (world.is_done(index) ? ", which has ended," : "") + " holds " +
              held + "\n";
    }
  }
  return text;
}

[[nodiscard]] inline std::string counts_text(const Answer& answer) {
  return grouped(static_cast<double>(answer.states)) + " states, " + std::to_string(answer.depth) +
         " steps deep, " + std::to_string(answer.audited) + " audited";
}

/// The tasks that can be switched at their requests only.
[[nodiscard]] inline std::string coarse_text(const WorldBase& world) {
  std::string names;
  for (std::size_t task = 0; task < world.task_count(); ++task) {
    if (!world.task_at(task).is_other_type) continue;
    names += (names.empty() ? "" : ", ") + world.task_at(task).name;
  }
  if (names.empty()) return {};
  return "(no mneme::testing::Task, so switched at requests for memory only: " + names + ")\n";
}

/// Carries out a schedule, and keeps it in the answer.
template <class Explored>
void put_schedule(Explored& explorer, const Path& path, std::string title, Answer& answer) {
  const std::vector<StepLine> told = lines_of(explorer, path);
  answer.schedule = schedule_text(explorer.world(), path);
  answer.steps = path.size();
  answer.text = std::move(title) + steps_text(told, answer.no_return);
}

template <class Explored>
void explain_verdict(Explored& explorer, const Verdict& verdict, const SearchResult& result,
                     Answer& answer) {
  answer.bad_states = verdict.bad_states;
  answer.no_return = verdict.no_return;
  answer.shares = verdict.shares;
  switch (verdict.kind) {
    case VerdictKind::no_deadlock: answer.kind = AnswerKind::safe; break;
    case VerdictKind::deadlock: answer.kind = AnswerKind::deadlock; break;
    case VerdictKind::stuck: answer.kind = AnswerKind::stuck; break;
    case VerdictKind::not_decided: answer.kind = AnswerKind::not_decided; break;
  }
  if (verdict.kind == VerdictKind::no_deadlock || verdict.kind == VerdictKind::not_decided) {
    explorer.restart();
    answer.text = answer.safe() ? "no deadlock" : "not decided: a limit was reached";
    answer.text += " (" + counts_text(answer) + ")\n";
  } else {
    put_schedule(explorer, verdict.schedule, title_text(verdict), answer);
    answer.text += end_text(explorer.world());
    // As far as the steps go as they went, a larger heap changes nothing.
    if (result.bound == Bound::deadlock) answer.growth = explorer.growth();
  }
  const std::string coarse = coarse_text(explorer.world());
  answer.is_coarse = !coarse.empty();
  answer.text += coarse;
}

template <class Explored>
void explain_failure(Explored& explorer, const Path& path, Answer& answer) {
  const Failure failure = *explorer.failure();
  std::string what;
  switch (failure.kind) {
    case Failure::Kind::violation:
      answer.kind = AnswerKind::violation;
      what = "violation";
      break;
    case Failure::Kind::exception:
      answer.kind = AnswerKind::exception;
      what = "exception";
      break;
    case Failure::Kind::leak:
      answer.kind = AnswerKind::leak;
      what = "leak";
      break;
    case Failure::Kind::too_large:
      answer.kind = AnswerKind::too_large;
      what = "too large";
      break;
  }
  SourceLines lines;
  const std::string where = lines.at(failure.where);
  put_schedule(explorer, path,
               what + " in " + failure.task + ": " + failure.what +
                   (where.empty() ? "" : "\n    " + where) + "\nafter these steps:\n",
               answer);
  if (failure.kind == Failure::Kind::too_large) answer.growth = explorer.growth();
}

template <class Explored>
void explain_divergence(Explored& explorer, const Diverged& diverged, Answer& answer) {
  explorer.restart();
  const std::string one = schedule_text(explorer.world(), diverged.one());
  answer.schedule = schedule_text(explorer.world(), diverged.other());
  answer.steps = diverged.other().size();
  if (diverged.is_repeated()) {
    answer.kind = AnswerKind::unrepeatable;
    answer.text =
        "not repeatable: the same steps led to another state when they were taken again. Some task "
        "depends on what is not made anew with the world: a global variable, a clock, an address, "
        "a random number\n    " +
        one + "\n";
    return;
  }
  answer.kind = AnswerKind::hidden_state;
  answer.text =
      "hidden state: two schedules that should lead to the same state do not. Some task depends on "
      "what an exploration cannot see: a plain variable that several tasks use (Shared can be "
      "seen), or one that is not as at the beginning when the task says again()\n    " +
      one + "\n    " + answer.schedule + "\n";
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
