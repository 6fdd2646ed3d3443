// purpose: where the text of an input begins, and what kind of file is none.
// layer: language; includes the standard library only.
// threads: pure functions.
// invariants: a file of ASCII text is never taken for another kind.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mneme::driver {

/// The byte order mark that a text in UTF-8 may begin with.
inline constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";

/// Whether so few bytes of an input decide already what text_start() makes of it.
[[nodiscard]] bool decides_text_start(std::string_view head) noexcept;

/// How many bytes come before the text: those of the byte order mark of UTF-8, else none. Throws
/// InputError for UTF-16 and UTF-32, a compressed file, or a program; it names the way to the text.
[[nodiscard]] std::size_t text_start(std::string_view head, const std::string& name);

}  // namespace mneme::driver
