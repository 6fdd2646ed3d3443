// purpose: mutates scripts by lines, words and numbers, and checks their formatting.
// layer: fuzz; includes the driver's codec, formatter and parser.
// threads: one owner.
// invariants: the same text and seed give the same text.
#pragma once

#include <string>
#include <string_view>

namespace mneme::fuzz {

/// A script that parses is formatted to one with the same steps, and formatted twice it stays as it
/// is; else ends the run with a finding. Throws ScriptError if it does not parse.
void check_format(std::string_view text);

/// Changes one thing: moves, copies, drops or makes a line, or a word of the language in it.
[[nodiscard]] std::string mutated(std::string_view text, unsigned seed);

}  // namespace mneme::fuzz
