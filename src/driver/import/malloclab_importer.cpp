// purpose: reads malloclab traces (.rep).
// layer: import; includes import_malloclab, import_text and {fmt}.
// threads: one owner.
// invariants: as in the header.
//
// Four numbers, one a line (heap size, ids, steps, weight; some courses put the weight first, so
// only the two in the middle mean anything), then `a id size`, `r id size` or `f id` a line.
#include "malloclab_importer.hpp"

#include <fmt/format.h>

#include <optional>

#include "text.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t header_steps = 2;  // which number of the header counts the steps

struct Step {
  char letter = ' ';
  std::uint64_t key = 0;  // id + 1, or 0 for id -1: the null pointer
  std::uint64_t size = 0;
};

/// Ids are small; the limit keeps id + 1 from wrapping.
std::optional<std::uint64_t> take_key(std::string_view word) {
  if (word == "-1") return 0;
  const auto id = import_text::whole_number(word);
  if (!id || *id == UINT64_MAX) return std::nullopt;
  return *id + 1;
}

std::optional<Step> take_step(std::string_view text) {
  text = import_text::trimmed(text);
  if (text.size() < 2 || !import_text::is_blank(text[1])) return std::nullopt;
  Step step{.letter = text[0]};
  if (step.letter != 'a' && step.letter != 'r' && step.letter != 'f') return std::nullopt;
  text = import_text::trimmed(text.substr(1));
  if (step.letter != 'f') {
    const auto size = import_text::whole_number(import_text::take_last_word(text));
    if (!size) return std::nullopt;
    step.size = *size;
  }
  const auto key = take_key(text);
  if (!key) return std::nullopt;
  step.key = *key;
  if (step.key == 0 && step.letter != 'f') return std::nullopt;
  return step;
}

}  // namespace

bool MalloclabReader::recognises(std::string_view text) noexcept {
  return import_text::whole_number(import_text::trimmed(text)) || take_step(text);
}

bool MalloclabReader::line(std::string_view text) {
  text = import_text::trimmed(text);
  const auto number = import_text::whole_number(text);
  if (number && !in_steps_ && header_count_ < header_.size()) {
    header_[header_count_++] = *number;
    ledger_.ignore_line();
    return true;
  }
  const auto step = take_step(text);
  if (!step) return false;
  if (!in_steps_ && header_count_ < header_.size()) {
    ledger_.warn(fmt::format("the header has {} of its four numbers", header_count_));
  }
  in_steps_ = true;
  ++steps_;
  switch (step->letter) {
    case 'a': ledger_.allocate(step->key, step->size, 0, text); break;
    case 'f': ledger_.release(step->key); break;
    default:
      // The first `r` of an id is realloc(NULL, size), and size 0 frees.
      if (ledger_.is_live(step->key)) {
        ledger_.resize(step->key, step->size == 0 ? 0 : step->key, step->size, text);
      } else {
        ledger_.allocate(step->key, step->size, 0, text);
      }
  }
  return true;
}

std::string MalloclabReader::finish() {
  const bool complete = header_count_ == header_.size();
  if (complete && header_[header_steps] != steps_) {
    ledger_.warn(fmt::format("the header promises {} steps, the trace has {}",
                             header_[header_steps], steps_));
  }
  return {};
}

}  // namespace mneme::driver
