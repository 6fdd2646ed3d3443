// purpose: coroutines that request memory, wait, are resumed, destroyed, or resumed without a poll.
// layer: fuzz; includes the library.
// threads: one.
// invariants: P1, P2, P5, P6, P8, P9, P13; the same input gives the same run.
#include <string>
#include <string_view>
#include <vector>

#include "support/sleepers.hpp"

using namespace mneme::fuzz;

namespace {

// Each step is two bytes: which of the eight and what it does; how many words it requests.
struct Step {
  Sleepers::Act act;
  std::size_t which;
  std::size_t words;
};

std::vector<Step> steps_of(const std::uint8_t* data, std::size_t size) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    steps.push_back(
        {static_cast<Sleepers::Act>(data[i] >> 3U & 7U), data[i] & 7U, data[i + 1] % 64U});
  }
  return steps;
}

std::string told(const std::vector<Step>& steps) {
  static constexpr std::string_view names[] = {
      "asks", "asks", "frees", "is destroyed", "polls", "locks or unlocks", "is resumed", "defers"};
  std::string text;
  for (const auto& [act, which, words] : steps) {
    text += "# coroutine " + std::to_string(which) + " " +
            std::string(names[static_cast<std::size_t>(act)]) + ", " + std::to_string(words) +
            " words\n";
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<Step> steps = steps_of(data, size);
  const TextReproducer reproducer(told(steps));
  Sleepers sleepers;
  for (const auto& [act, which, words] : steps) sleepers.step(act, which, words);
  sleepers.finish();
  return 0;
}
