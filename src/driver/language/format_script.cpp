// purpose: the formatter: commands by format_op(), comments and blank lines kept.
// layer: language; includes format_script, canonical, parser.
// threads: pure but for the source it reads.
// invariants: comments behind commands are aligned within a block (lines up to a blank one).
#include "format_script.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "format_op.hpp"
#include "parser.hpp"

namespace mneme::driver {

namespace {

/// Collects a block of lines until the column of its comments is known.
class Formatter {
 public:
  void add_blank() {
    end_block();
    text_ += '\n';
  }

  void add(std::string_view command, std::string_view comment) {
    if (comment.empty() || command.empty()) {
      lines_.push_back({indented(command.empty() ? comment : command), {}});
    } else {
      lines_.push_back({indented(command), std::string{comment}});
      const std::size_t width = lines_.back().command.size();
      if (width <= aligned_width_max) width_ = std::max(width_, width);
    }
    if (lines_.size() == block_lines_max) end_block();
  }

  /// The steps of a block are indented by two blanks more than it is.
  void add_step(const Op& op, std::string_view command, std::string_view comment) {
    const bool ends_block = op.kind == OpKind::end || op.kind == OpKind::or_else;
    if (ends_block && depth_ > 0) --depth_;
    add(command, comment);
    if (begins_block(op.kind) || op.kind == OpKind::or_else) ++depth_;
  }

  [[nodiscard]] std::string finish() {
    end_block();
    return std::move(text_);
  }

 private:
  struct FormattedLine {
    std::string command;
    std::string comment;
  };

  // The lines of a long trace without a blank one are not kept all at once.
  static constexpr std::size_t block_lines_max = 1000;

  [[nodiscard]] std::string indented(std::string_view text) const {
    return std::string(2 * depth_, ' ').append(text);
  }

  void end_block() {
    for (const FormattedLine& line : lines_) {
      text_ += line.command;
      if (!line.comment.empty()) {
        const std::size_t width = std::max(width_, line.command.size());
        text_.append(width - line.command.size() + 2, ' ');
        text_ += line.comment;
      }
      text_ += '\n';
    }
    lines_.clear();
    width_ = 0;
  }

  std::string text_;
  std::vector<FormattedLine> lines_;
  std::size_t width_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

std::string format_script(Source& source,
                          const std::function<void(const Diagnostic&)>& on_warning) {
  // Any size will do: a synthetic heap line is not printed.
  Parser parser{source, {.default_heap_bytes = malloclab_heap_bytes, .on_warning = on_warning}};
  Formatter formatter;
  CommandBuffer buffer;
  Op op;
  LineContent content;
  while (parser.next_line(op, content)) {
    switch (content.kind) {
      case LineKind::blank:
        if (content.comment.empty()) {
          formatter.add_blank();
        } else {
          formatter.add({}, content.comment);
        }
        break;
      case LineKind::op:
        if (op.synthetic && !parser.is_malloclab()) break;
        formatter.add_step(op, format_op(op, buffer), content.comment);
        break;
      case LineKind::trace_header:
        if (!content.comment.empty()) formatter.add({}, content.comment);
        break;
      case LineKind::null_free:
        formatter.add("# f " + std::string{op.name} + ": frees nothing", {});
        if (!content.comment.empty()) formatter.add({}, content.comment);
        break;
    }
  }
  return formatter.finish();
}

}  // namespace mneme::driver
