// purpose: buffered reading with bounded memory, and the cutting into lines.
// layer: language; includes source, diagnostic and text_start.
// threads: one owner.
// invariants: the buffer is larger than the longest line, so refill() always makes progress.
#include "source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "diagnostic.hpp"
#include "text_start.hpp"

namespace mneme::driver {

namespace {

// A line that is too long is detected while there is still room for a full read behind it.
constexpr std::size_t buffer_size_bytes = 2 * line_length_max + 2;

const char* find(const char* text, char byte, std::size_t size_bytes) {
  return size_bytes == 0 ? nullptr : static_cast<const char*>(std::memchr(text, byte, size_bytes));
}

std::string_view without_cr(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Whether a CR is followed by more text of the line.
bool has_inner_cr(std::string_view line) {
  const std::size_t cr = line.find('\r');
  return cr != std::string_view::npos && line.find_first_not_of('\r', cr) != std::string_view::npos;
}

}  // namespace

Source Source::open(const std::string& path, LongLines long_lines) {
  return Source{Input::open(path), long_lines};
}

Source::Source(Input input, LongLines long_lines)
    : input_{std::move(input)},
      name_{input_->name()},
      buffer_{std::make_unique_for_overwrite<char[]>(buffer_size_bytes)},
      cursor_{buffer_.get()},
      limit_{buffer_.get()},
      long_lines_{long_lines} {}

Source::Source(std::string_view text, std::string name)
    : name_{std::move(name)},
      cursor_{text.data()},
      limit_{text.data() + text.size()},
      at_end_{true} {}

bool Source::next_line(std::string_view& line) {
  const bool is_usual = line_number_ > 0 && !skips_line_ && !ends_with_cr_;
  const auto available = static_cast<std::size_t>(limit_ - cursor_);
  const char* const lf = is_usual ? find(cursor_, '\n', available) : nullptr;
  if (lf == nullptr || static_cast<std::size_t>(lf - cursor_) > line_length_max) {
    return next_unusual_line(line);
  }
  ++line_number_;
  line = without_cr({cursor_, lf});
  cursor_ = lf + 1;
  return true;
}

/// All other cases: the first line, a line that is not entirely in the buffer, is too long or ends
/// with CR, and the end of the input.
bool Source::next_unusual_line(std::string_view& line) {
  if (!started_) start();
  if (skips_line_) skip_line();
  for (;;) {
    const auto available = static_cast<std::size_t>(limit_ - cursor_);
    const char* const end = find_end(std::min(available, line_length_max + 1));
    const bool is_too_long = end == nullptr && available > line_length_max;
    if (is_too_long && long_lines_ == LongLines::refuse) fail_too_long();
    if (end == nullptr && !at_end_ && !is_too_long) {
      refill();
      continue;
    }
    if (end == nullptr && available == 0) return false;
    ++line_number_;
    if (is_too_long) {
      line = {cursor_, line_length_max + 1};
      cursor_ += line.size();
      skips_line_ = true;
      return true;
    }
    line = without_cr({cursor_, end == nullptr ? limit_ : end});
    cursor_ = end == nullptr ? limit_ : end + 1;
    return true;
  }
}

void Source::start() {
  const auto head = [&] { return std::string_view{cursor_, limit_}; };
  while (!at_end_ && !decides_text_start(head())) refill();
  cursor_ += text_start(head(), name_);
  started_ = true;
}

/// The end of the line among the next bytes, or null.
const char* Source::find_end(std::size_t size_bytes) {
  const char* const lf = find(cursor_, '\n', size_bytes);
  if (lf != nullptr) size_bytes = static_cast<std::size_t>(lf - cursor_);
  if (line_number_ == 0 && has_inner_cr({cursor_, size_bytes})) ends_with_cr_ = true;
  const char* const cr = ends_with_cr_ ? find(cursor_, '\r', size_bytes) : nullptr;
  return cr != nullptr ? cr : lf;
}

/// Skips the rest of a truncated line.
void Source::skip_line() {
  skips_line_ = false;
  for (;;) {
    const char* const end = find_end(static_cast<std::size_t>(limit_ - cursor_));
    cursor_ = end == nullptr ? limit_ : end + 1;
    if (end != nullptr || at_end_) return;
    refill();
  }
}

void Source::refill() {
  const auto kept = static_cast<std::size_t>(limit_ - cursor_);
  char* const begin = buffer_.get();
  if (kept > 0) std::memmove(begin, cursor_, kept);
  cursor_ = begin;
  limit_ = begin + kept;
  const std::size_t count = input_->read_some(begin + kept, buffer_size_bytes - kept);
  limit_ += count;
  at_end_ = count == 0;
}

void Source::fail_too_long() const {
  throw ScriptError{Diagnostic{.severity = Severity::error,
                               .file = name_,
                               .line = line_number_ + 1,
                               .column = static_cast<Column>(line_length_max + 1),
                               .message = "line longer than 65,536 bytes",
                               .source_line = std::string{cursor_, line_length_max + 1}}};
}

}  // namespace mneme::driver
