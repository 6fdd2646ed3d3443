// purpose: the live blocks of a trace being imported (see the header).
// layer: import; includes import_ledger and {fmt}.
// threads: one owner.
// invariants: as in the header; sums cannot wrap, since each size and alignment is below 2^47.
#include "ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>
#include <vector>

namespace mneme::driver {

namespace {

constexpr std::uint64_t word_bytes = 8;

/// User space of 64-bit programs ends here, so no block can be this large. A larger size comes from
/// a broken line.
constexpr std::uint64_t size_limit_bytes = std::uint64_t{1} << 47;

/// Up to 2^16 blocks of less than 2^47 bytes can be summed before the sum wraps. A trace with more
/// is nonsense, but its sums must not wrap either.
std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/// The size of a block: header and payload, in whole words, at least two.
std::uint64_t block_bytes(std::uint64_t size) {
  const std::uint64_t payload_bytes = (size + word_bytes - 1) / word_bytes * word_bytes;
  return word_bytes + std::max(payload_bytes, word_bytes);
}

/// The size of a block, and of the gap that its alignment may leave in front of it.
std::uint64_t room_bytes(std::uint64_t size, std::uint64_t align) {
  return block_bytes(size) + (std::max(align, word_bytes) - word_bytes);
}

}  // namespace

Ledger::Ledger(ScriptSink script, ReportSink report)
    : script_{std::move(script)}, report_{std::move(report)} {}

void Ledger::allocate(std::uint64_t key, std::uint64_t size, std::uint64_t align,
                      std::string_view call) {
  if (key == 0) {
    failed(call);
    return;
  }
  if (!plausible(size, align, call)) return;
  evict(key);
  const Block block{.number = blocks_named_,
                    .size = size,
                    .align = std::max(std::bit_ceil(align), word_bytes),
                    .line = line_number()};
  ++blocks_named_;
  live_.emplace(key, block);
  count_in(block);
  ++summary_.allocations;
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), "alloc b{} {}", block.number, block.size);
  if (block.align > word_bytes) fmt::format_to(std::back_inserter(text), " align={}", block.align);
  write({text.data(), text.size()});
}

void Ledger::release(std::uint64_t key) {
  if (key == 0) {
    ++summary_.null_frees;
    return;
  }
  const auto at = live_.find(key);
  if (at == live_.end()) {
    warn(fmt::format("free of address {:#x}, which is not live; skipped", key));
    return;
  }
  free_block(at);
}

void Ledger::release_all(std::string_view reason) {
  if (live_.empty()) return;
  const std::string text = fmt::format("{}: {} live block{} freed here", reason, live_.size(),
                                       live_.size() == 1 ? " is" : "s are");
  warn(text);
  write(fmt::format("# line {}: {}", line_number(), text));
  std::vector<Live::iterator> blocks;
  for (auto at = live_.begin(); at != live_.end(); ++at) blocks.push_back(at);
  std::ranges::sort(blocks, {}, [](Live::iterator at) { return at->second.number; });
  for (const Live::iterator at : blocks) free_block(at);
}

void Ledger::resize(std::uint64_t key, std::uint64_t new_key, std::uint64_t size,
                    std::string_view call) {
  if (key == 0) {
    allocate(new_key, size, word_bytes, call);
    return;
  }
  if (new_key == 0 && size == 0) {
    release(key);
    return;
  }
  const auto at = live_.find(key);
  if (new_key == 0) {
    if (at == live_.end()) warn(fmt::format("resize of address {:#x}, which is not live", key));
    failed(call);
    return;
  }
  if (at == live_.end()) {
    warn(fmt::format("resize of address {:#x}, which is not live; treated as an allocation", key));
    allocate(new_key, size, word_bytes, call);
    return;
  }
  if (!plausible(size, word_bytes, call)) return;
  Block block = at->second;
  if (new_key != key) evict(new_key);
  live_.erase(key);
  // While a block moves, both copies exist, so a roomy heap has room for both.
  summary_.room_peak_bytes = std::max(summary_.room_peak_bytes,
                                      saturating_sum(room_bytes_, room_bytes(size, block.align)));
  count_out(block);
  block.size = size;
  count_in(block);
  live_.emplace(new_key, block);
  ++summary_.resizes;
  write(fmt::format("resize b{} {}", block.number, size));
}

void Ledger::failed(std::string_view call) {
  ++summary_.failures;
  write(fmt::format("# line {}: {} failed", line_number(), in_quotes(call)));
}

void Ledger::report(Severity severity, std::string_view message) {
  ++summary_.reports;
  report_(line_number(), severity, message);
}

bool Ledger::plausible(std::uint64_t size, std::uint64_t align, std::string_view call) {
  if (size < size_limit_bytes && align < size_limit_bytes) return true;
  error(fmt::format("{} cannot have succeeded: it is larger than any address space",
                    in_quotes(call)));
  return false;
}

/// Two live blocks cannot have the same address, so the trace lacks the free of the first.
void Ledger::evict(std::uint64_t key) {
  const auto at = live_.find(key);
  if (at == live_.end()) return;
  warn(fmt::format(
      "address {:#x} has been live since line {} (b{}); its missing free is inserted here", key,
      at->second.line, at->second.number));
  write(
      fmt::format("# line {}: the trace lacks the free of b{}", line_number(), at->second.number));
  free_block(at);
}

void Ledger::free_block(Live::iterator at) {
  count_out(at->second);
  ++summary_.frees;
  write(fmt::format("free b{}", at->second.number));
  live_.erase(at);
}

void Ledger::count_in(const Block& block) {
  const std::uint64_t bytes = block_bytes(block.size);
  summary_.largest_bytes = std::max(summary_.largest_bytes, bytes);
  summary_.live_bytes = saturating_sum(summary_.live_bytes, bytes);
  ++summary_.live_blocks;
  if (summary_.live_bytes > summary_.peak_bytes) {
    summary_.peak_bytes = summary_.live_bytes;
    summary_.peak_blocks = summary_.live_blocks;
  }
  room_bytes_ = saturating_sum(room_bytes_, room_bytes(block.size, block.align));
  summary_.room_peak_bytes = std::max(summary_.room_peak_bytes, room_bytes_);
}

void Ledger::count_out(const Block& block) {
  summary_.live_bytes -= std::min(summary_.live_bytes, block_bytes(block.size));
  --summary_.live_blocks;
  room_bytes_ -= std::min(room_bytes_, room_bytes(block.size, block.align));
}

}  // namespace mneme::driver
