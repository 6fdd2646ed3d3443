// purpose: reading malloclab traces.
// layer: language; includes malloclab.
// threads: one owner.
// invariants: as in the header.
#include "malloclab.hpp"

#include <string>

namespace mneme::driver {

namespace {

constexpr std::size_t ids_index = 1;
constexpr std::size_t ops_index = 2;

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

[[noreturn]] void fail_header(const Line& line, Column column, std::size_t count) {
  line.fail(column,
            "a malloclab trace starts with four numbers, one a line (heap size, ids, operations, "
            "weight), but only " +
                std::to_string(count) + " stand here");
}

}  // namespace

bool is_bare_number(std::string_view word) noexcept {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

LineKind MalloclabTrace::parse(Line& line, const Word& first, Op& op, const WarningSink& warn) {
  if (header_count_ < header_.size()) {
    parse_header(line, first);
    return LineKind::trace_header;
  }
  const std::string_view verb = first.text;
  if (verb != "a" && verb != "r" && verb != "f") {
    line.fail(first.column, "unknown malloclab operation " + in_quotes(verb) +
                                "; expected 'a ID SIZE', 'r ID SIZE' or 'f ID'");
  }
  ++op_count_;
  const bool is_free = verb == "f";
  const std::string_view form = is_free ? "f ID" : (verb == "a" ? "a ID SIZE" : "r ID SIZE");
  const Word id = argument(line, "ID", form);
  const bool is_null = is_free && id.text == "-1";
  if (!is_null) check_id(line, id, warn);
  op.name = id.text;
  op.name_column = id.column;
  if (!is_free) {
    const Word size = argument(line, "SIZE", form);
    op.size_bytes = line.size(size, "SIZE");
    op.number_column = size.column;
  }
  expect_end(line, form);
  op.kind = is_free ? OpKind::free : (verb == "a" ? OpKind::alloc : OpKind::resize);
  op.or_alloc = verb == "r";
  return is_null ? LineKind::null_free : LineKind::op;
}

void MalloclabTrace::parse_header(Line& line, const Word& first) {
  if (!is_bare_number(first.text)) {
    fail_header(line, first.column, header_count_);
  }
  header_[header_count_] = line.size(first, "header number");
  if (header_count_ == ops_index) ops_announced_line_ = line.number();
  ++header_count_;
  const Word second = line.next_word();
  if (!second.at_end()) {
    line.fail(second.column, "unexpected " + in_quotes(second.text) +
                                 "; the header of a malloclab trace has one number a line");
  }
}

void MalloclabTrace::check_id(const Line& line, const Word& id, const WarningSink& warn) {
  if (!is_bare_number(id.text) || id.text.size() > name_length_max) {
    line.fail(id.column, "bad ID " + in_quotes(id.text) + "; expected decimal digits");
  }
  if (warned_of_id_ || line.size(id, "ID") < header_[ids_index]) return;
  warned_of_id_ = true;
  if (warn) {
    warn(line.diagnostic(Severity::warning, id.column,
                         "ID " + in_quotes(id.text) +
                             " is not below the number of ids in the "
                             "header, " +
                             std::to_string(header_[ids_index]) + " (reported once)"));
  }
}

void MalloclabTrace::finish(const Line& last_line, const WarningSink& warn) const {
  if (header_count_ < header_.size()) {
    fail_header(last_line, 1, header_count_);
  }
  if (!warn || op_count_ == header_[ops_index]) return;
  Diagnostic diagnostic =
      last_line.diagnostic(Severity::warning, 1,
                           "the header announces " + std::to_string(header_[ops_index]) +
                               " operations, but " + std::to_string(op_count_) + " follow");
  diagnostic.line = ops_announced_line_;
  diagnostic.source_line.clear();
  warn(diagnostic);
}

}  // namespace mneme::driver
