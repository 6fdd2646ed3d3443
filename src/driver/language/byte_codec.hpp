// purpose: converts scripts to bytes for fuzzers, and any bytes to a script.
// layer: language; includes op, diagnostic and the standard library.
// threads: plain values, no sharing.
// invariants: decode accepts any bytes; decoding an encoded script gives the same steps.
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

/// The names behind `raw=`, by number, the default first; and those that a size follows, whose
/// numbers are behind the others'.
struct RawNames {
  std::span<const std::string_view> plain = only_default_raw_heap;
  std::span<const std::string_view> sized{};
};

/// The steps of a script, and the names that they refer to. Step n is on line n.
struct Script {
  Script() = default;
  Script(Script&&) noexcept = default;
  Script& operator=(Script&&) noexcept = default;

  std::list<std::string> names;  // which never move
  std::vector<Op> ops;           // the first is a heap
};

/// The script that the bytes encode. It can always be parsed, but its steps may make no sense.
/// Bytes missing at the end count as zeros. Linear.
///
///     input     header step...
///     header    flags: 1 poll=auto; 2 is free for the harness; 4 an alignment follows; the others
///               are the raw heap's number      number: the heap's size      alignment, else 8
///               number: the size behind the raw heap's name, if it has one
///     step      place (5 bits), flags (3 bits)     arguments in the order of the script language
///     name      below C0: one of 32 names; else the low six bits and a byte: one of 16,384
///     alignment a byte: the exponent of a power of two
///     number    below 80: itself; below C0: 128 and multiples of 64; below F0: two bytes;
///               F0–F7: that many bytes and one; F8–FB: close to a power of two; FC–FF: huge
///
/// Names are n0, n1 … unless a step `define`, which is not part of the script, gives one another
/// text. The language table has the place of each command; the place of `define`, with flags, means
/// the places from 32 on.
[[nodiscard]] Script decode(std::span<const std::uint8_t> bytes, RawNames raw_heaps = {});

/// The script's first steps, or all of them, in canonical form, one per line.
[[nodiscard]] std::string text_of(const Script& script, std::size_t steps_max = std::size_t{0} - 1);

/// Encodes steps, one by one; the first is a heap.
class Encoder {
 public:
  explicit Encoder(RawNames raw_heaps = {}) : raw_heaps_{raw_heaps} {}

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
  /// The number of a name; defines the name if necessary.
  [[nodiscard]] std::size_t index_of(const Op& op, std::string_view text, Column column);

  void put_heap(const Op& op);

  RawNames raw_heaps_;
  Bytes bytes_;
  std::unordered_map<std::string, std::size_t> indices_;
  std::vector<bool> taken_;  // by index
};

}  // namespace mneme::driver
