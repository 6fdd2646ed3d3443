// purpose: a unified diff of two texts whose lines correspond.
// layer: report; includes the standard library only.
// threads: one owner.
// invariants: common lines at the beginning and end of a change are not shown as changed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mneme::driver {

class Diff {
 public:
  void add_same(std::string_view line) { lines_.push_back({' ', std::string(line)}); }
  void add_changed(std::string_view before, std::string_view after) {
    lines_.push_back({'-', std::string(before)});
    lines_.push_back({'+', std::string(after)});
  }
  void add_changed(std::span<const std::string> before, std::span<const std::string> after);

  /// Hunks with three lines around each difference; empty if there are none.
  [[nodiscard]] std::string text() const;

 private:
  struct Line {
    char sign;  // ' ', '-' or '+'
    std::string text;
  };

  std::vector<Line> lines_;
};

}  // namespace mneme::driver
