// purpose: hunks of a diff.
// layer: report; includes diff.
// threads: one owner.
// invariants: see diff.hpp.
#include "diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace mneme::driver {

namespace {

constexpr std::size_t lines_around = 3;

}  // namespace

void Diff::add_changed(std::span<const std::string> before, std::span<const std::string> after) {
  while (!before.empty() && !after.empty() && before.front() == after.front()) {
    add_same(before.front());
    before = before.subspan(1);
    after = after.subspan(1);
  }
  std::size_t same = 0;
  while (same < std::min(before.size(), after.size()) &&
         before[before.size() - 1 - same] == after[after.size() - 1 - same]) {
    ++same;
  }
  for (const std::string& line : before.first(before.size() - same)) lines_.push_back({'-', line});
  for (const std::string& line : after.first(after.size() - same)) lines_.push_back({'+', line});
  for (const std::string& line : after.last(same)) add_same(line);
}

std::string Diff::text() const {
  std::string text;
  std::size_t before = 1;  // the number of the next line, in each of the texts
  std::size_t after = 1;
  const auto skip = [&](const Line& line) {
    before += line.sign == '+' ? 0 : 1;
    after += line.sign == '-' ? 0 : 1;
  };
  const auto is_changed = [](const Line& line) { return line.sign != ' '; };
  for (auto at = lines_.begin(); at != lines_.end();) {
    const auto changed = std::find_if(at, lines_.end(), is_changed);
    if (changed == lines_.end()) break;
    const auto left = static_cast<std::size_t>(changed - at);
    for (std::size_t i = lines_around; i < left; ++i) skip(*at++);
    auto end = changed;  // after the last change that is near the previous one
    for (auto next = changed; next != lines_.end();) {
      end = std::find_if_not(next, lines_.end(), is_changed);
      next = std::find_if(end, lines_.end(), is_changed);
      if (static_cast<std::size_t>(next - end) > 2 * lines_around) break;
    }
    const auto rest = static_cast<std::size_t>(lines_.end() - end);
    end += static_cast<std::ptrdiff_t>(std::min(rest, lines_around));
    const auto added = std::count_if(at, end, [](const Line& line) { return line.sign == '+'; });
    const auto removed = std::count_if(at, end, [](const Line& line) { return line.sign == '-'; });
    fmt::format_to(std::back_inserter(text), "@@ -{},{} +{},{} @@\n", before, end - at - added,
                   after, end - at - removed);
    for (; at != end; ++at) {
      fmt::format_to(std::back_inserter(text), "{}{}\n", at->sign, at->text);
      skip(*at);
    }
  }
  return text;
}

}  // namespace mneme::driver
