// purpose: reads, compares and replaces the results that a script has after `#>`.
// layer: report; includes the standard library only.
// threads: one owner.
// invariants: only annotations are changed; annotating a script again with the same results
//   changes nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mneme::driver {

/// The result of a command follows it on the same line, after a blank and `#>`; a line that begins
/// with `#>` continues the result above it.
class AnnotatedScript {
 public:
  explicit AnnotatedScript(std::string_view text);

  [[nodiscard]] bool has_annotations() const { return has_annotations_; }
  /// The script to run: the same number of lines, without annotations.
  [[nodiscard]] std::string without_annotations() const;

  static constexpr std::size_t behind_all = static_cast<std::size_t>(-1);

  // The results of a run. Lines are numbered from 1; 0 is the place above the first line.
  /// Sets the result after a command.
  void add_result(std::size_t line, std::string_view result);
  /// Adds whole lines below a line.
  void add_below(std::size_t line, std::string_view text);

  /// The script with these results as annotations.
  [[nodiscard]] std::string annotated() const;
  /// The differences between its annotations and these results, as a unified diff without its first
  /// two lines; empty if there are none. Alignment is ignored.
  [[nodiscard]] std::string difference() const;

 private:
  struct Line {
    std::string text;                       // without its end
    std::string command;                    // without its annotation
    std::string end;                        // LF, CRLF or CR; none at the end of a file
    bool is_annotation = false;             // and nothing else
    std::optional<std::string> expected{};  // after `#>`
    std::optional<std::string> result{};
    std::vector<std::string> below{};
  };

  void read_line(std::string_view text, std::string_view end);
  [[nodiscard]] std::vector<std::string> annotated_lines() const;
  [[nodiscard]] Line& owner_of(std::size_t line);

  std::string mark_;         // a byte order mark, or nothing
  std::vector<Line> lines_;  // the first represents the place above all lines
  std::string default_end_ = "\n";
  bool has_annotations_ = false;
};

}  // namespace mneme::driver
