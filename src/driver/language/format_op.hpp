// purpose: the canonical text of a step, as in transcripts and in formatted scripts.
// layer: language; includes op.
// threads: pure functions on the caller's buffer.
// invariants: the text parses to the same step; options are in table order, without defaults.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "op.hpp"

namespace mneme::driver {

/// Holds the longest command: `expect queue` with sixteen names of 64 characters.
using CommandBuffer = std::array<char, 1056>;

/// The text is in the buffer, and is valid as long as that is. Allocates nothing.
[[nodiscard]] std::string_view format_op(const Op& op, CommandBuffer& buffer);

/// 24 digits are enough for any number with its unit.
using SizeBuffer = std::array<char, 24>;

/// The shortest exact form: `1536K`, `2M`, `1000`.
[[nodiscard]] std::string_view canonical_size(std::uint64_t size_bytes, SizeBuffer& buffer);

}  // namespace mneme::driver
