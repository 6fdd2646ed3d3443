// purpose: compares the library with the oracle, and payloads with their patterns.
// layer: execute; includes checker and pattern.
// threads: one owner.
// invariants: see checker.hpp.
#include "checker.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

[[noreturn]] void fail_figure(std::string_view what, std::size_t seen, std::size_t expected) {
  throw Corruption("model mismatch: " + std::string(what) + " is " + std::to_string(seen) +
                   ", expected " + std::to_string(expected));
}

}  // namespace

void Checker::fail_figures(const Figures& seen) const { check_oracle(oracle_.compare(seen)); }

void Checker::fail_mismatch(const std::string& mismatch) {
  throw Corruption("model mismatch: " + mismatch);
}

// Validating an unlocked heap settles it, as a poll does. That changes nothing unless blocks are
// deferred, as the counters have already been compared.
void Checker::validate() {
  const bool may_settle = oracle_.locked() || oracle_.deferred() == 0;
  const char* wrong = heap_.raw().validate();
  if (wrong == nullptr && may_settle) wrong = heap_.validate();
  if (wrong != nullptr) throw Corruption(wrong);
}

void Checker::check_one_hole() {
  const Stats stats = heap_.stats();
  if (stats.used_bytes != 0 || stats.live != 0 || stats.waiting != 0 ||
      stats.largest_free_bytes != std::ranges::max(oracle_.parts(), {}, &Gap::size).size) {
    throw Corruption("everything was freed, but the region is not one hole again (P9)");
  }
  if (const char* const wrong = heap_.validate()) throw Corruption(wrong);
}

std::uint64_t Checker::checked_largest_hole_bytes() const {
  const std::size_t largest = heap_.raw().largest_hole_bytes();
  if (largest != oracle_.largest_bytes()) fail_figure("largest", largest, oracle_.largest_bytes());
  return largest;
}

void Checker::fail_damaged(const Task& task, std::size_t damage) {
  throw Corruption("byte " + std::to_string(damage) + " of " + in_quotes(task.name) +
                   " (allocated on line " + std::to_string(task.line) + ") was overwritten");
}

}  // namespace mneme::driver
