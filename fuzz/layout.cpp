// purpose: the arithmetic of sizes and alignments against 128-bit numbers.
// layer: fuzz; includes L0.
// threads: one.
// invariants: P7.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <mneme/layout.hpp>
#include <string>

#include "support/finding.hpp"

using namespace mneme;

namespace {

using Wide = unsigned __int128;
constexpr Wide size_max = std::numeric_limits<std::size_t>::max();

std::size_t number(std::size_t size) { return size; }
std::size_t number(const auto& layout) { return layout.size; }

template <class Result>  // optional or expected
void same(const Result& seen, Wide expected, const char* what) {
  fuzz::require(seen.has_value() == (expected <= size_max), what);
  if (seen.has_value()) fuzz::require(number(*seen) == expected, what);
}

Wide up(Wide size, Wide unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::array<std::uint64_t, 3> words{};
  if (size < sizeof words + 1) return -1;
  std::memcpy(words.data(), data, sizeof words);
  const auto [a, b, address] = words;
  const std::size_t unit = std::size_t{1} << (data[sizeof words] % 64);
  const fuzz::TextReproducer reproducer("# a " + std::to_string(a) + ", b " + std::to_string(b) +
                                        ", address " + std::to_string(address) + ", unit " +
                                        std::to_string(unit) + "\n");
  same(checked_multiply(a, b), Wide{a} * b, "checked_multiply");
  same(Layout::array<std::array<char, 24>>(a), Wide{a} * 24, "Layout::array");

  const auto block = BlockLayout::with_header({a, unit});
  const Wide whole = std::max(up(Wide{a} + word_bytes, word_bytes), Wide{2} * word_bytes);
  same(block, whole, "BlockLayout::with_header");
  fuzz::require(std::has_single_bit(b) == BlockLayout::with_header({0, b}).has_value(),
                "alignments are powers of two");
  if (!block) return 0;
  const std::size_t padding = block->padding_at(address);
  fuzz::require(padding < block->align && block->align >= unit, "padding is below the alignment");
  fuzz::require((Wide{address} + padding + block->header_bytes) % block->align == 0,
                "what is padded is aligned");
  return 0;
}
