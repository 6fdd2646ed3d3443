// purpose: buffered reading with bounded memory, and the errors reading can meet.
// layer: language; includes source, diagnostic and POSIX.
// threads: one owner.
// invariants: the buffer has room for the longest line and more, so refill() always makes headway.
#include "source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "diagnostic.hpp"

namespace mneme::driver {

namespace {

// A line that is too long is noticed while it and a full read still fit.
constexpr std::size_t buffer_size_bytes = 2 * line_length_max + 2;

[[noreturn]] void fail_reading(const std::string& name, int error) {
  throw InputError{"cannot read '" + name + "': " + std::generic_category().message(error)};
}

/// Reads at least one byte, or 0 at the end. Interruptions, and a descriptor that its owner made
/// non-blocking, are no errors: reading waits.
std::size_t read_some(int descriptor, char* to, std::size_t size_bytes, const std::string& name) {
  for (;;) {
    const ssize_t count = ::read(descriptor, to, size_bytes);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
      (void)::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      fail_reading(name, errno);
    }
  }
}

}  // namespace

Source Source::open(const std::string& path) {
  if (path == "-") return Source{STDIN_FILENO, false, "<stdin>"};
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_reading(path, errno);
  return Source{descriptor, true, path};
}

Source::Source(int descriptor, bool owns_descriptor, std::string name)
    : name_{std::move(name)},
      buffer_{std::make_unique_for_overwrite<char[]>(buffer_size_bytes)},
      cursor_{buffer_.get()},
      limit_{buffer_.get()},
      descriptor_{descriptor},
      owns_descriptor_{owns_descriptor} {}

Source::Source(std::string_view text, std::string name)
    : name_{std::move(name)},
      cursor_{text.data()},
      limit_{text.data() + text.size()},
      at_end_{true} {}

Source::~Source() {
  if (owns_descriptor_) (void)::close(descriptor_);
}

bool Source::next_line(std::string_view& line) {
  for (;;) {
    const auto available = static_cast<std::size_t>(limit_ - cursor_);
    const std::size_t looked_at = std::min(available, line_length_max + 1);
    const char* end = nullptr;
    if (looked_at > 0) end = static_cast<const char*>(std::memchr(cursor_, '\n', looked_at));
    if (end == nullptr && available > line_length_max) fail_too_long();
    if (end == nullptr && !at_end_) {
      refill();
      continue;
    }
    if (end == nullptr && available == 0) return false;
    line = {cursor_, static_cast<std::size_t>((end == nullptr ? limit_ : end) - cursor_)};
    cursor_ = end == nullptr ? limit_ : end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number_;
    return true;
  }
}

void Source::refill() {
  const auto kept = static_cast<std::size_t>(limit_ - cursor_);
  char* const begin = buffer_.get();
  if (kept > 0) std::memmove(begin, cursor_, kept);
  cursor_ = begin;
  limit_ = begin + kept;
  const std::size_t count = read_some(descriptor_, begin + kept, buffer_size_bytes - kept, name_);
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
