// purpose: finds where the text of an input begins, and recognises files that are not text.
// layer: language; includes the standard library only.
// threads: pure functions.
// invariants: a file of ASCII text is never mistaken for another kind.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mneme::driver {

/// The byte order mark that a text in UTF-8 may begin with.
inline constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";

/// Whether these first bytes of an input are enough for text_start().
[[nodiscard]] bool decides_text_start(std::string_view head) noexcept;

/// The number of bytes before the text: the length of a byte order mark of UTF-8, otherwise 0.
/// Throws InputError for UTF-16, UTF-32, a compressed file or a program; the message gives a
/// command that converts it.
[[nodiscard]] std::size_t text_start(std::string_view head, const std::string& name);

}  // namespace mneme::driver
