// purpose: replaces the content of a file, as a whole or not at all.
// layer: commands; includes the standard library; POSIX in rewrite_file.cpp only.
// threads: one call at a time on one file.
// invariants: a reader of the file sees either the old content or the new one.
#pragma once

#include <string>
#include <string_view>

namespace mneme::driver {

/// Keeps the file's mode, and follows a symbolic link. Throws InputError, and leaves the file as it
/// was, if it is not a regular file, is read-only, or cannot be written.
void rewrite_file(const std::string& path, std::string_view content);

}  // namespace mneme::driver
