// purpose: `mneme fmt`: a script, or a malloclab trace, as a script in canonical form.
// layer: language; includes source.
// threads: pure but for the source it reads.
// invariants: formatting twice changes nothing; the result has the same steps as the input.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "diagnostic.hpp"
#include "source.hpp"

namespace mneme::driver {

/// Comments are aligned behind commands of at most this many columns, so that one long command does
/// not move the comments of its whole block to the right.
inline constexpr std::size_t aligned_width_max = 40;

/// Returns the whole formatted text, so that nothing is printed of a script with an error. Throws
/// ScriptError or InputError. The heap line may be missing, as `--heap` may replace it.
[[nodiscard]] std::string format_script(
    Source& source, const std::function<void(const Diagnostic&)>& on_warning = {});

}  // namespace mneme::driver
