// purpose: give a file another content, as a whole or not at all.
// layer: commands; includes the standard library; POSIX in rewrite_file.cpp only.
// threads: one call at a time on one file.
// invariants: whoever reads the file sees the old content or the new one.
#pragma once

#include <string>
#include <string_view>

namespace mneme::driver {

/// Keeps the file's mode, and what a symbolic link leads to. Throws InputError, and then the file
/// is as it was: if it is not a regular file, is read-only, or cannot be written.
void rewrite_file(const std::string& path, std::string_view content);

}  // namespace mneme::driver
