// purpose: scripts taken apart and changed as scripts: whole lines, words, numbers.
// room: fuzz; includes the driver's codec and parser.
// threads: one owner.
// invariants: the same text and seed give the same text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mneme::fuzz {

/// The steps of a script in canonical form. Throws ScriptError. A malloclab trace sets `of_trace`,
/// and so must its formatted script: then a resize is told as an alloc, since a trace leaves open
/// which it is.
[[nodiscard]] std::vector<std::string> steps_of(std::string_view text, bool& of_trace);

/// Changes one thing: moves, copies, drops or makes a line, or a word of the language in it.
[[nodiscard]] std::string mutated(std::string_view text, unsigned seed);

}  // namespace mneme::fuzz
