// purpose: when a run crashes, prints what it was doing, in a form that can be run again.
// layer: fuzz; includes the standard library.
// threads: one run at a time; `threads` begins its run before its threads.
// invariants: the only pointer that outlives a call is for this report; no result depends on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace mneme::fuzz {

/// The current run. Whatever ends the process (a finding of the harness, a fatal line of the
/// library, a sanitizer), standard error gets
///
///     == finding: WHAT
///     TEXT, mostly a script
///     == end
class Reproducer {
 public:
  Reproducer();
  Reproducer(const Reproducer&) = delete;
  Reproducer& operator=(const Reproducer&) = delete;
  virtual ~Reproducer();

  [[nodiscard]] virtual std::string text() const = 0;

  /// Makes this the current run, if there are several.
  void tell() const noexcept;
};

/// A run that is fully described by its text.
class TextReproducer final : public Reproducer {
 public:
  explicit TextReproducer(std::string text) : text_{std::move(text)} {}
  [[nodiscard]] std::string text() const override { return text_; }

 private:
  std::string text_;
};

/// An input as text.
[[nodiscard]] inline std::string text_of_bytes(const std::uint8_t* data, std::size_t size) {
  std::string text(size, '\0');
  if (size > 0) std::memcpy(text.data(), data, size);
  return text;
}

/// Larger heaps take time to set up, and show nothing that these do not.
inline constexpr std::size_t heap_bytes_max = std::size_t{1} << 16U;

/// Ends the process with a finding.
[[noreturn]] void stop(const std::string& what);

/// Ends the process with a finding unless `good` is true.
inline void require(bool good, const char* what) {
  if (!good) stop(what);
}

}  // namespace mneme::fuzz
