// purpose: scripts as bytes for fuzzers, and back: any bytes are a script.
// layer: language; includes op, diagnostic and the standard library.
// threads: plain values, no sharing.
// invariants: decode takes any bytes; decoding what encode gave yields the same steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "op.hpp"

namespace mneme::driver {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::array only_default_raw_heap{default_raw_heap};

/// The steps of a script, and the names that they point to. Step n stands on line n.
struct Script {
  Script() = default;
  Script(Script&&) noexcept = default;
  Script& operator=(Script&&) noexcept = default;

  std::list<std::string> names;  // which never move
  std::vector<Op> ops;           // the first is a heap
};

/// The script that the bytes mean. It can be parsed, whatever the bytes are; whether it makes sense
/// is another question. Bytes that are missing at the end count as zeros. Linear.
///
///     input     header step...
///     header    flags: 1 poll=auto; 2 is the harness's to use; 4 an alignment follows; the rest
///               is the raw heap's number      number: the heap's size      alignment, else 8
///     step      place (5 bits), flags (3 bits)     arguments in the order of the script language
///     name      below C0: one of 32 names; else the low six bits and a byte: one of 16,384
///     alignment a byte: the exponent of a power of two
///     number    below 80: itself; below C0: 128 and multiples of 64; below F0: two bytes;
///               F0–F7: that many bytes and one; F8–FB: close to a power of two; FC–FF: huge
///
/// Names are called n0, n1 … until a step `define`, which is none of the script's, gives one
/// another text. Which command is at which place is in the language table; the place of `define`,
/// with flags, stands for the places from 32 on.
///
/// `raw_heaps` are the names behind `raw=`, by number, the default first.
[[nodiscard]] Script decode(std::span<const std::uint8_t> bytes,
                            std::span<const std::string_view> raw_heaps = only_default_raw_heap);

/// The script's first steps, or all of them, in canonical form, a step a line.
[[nodiscard]] std::string text_of(const Script& script, std::size_t steps_max = std::size_t{0} - 1);

/// Turns steps into bytes, one after the other, a heap first.
class Encoder {
 public:
  explicit Encoder(std::span<const std::string_view> raw_heaps = only_default_raw_heap)
      : raw_heaps_{raw_heaps} {}

  /// Throws ScriptError for a step that the bytes cannot express: an unknown raw heap, or one
  /// of more than 16,384 names.
  void add(const Op& op);

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  void put(std::size_t byte) { bytes_.push_back(static_cast<std::uint8_t>(byte)); }
  void put_number(std::uint64_t number);
  void put_align(std::uint64_t align_bytes);
  void put_index(std::size_t index);
  void put_expectations(const Op& op, bool is_of_seeds);
  /// The number of a name, which is defined if it has to be.
  [[nodiscard]] std::size_t index_of(const Op& op, std::string_view text, Column column);

  std::span<const std::string_view> raw_heaps_;
  Bytes bytes_;
  std::unordered_map<std::string, std::size_t> indices_;
  std::vector<bool> taken_;  // by index
};

}  // namespace mneme::driver
