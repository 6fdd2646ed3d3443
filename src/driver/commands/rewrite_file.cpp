// purpose: writes a new file beside the old one, and renames it over that.
// layer: commands; includes rewrite_file, diagnostic and POSIX.
// threads: as in the header.
// invariants: no new file is left behind after an error.
#include "rewrite_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw InputError("cannot rewrite " + in_quotes(path) + ": " + why);
}

/// The new file is on disk before it replaces the old one.
bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ::ssize_t count = ::write(file, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(file) == 0;
}

}  // namespace

void rewrite_file(const std::string& path, std::string_view content) {
  struct ::stat status{};
  if (::stat(path.c_str(), &status) != 0) fail(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(path, "it is not a regular file");
  // Renaming over a file needs no permission to write that file, and root may always write it.
  constexpr ::mode_t writers = S_IWUSR | S_IWGRP | S_IWOTH;
  if ((status.st_mode & writers) == 0 || ::access(path.c_str(), W_OK) != 0) {
    fail(path, "it is read-only");
  }
  std::error_code error;
  const std::string target = std::filesystem::canonical(path, error).string();
  if (error) fail(path, error.message());
  std::string name = target + ".XXXXXX";
  const int file = ::mkstemp(name.data());
  if (file < 0) fail(path, std::string("cannot create a file beside it: ") + std::strerror(errno));
  bool is_good = write_all(file, content) && ::fchmod(file, status.st_mode & 07777U) == 0;
  int why = errno;
  is_good = ::close(file) == 0 && is_good;
  if (is_good && std::rename(name.c_str(), target.c_str()) != 0) {
    is_good = false;
    why = errno;
  }
  if (is_good) return;
  (void)::unlink(name.c_str());
  fail(path, std::strerror(why));
}

}  // namespace mneme::driver
