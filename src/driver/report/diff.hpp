// purpose: the differences of two texts whose lines correspond, as a unified diff.
// layer: report; includes the standard library only.
// threads: one owner.
// invariants: a stretch of changed lines shows what it begins and ends with in common only once.
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

  /// Hunks with three lines around each difference; empty if there is none.
  [[nodiscard]] std::string text() const;

 private:
  struct Line {
    char sign;  // ' ', '-' or '+'
    std::string text;
  };

  std::vector<Line> lines_;
};

}  // namespace mneme::driver
