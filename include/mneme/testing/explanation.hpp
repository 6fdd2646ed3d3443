// purpose: the sentences of an explanation, for the tasks of scripts and of C++ alike.
// layer: testing; includes verdict.
// threads: pure functions.
// invariants: none.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "../settings.hpp"
#include "verdict.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// `44,800`; for numbers too large to be exact in a double: `2.1e+20`.
[[nodiscard]] inline std::string grouped(double number) {
  constexpr double exact_max = 9e15;
  char digits[32];
  std::snprintf(digits, sizeof digits, number > exact_max ? "%.1e" : "%.0f", number);
  std::string text = digits;
  if (number > exact_max) return text;
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

[[nodiscard]] inline std::string bytes_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

/// The first line of an explanation.
[[nodiscard]] inline std::string title_text(const Verdict& verdict) {
  std::string text = verdict.kind == VerdictKind::stuck ? "stuck: " : "deadlock: ";
  if (verdict.shares) {
    const Shares& shares = *verdict.shares;
    text += "in " + grouped(shares.bad) + " of " + grouped(shares.schedules) + " schedules";
    text += shares.chance > 0.5
                ? "; " + grouped(100 * shares.chance) + " % of random runs hit it; "
                : "; one random run in " + grouped(std::round(1 / shares.chance)) + " hits it; ";
  }
  const std::size_t steps = verdict.schedule.size();
  return text + "the shortest " + (verdict.is_shortest ? "" : "found ") + "has " +
         std::to_string(steps) + (steps == 1 ? " step:\n" : " steps:\n");
}

/// One step of a schedule.
struct StepLine {
  std::string task;
  std::string step;
  std::string result;
};

[[nodiscard]] inline std::string steps_text(std::span<const StepLine> lines,
                                            std::optional<std::size_t> no_return) {
  const auto width_of = [&](std::string StepLine::* part) {
    std::size_t width = 0;
    for (const StepLine& line : lines) width = std::max(width, (line.*part).size());
    return width;
  };
  const auto padded = [](std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
  };
  const std::size_t task_width = width_of(&StepLine::task);
  const std::size_t step_width = width_of(&StepLine::step);
  const std::size_t result_width = width_of(&StepLine::result);
  std::string text;
  if (no_return == 0U) text = "  ! no order of the steps helps, even from the beginning\n";
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const bool is_last_chance = no_return == at + 1;
    const std::string number = std::to_string(at + 1);
    std::string line = is_last_chance ? "  ! " : "    ";
    line += std::string(number.size() < 3 ? 3 - number.size() : 0, ' ') + number + "  " +
            padded(lines[at].task, task_width) + "  " + padded(lines[at].step, step_width) + "  " +
            padded(lines[at].result, result_width);
    if (is_last_chance && at + 1 < lines.size()) line += "  after this step no order helps";
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

/// The free bytes of a heap, in holes of these sizes. `where`: ` in dma`, if it is not the first.
[[nodiscard]] inline std::string free_text(std::span<const std::size_t> holes,
                                           std::size_t capacity_bytes,
                                           const std::string& where = {}) {
  std::size_t free = 0;
  for (const std::size_t hole : holes) free += hole;
  std::string text =
      "  " + std::to_string(free) + " of " + bytes_text(capacity_bytes) + where + " are free";
  if (holes.size() == 1) text += ", in one hole";
  if (holes.size() > 1) text += ", in holes of ";
  for (std::size_t at = 0; holes.size() > 1 && at < holes.size(); ++at) {
    text += (at == 0 ? "" : at + 1 < holes.size() ? ", " : " and ") + std::to_string(holes[at]);
  }
  return text + ".\n";
}

/// What a waiting request needs, at this place of the queue, and why it cannot be granted.
[[nodiscard]] inline std::string waiter_text(const std::string& task, std::size_t place,
                                             std::size_t need, std::span<const std::size_t> holes,
                                             const std::string& where = {}) {
  std::size_t free = 0;
  for (const std::size_t hole : holes) free += hole;
  const std::size_t largest = holes.empty() ? 0 : *std::ranges::max_element(holes);
  const char* why = "would fit, but is not first";
  if (need > free) {
    why = "exhaustion: not enough is free";
  } else if (place == 0 || need > largest) {
    why = "fragmentation: enough is free, but not in one piece";
  }
  return "  " + task + (place == 0 ? " is first and needs " : " needs ") + bytes_text(need) +
         where + " in one piece (" + why + ")\n";
}

}  // namespace mneme::inline MNEME_SETTINGS::testing
