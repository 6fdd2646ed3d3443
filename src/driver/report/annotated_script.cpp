// purpose: removes annotations from lines, and adds new ones.
// layer: report; includes annotated_script, diff, format_script, text_start.
// threads: one owner.
// invariants: see annotated_script.hpp.
#include "annotated_script.hpp"

#include <algorithm>
#include <utility>

#include "diff.hpp"
#include "driver/language/format_script.hpp"
#include "driver/language/text_start.hpp"

namespace mneme::driver {

namespace {

constexpr std::string_view mark = "#>";
constexpr std::string_view blanks = " \t";
constexpr std::size_t gap_width = 2;

std::string_view without_blanks_behind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// Where the annotation of a line begins, or npos.
std::size_t find_annotation(std::string_view line) {
  const std::size_t comment = line.find('#');
  const std::size_t first = line.find_first_not_of(blanks);
  if (comment == std::string_view::npos) return comment;
  if (comment == first)
    return line.substr(comment).starts_with(mark) ? comment : std::string_view::npos;
  for (std::size_t at = comment;; ++at) {
    at = line.find(mark, at);
    if (at == std::string_view::npos || blanks.contains(line[at - 1])) return at;
  }
}

/// `#> text`, or the bare mark.
std::string annotation(std::string_view text) {
  std::string line{mark};
  if (!text.empty()) line.append(" ").append(text);
  return line;
}

}  // namespace

AnnotatedScript::AnnotatedScript(std::string_view text) {
  lines_.emplace_back();
  if (text.starts_with(utf8_mark)) {
    mark_ = utf8_mark;
    text.remove_prefix(utf8_mark.size());
  }
  // Like a Source: if the first line ends with CR alone, all lines do.
  const std::size_t first_end = std::min(text.find_first_of("\r\n"), text.size());
  const bool ends_with_cr =
      text.substr(first_end).starts_with('\r') && !text.substr(first_end).starts_with("\r\n");
  while (!text.empty()) {
    const std::size_t at = text.find(ends_with_cr ? '\r' : '\n');
    const std::size_t length = at == std::string_view::npos ? text.size() : at + 1;
    std::string_view line = text.substr(0, length);
    text.remove_prefix(length);
    const std::size_t content = line.size() - (at == std::string_view::npos ? 0 : 1);
    const bool has_cr = !ends_with_cr && content > 0 && line[content - 1] == '\r';
    const std::size_t end = content - (has_cr ? 1 : 0);
    read_line(line.substr(0, end), line.substr(end));
  }
  if (lines_.size() > 1 && !lines_[1].end.empty()) default_end_ = lines_[1].end;
}

void AnnotatedScript::read_line(std::string_view text, std::string_view end) {
  Line line{.text = std::string(text), .command = std::string(text), .end = std::string(end)};
  if (const std::size_t at = find_annotation(text); at != std::string_view::npos) {
    has_annotations_ = true;
    line.command = without_blanks_behind(text.substr(0, at));
    line.is_annotation = line.command.empty();
    std::string_view expected = text.substr(at + mark.size());
    if (expected.starts_with(' ')) expected.remove_prefix(1);
    line.expected = without_blanks_behind(expected);
  }
  lines_.push_back(std::move(line));
}

std::string AnnotatedScript::without_annotations() const {
  std::string text = mark_;
  for (const Line& line : lines_) text.append(line.command).append(line.end);
  return text;
}

AnnotatedScript::Line& AnnotatedScript::owner_of(std::size_t line) {
  std::size_t owner = std::min(line, lines_.size() - 1);
  while (lines_[owner].is_annotation) --owner;  // the first line is none
  return lines_[owner];
}

void AnnotatedScript::add_result(std::size_t line, std::string_view result) {
  owner_of(line).result = without_blanks_behind(result);
}

void AnnotatedScript::add_below(std::size_t line, std::string_view text) {
  std::vector<std::string>& below = owner_of(line).below;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    below.emplace_back(without_blanks_behind(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Each line with its result. Results are aligned within a block of lines, which a blank line ends.
std::vector<std::string> AnnotatedScript::annotated_lines() const {
  std::vector<std::string> texts;
  std::size_t width = 0;
  const auto is_blank = [](const Line& line) {
    return !line.is_annotation && line.command.find_first_not_of(blanks) == std::string::npos;
  };
  for (std::size_t at = 0; at < lines_.size(); ++at) {
    if (at == 0 || is_blank(lines_[at])) {
      width = 0;
      for (std::size_t next = at + 1; next < lines_.size() && !is_blank(lines_[next]); ++next) {
        const std::size_t size = without_blanks_behind(lines_[next].command).size();
        const bool is_bare = !lines_[next].command.contains('#');  // no comment of its own
        if (lines_[next].result && is_bare && size <= aligned_width_max) {
          width = std::max(width, size);
        }
      }
    }
    std::string text = lines_[at].command;
    if (lines_[at].result) {
      text = without_blanks_behind(text);
      text.append(std::max(width, text.size()) - text.size() + gap_width, ' ');
      text += annotation(*lines_[at].result);
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string AnnotatedScript::annotated() const {
  const std::vector<std::string> texts = annotated_lines();
  std::string text = mark_;
  const auto end_line = [&](std::string_view end) { text += end.empty() ? default_end_ : end; };
  for (std::size_t at = 0; at < lines_.size(); ++at) {
    if (lines_[at].is_annotation) continue;
    if (at > 0) {
      text += texts[at];
      end_line(lines_[at].end);
    }
    for (const std::string& below : lines_[at].below) {
      text += annotation(below);
      end_line({});
    }
  }
  const bool is_open = lines_.size() > 1 && lines_.back().end.empty();  // and remains so
  if (is_open && text.ends_with(default_end_)) text.resize(text.size() - default_end_.size());
  return text;
}

std::string AnnotatedScript::difference() const {
  const std::vector<std::string> texts = annotated_lines();
  Diff diff;
  for (std::size_t at = 0; at < lines_.size();) {
    const Line& line = lines_[at];
    if (at > 0 && line.expected == line.result) {
      diff.add_same(line.text);
    } else if (at > 0) {
      diff.add_changed(line.text, texts[at]);
    }
    std::vector<std::string> expected;
    for (++at; at < lines_.size() && lines_[at].is_annotation; ++at) {
      expected.push_back(annotation(*lines_[at].expected));
    }
    std::vector<std::string> seen;
    seen.reserve(line.below.size());
    for (const std::string& below : line.below) seen.push_back(annotation(below));
    diff.add_changed(expected, seen);
  }
  return diff.text();
}

}  // namespace mneme::driver
