// purpose: reading malloclab traces, in the dialects of several courses.
// layer: language; includes malloclab.
// threads: one owner.
// invariants: as in the header.
//
// The header of CMU's traces has four numbers: heap size, number of ids, number of steps, weight
// (some put the weight first, so only the two in the middle mean anything). Others have the number
// of ids and of steps alone, or no header.
#include "malloclab.hpp"

#include <limits>
#include <string>
#include <utility>

namespace mneme::driver {

namespace {

constexpr std::uint64_t id_max = std::numeric_limits<std::uint64_t>::max() - 1;

bool is_bare_number(std::string_view word) noexcept {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_letter_of_step(std::string_view word) noexcept {
  return word == "a" || word == "r" || word == "f";
}

std::string_view form_of(std::string_view letter) {
  if (letter == "f") return "f ID";
  return letter == "a" ? "a ID SIZE" : "r ID SIZE";
}

void expect_end(Line& line, std::string_view form) {
  const Word word = line.next_word();
  if (word.at_end()) return;
  line.fail(word.column, "unexpected " + in_quotes(word.text) + "; the form is " + in_quotes(form));
}

Word argument(Line& line, std::string_view what, std::string_view form) {
  const Word word = line.next_word();
  if (!word.at_end()) return word;
  line.fail(word.column, "missing " + std::string{what} + "; the form is " + in_quotes(form));
}

void warn_at(const MalloclabTrace::WarningSink& warn, const Line& line, Column column,
             std::string message) {
  if (warn) warn(line.diagnostic(Severity::warning, column, std::move(message)));
}

}  // namespace

bool is_malloclab_line(Line line) noexcept {
  line.rewind();
  const Word first = line.next_word();
  if (is_bare_number(first.text)) return true;
  const std::string_view second = line.next_word().text;
  return is_letter_of_step(first.text) && (is_bare_number(second) || second == null_id);
}

bool resembles_malloclab_line(Line line) noexcept {
  line.rewind();
  const Word first = line.next_word();
  return is_bare_number(first.text) || is_letter_of_step(first.text);
}

LineKind MalloclabTrace::parse(Line& line, const Word& first, Op& op, const WarningSink& warn) {
  reads_line_again_ = false;
  if (!in_steps_ && is_bare_number(first.text)) {
    parse_header(line, first);
    return LineKind::trace_header;
  }
  if (!is_letter_of_step(first.text)) {
    line.fail(first.column, "unknown malloclab operation " + in_quotes(first.text) +
                                "; expected 'a ID SIZE', 'r ID SIZE' or 'f ID'");
  }
  const bool is_free = first.text == "f";
  const std::string_view form = form_of(first.text);
  const Id id = take_id(line, form, is_free);
  op.name = id.word.text;
  op.name_column = id.word.column;
  if (!is_free) {
    const Word size = argument(line, "SIZE", form);
    op.size_bytes = line.size(size, "SIZE");
    op.number_column = size.column;
  }
  expect_end(line, form);
  if (!std::exchange(in_steps_, true)) {
    read_counts();
    if (!has_counts_ && header_count_ > 0) warn_at(warn, line, first.column, bad_header());
  }
  if (!id.is_null) check_id(line, id, warn);
  if (is_free) return free(line, id, op, warn);
  if (first.text == "a" || !live_.contains(id.number)) return allocate(line, id, op, warn);
  if (op.size_bytes == 0) return free(line, id, op, warn);
  ++step_count_;
  op.kind = OpKind::resize;
  return LineKind::op;
}

void MalloclabTrace::parse_header(Line& line, const Word& first) {
  std::size_t count = header_count_;
  for (Word word = first; !word.at_end(); word = line.next_word()) {
    if (!is_bare_number(word.text)) {
      line.fail(word.column, "unexpected " + in_quotes(word.text) +
                                 "; the header of a malloclab trace contains only numbers");
    }
    const std::uint64_t number = line.size(word, "header number");
    if (count == header_.size()) {
      line.fail(word.column, "the header of a malloclab trace has at most four numbers");
    }
    header_[count++] = {.number = number, .line = line.number()};
  }
  header_count_ = count;
  last_header_line_ = line.number();
  file_ = line.file();
}

/// Called at the first step: decides which of the header's numbers are the counts.
void MalloclabTrace::read_counts() noexcept {
  const std::size_t ids_index = header_count_ == header_.size() ? 1 : 0;
  has_counts_ = header_count_ == 2 || header_count_ == header_.size();
  ids_announced_ = header_[ids_index].number;
  steps_announced_ = header_[ids_index + 1];
}

MalloclabTrace::Id MalloclabTrace::take_id(Line& line, std::string_view form,
                                           bool may_be_null) const {
  Id id{.word = argument(line, "ID", form)};
  id.is_null = may_be_null && id.word.text == null_id;
  if (id.is_null) return id;
  if (!is_bare_number(id.word.text)) {
    line.fail(id.word.column, "bad ID " + in_quotes(id.word.text) + "; expected decimal digits");
  }
  id.number = line.size(id.word, "ID");
  if (id.number > id_max)
    line.fail(id.word.column, "ID " + in_quotes(id.word.text) + " is too large");
  const std::size_t zeros = id.word.text.find_first_not_of('0');
  id.word.text.remove_prefix(zeros == std::string_view::npos ? id.word.text.size() - 1 : zeros);
  return id;
}

void MalloclabTrace::check_id(const Line& line, const Id& id, const WarningSink& warn) {
  if (!has_counts_ || warned_of_id_ || id.number < ids_announced_) return;
  warned_of_id_ = true;
  warn_at(warn, line, id.word.column,
          "ID " + in_quotes(id.word.text) + " is not below the number of ids in the header, " +
              std::to_string(ids_announced_) + " (reported once)");
}

LineKind MalloclabTrace::free(const Line& line, const Id& id, Op& op, const WarningSink& warn) {
  ++step_count_;
  op.kind = OpKind::free;
  if (id.is_null) return LineKind::null_free;
  if (live_.erase(id.number) > 0) return LineKind::op;
  warn_at(warn, line, id.word.column,
          "free of ID " + in_quotes(id.word.text) + ", which is not live; skipped");
  return LineKind::null_free;
}

LineKind MalloclabTrace::allocate(const Line& line, const Id& id, Op& op, const WarningSink& warn) {
  const auto [at, is_new] = live_.emplace(id.number, line.number());
  if (!is_new) {
    warn_at(warn, line, id.word.column,
            "ID " + in_quotes(id.word.text) + " has been live since line " +
                std::to_string(at->second) + "; its missing free is inserted here");
    live_.erase(at);
    op.kind = OpKind::free;
    reads_line_again_ = true;
    return LineKind::op;
  }
  ++step_count_;
  op.kind = OpKind::alloc;
  return LineKind::op;
}

std::string MalloclabTrace::bad_header() const {
  return "a header of " + std::to_string(header_count_) +
         (header_count_ == 1 ? " number" : " numbers") +
         "; expected four (heap size, ids, steps, weight), two (ids, steps) or none";
}

void MalloclabTrace::finish(const WarningSink& warn) {
  if (!in_steps_) read_counts();
  Diagnostic diagnostic;
  diagnostic.file = file_;
  diagnostic.line = last_header_line_;
  diagnostic.column = 1;
  if (!has_counts_ && !in_steps_) {
    diagnostic.message = bad_header();
    throw ScriptError{std::move(diagnostic)};
  }
  if (!warn || !has_counts_ || step_count_ == steps_announced_.number) return;
  diagnostic.severity = Severity::warning;
  diagnostic.line = steps_announced_.line;
  diagnostic.message = "the header announces " + std::to_string(steps_announced_.number) +
                       " steps, but " + std::to_string(step_count_) + " follow";
  warn(diagnostic);
}

}  // namespace mneme::driver
