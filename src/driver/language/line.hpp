// purpose: one line of a script, cut into words, and the readers of names and numbers.
// layer: language; includes diagnostic and source.
// threads: one owner.
// invariants: a word contains no blanks and no part of a comment; errors point into the line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "diagnostic.hpp"
#include "op.hpp"
#include "source.hpp"

namespace mneme::driver {

/// A word and its column. At the end of the line: empty, one column behind the last word.
struct Word {
  std::string_view text;
  Column column = 1;
  bool is_name = false;  // false: not checked yet, or not a name

  [[nodiscard]] bool at_end() const noexcept { return text.empty(); }
};

/// The content of a line, for a program that prints the line again.
enum class LineKind : std::uint8_t {
  blank,
  op,
  trace_header,  // numbers of a malloclab trace's header
  null_free      // malloclab's free of id -1, or of one that is not live: frees nothing
};

struct LineContent {
  LineKind kind = LineKind::blank;
  std::string_view comment;  // from its `#` on
};

/// The words of a line such as `alloc a 600`, behind the first.
struct PlainWords {
  std::size_t name_at = 0;  // given
  std::string_view name;
  std::size_t size_at = 0;
  std::uint64_t size = 0;
};

/// A view of the source's current line. Words are separated by blanks and tabs; `#` starts a
/// comment, anywhere in the line.
class Line {
 public:
  Line() = default;
  Line(std::string_view text, std::string_view file, std::uint64_t number)
      : text_{text}, file_{file}, number_{number} {}

  /// Reads the source's next line. At the end: false, and the text is empty.
  [[nodiscard]] bool read_from(Source& source) {
    if (!source.next_line(text_)) {
      text_ = {};
      return false;
    }
    file_ = source.name();
    number_ = source.line_number();
    rewind();
    return true;
  }

  /// The next word; `at_end()` when there is none left.
  [[nodiscard]] Word next_word() noexcept;

  /// Reads a name, and after one blank digits, up to the end of the line. False if there is
  /// anything else, right or wrong.
  [[nodiscard]] bool read_plainly(PlainWords& words, bool has_size) const noexcept;

  /// Goes back to the first word.
  void rewind() noexcept {
    position_ = 0;
    words_end_ = 0;
  }

  /// The comment, from its `#` on, without blanks at the end. Call it after the last word. A NUL in
  /// it is an error.
  [[nodiscard]] std::string_view comment() const {
    return position_ == text_.size() ? std::string_view{} : comment_behind_blanks();
  }

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::string_view file() const noexcept { return file_; }

  /// The word as a name. Error messages name the argument as `what`.
  [[nodiscard]] std::string_view name(const Word& word, std::string_view what) const {
    if (!word.is_name || word.text.size() > name_length_max) check_name(word, what);
    return word.text;
  }

  /// The word as a number: decimal, with K, M or G for powers of 1024.
  [[nodiscard]] std::uint64_t size(const Word& word, std::string_view what) const;

  /// Throws a ScriptError at a column of this line. If the line contains a byte that no command may
  /// have, that is the more likely cause, and is reported instead.
  [[noreturn]] void fail(Column column, std::string message) const;

  [[nodiscard]] Diagnostic diagnostic(Severity severity, Column column, std::string message) const;

 private:
  [[nodiscard]] std::string_view comment_behind_blanks() const;
  void check_name(const Word& word, std::string_view what) const;
  [[noreturn]] void fail_size(const Word& word, std::string_view what) const;

  std::string_view text_;
  std::string_view file_;
  std::uint64_t number_ = 0;
  std::size_t position_ = 0;
  std::size_t words_end_ = 0;  // behind the last word that was returned
};

/// Calls each(size) for every size that a step can choose.
template <class F>
void for_each_size(const Op& op, F each) {
  for (std::string_view rest = op.sizes; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find('|'));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    each(Line{}.size({.text = word}, "SIZE"));
  }
}

}  // namespace mneme::driver
