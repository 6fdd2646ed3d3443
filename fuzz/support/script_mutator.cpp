// purpose: the mutator, as libFuzzer calls it.
// layer: fuzz; includes the driver's codec, language and parser.
// threads: one owner.
// invariants: as in the header.
#include "script_mutator.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>
#include "driver/language/byte_codec.hpp"
#include "driver/language/command_table.hpp"
#include "driver/language/format_op.hpp"
#include "driver/language/format_script.hpp"
#include "driver/language/parser.hpp"

#include "finding.hpp"

namespace mneme::fuzz {

namespace {

using namespace mneme::driver;

using Random = std::minstd_rand;

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts, char with) {
  std::string text;
  for (const std::string& part : parts) text += part + with;
  return text;
}

/// A line that no heap is made by: the second step of a few bytes, which is about `name` if it is
/// about any.
std::string random_line(const std::string& name, Random& random) {
  Bytes bytes(12);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() >> 8U);
  bytes[0] = 0;
  bytes[1] = 0;
  Script script = decode(bytes);
  if (script.ops.size() < 2) return "poll";
  Op& op = script.ops[1];
  if (!op.name.empty() && random() % 4 != 0) op.name = name;
  CommandBuffer buffer;
  return std::string(format_op(op, buffer));
}

/// A name of the script: the second word of one of its lines.
std::string known_name(const std::vector<std::string>& lines, Random& random) {
  const std::vector<std::string> words = split(lines[random() % lines.size()], ' ');
  return words.size() < 2 ? 'n' + std::to_string(random() % 8) : words[1];
}

void change_word(std::string& line, const std::string& name, Random& random) {
  std::vector<std::string> words = split(line, ' ');
  if (words.empty()) return;
  std::string& word = words[random() % words.size()];
  const std::vector<std::string> known = language_words();
  switch (random() % 4) {
    case 0: word = known[random() % known.size()]; break;
    case 1: word = std::to_string(random() >> (random() % 31)); break;
    case 2: word = name; break;
    default: word += word; break;
  }
  line = join(words, ' ');
  line.pop_back();
}

std::string formatted(std::string_view text) {
  Source source(text, "script");
  return format_script(source);
}

/// The steps of a script in canonical form. A malloclab trace sets `of_trace`, and so must its
/// formatted script: then a resize is told as an alloc, since a trace leaves open which it is.
std::vector<std::string> steps_of(std::string_view text, bool& of_trace) {
  Source source(text, "script");
  Parser parser(source, {.default_heap_bytes = malloclab_heap_bytes});
  std::vector<std::string> steps;
  CommandBuffer buffer;
  for (Op op; parser.next(op);) {
    of_trace = of_trace || parser.is_malloclab();
    if (op.synthetic && !parser.is_malloclab()) continue;  // it stands in no text, so it is lost
    if (of_trace && op.kind == OpKind::resize) op.kind = OpKind::alloc;
    steps.emplace_back(format_op(op, buffer));
  }
  return steps;
}

}  // namespace

void check_format(std::string_view text) {
  bool of_trace = false;
  const auto steps = steps_of(text, of_trace);
  try {
    const std::string once = formatted(text);
    require(formatted(once) == once, "formatting twice changes a script");
    require(steps_of(once, of_trace) == steps, "formatting changes the steps");
  } catch (const ScriptError& error) {
    stop("a script that parses is not formatted to one that does: " + render(error.diagnostic()));
  }
}

std::string mutated(std::string_view text, unsigned seed) {
  Random random(seed);  // NOLINT(bugprone-random-generator-seed): libFuzzer's own
  std::vector<std::string> lines = split(text, '\n');
  if (lines.empty()) lines.emplace_back("heap 256");
  const std::size_t at = random() % lines.size();
  const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
  const std::size_t other = random() % lines.size();
  switch (random() % 8) {
    case 0: lines.erase(place); break;
    case 1: lines.insert(place, std::string(lines[other])); break;
    case 2: std::swap(lines[at], lines[other]); break;
    case 3:
    case 4:
    case 5: lines.insert(place + 1, random_line(known_name(lines, random), random)); break;
    default: change_word(lines[at], known_name(lines, random), random); break;
  }
  return join(lines, '\n');
}

}  // namespace mneme::fuzz

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

// Bytes as libFuzzer likes them every fourth time, so that bad scripts are not forgotten.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  if (seed % 4 == 0) return LLVMFuzzerMutate(data, size, size_max);
  const std::string text = mneme::fuzz::mutated(mneme::fuzz::text_of_bytes(data, size), seed / 4);
  const std::size_t count = std::min(text.size(), size_max);
  std::memcpy(data, text.data(), count);
  return count;
}
