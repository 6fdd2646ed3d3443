// purpose: a script and the results that are written behind `#>` in it: read, compared, replaced.
// layer: report; includes the standard library only.
// threads: one owner.
// invariants: nothing but annotations is changed; a text that was annotated with some results stays
//   as it is when it is annotated with the same results.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mneme::driver {

/// Behind a command, from a `#>` on that follows a blank, is the command's result; a line that
/// begins with `#>` continues the result above it.
class AnnotatedScript {
 public:
  explicit AnnotatedScript(std::string_view text);

  [[nodiscard]] bool has_annotations() const { return has_annotations_; }
  /// As many lines as the script has, without the annotations: what is to be run.
  [[nodiscard]] std::string without_annotations() const;

  static constexpr std::size_t behind_all = static_cast<std::size_t>(-1);

  // The results of a run; lines are numbered from 1; 0 is above all of them.
  /// What goes behind a command.
  void add_result(std::size_t line, std::string_view result);
  /// Whole lines, which go below a line.
  void add_below(std::size_t line, std::string_view text);

  /// The script with these results for annotations.
  [[nodiscard]] std::string annotated() const;
  /// How its annotations differ from these results, as a unified diff without its two first lines;
  /// empty if they do not. How they are aligned is no difference.
  [[nodiscard]] std::string difference() const;

 private:
  struct Line {
    std::string text;                       // without its end
    std::string command;                    // without its annotation
    std::string end;                        // LF, CRLF or CR; none at the end of a file
    bool is_annotation = false;             // nothing else
    std::optional<std::string> expected{};  // behind `#>`
    std::optional<std::string> result{};
    std::vector<std::string> below{};
  };

  void read_line(std::string_view text, std::string_view end);
  [[nodiscard]] std::vector<std::string> annotated_lines() const;
  [[nodiscard]] Line& owner_of(std::size_t line);

  std::string mark_;         // a byte order mark, or nothing
  std::vector<Line> lines_;  // the first stands for the place above all lines
  std::string default_end_ = "\n";
  bool has_annotations_ = false;
};

}  // namespace mneme::driver
