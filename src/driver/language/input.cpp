// purpose: opens and reads files by POSIX calls, and turns their errors into messages.
// layer: language; includes input, diagnostic and POSIX.
// threads: one owner.
// invariants: as in the header.
#include "input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "diagnostic.hpp"

namespace mneme::driver {

namespace {

[[noreturn]] void fail_reading(const std::string& name, int error) {
  throw InputError{"cannot read '" + name + "': " + std::generic_category().message(error)};
}

}  // namespace

Input Input::open(const std::string& path) {
  if (path == "-") return Input{STDIN_FILENO, "<stdin>"};
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_reading(path, errno);
  return Input{descriptor, path};
}

Input::Input(int descriptor, std::string name) : name_{std::move(name)}, descriptor_{descriptor} {}

Input::Input(Input&& other) noexcept
    : name_{std::move(other.name_)}, descriptor_{std::exchange(other.descriptor_, -1)} {}

Input::~Input() {
  if (descriptor_ >= 0 && descriptor_ != STDIN_FILENO) (void)::close(descriptor_);
}

std::size_t Input::read_some(char* to, std::size_t size_bytes) {
  for (;;) {
    const ssize_t count = ::read(descriptor_, to, size_bytes);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
      (void)::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      fail_reading(name_, errno);
    }
  }
}

std::string read_whole(const std::string& path) {
  Input input = Input::open(path);
  std::string text;
  std::array<char, 65'536> chunk;
  while (const std::size_t count = input.read_some(chunk.data(), chunk.size())) {
    text.append(chunk.data(), count);
  }
  return text;
}

}  // namespace mneme::driver
