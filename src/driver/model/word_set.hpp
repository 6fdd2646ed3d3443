// purpose: a set of small numbers: a bit for each, and above that a bit for each word with any.
// layer: model; includes the standard library only.
// threads: one owner.
// invariants: a bit of a level above the first is set if and only if its word below is not zero.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

namespace mneme::driver {

/// Memory of zeros, of which the system provides what is written.
template <class T>
struct ZeroedMemory {
  using value_type = T;

  ZeroedMemory() = default;
  template <class Other>
  explicit ZeroedMemory(const ZeroedMemory<Other>& /*other*/) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    void* const memory = std::calloc(count, sizeof(T));
    if (memory == nullptr) throw std::bad_alloc{};
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t /*count*/) { std::free(memory); }
  /// The objects are there, and zero.
  void construct(T* /*place*/) {}
  void construct(T* place, T value) { *place = value; }
  [[nodiscard]] bool operator==(const ZeroedMemory& /*other*/) const { return true; }
};

/// Numbers up to a limit. Each call takes a step or two for each factor of 64 in the limit.
class WordSet {
 public:
  static constexpr std::size_t none = SIZE_MAX;

  explicit WordSet(std::size_t limit) { raise_limit(limit); }

  /// Allows larger numbers.
  void raise_limit(std::size_t limit) {
    const std::size_t words_before = level_count_ == 0 ? 0 : levels_[0].size();
    std::size_t words = limit / bits + 1;
    for (std::size_t level = 0; level == 0 || levels_[level - 1].size() > 1; ++level) {
      levels_[level].resize(words);
      level_count_ = level + 1;
      words = (words + bits - 1) / bits;
    }
    // Levels that are new know nothing yet of those below.
    for (std::size_t word = 0; word < words_before; ++word) {
      if (levels_[0][word] != 0) note_in_use(word);
    }
  }

  [[nodiscard]] bool contains(std::size_t number) const {
    const std::size_t word = number / bits;
    return word < levels_[0].size() && (levels_[0][word] & bit_of(number)) != 0;
  }
  /// A number up to the limit.
  void insert(std::size_t number) {
    std::uint64_t& word = levels_[0][number / bits];
    const bool was_zero = word == 0;
    word |= bit_of(number);
    if (was_zero) note_in_use(number / bits);
  }
  /// A number of the set.
  void erase(std::size_t number) {
    for (std::size_t level = 0; level < level_count_; ++level) {
      std::uint64_t& word = levels_[level][number / bits];
      word &= ~bit_of(number);
      if (word != 0) return;
      number /= bits;
    }
  }

  /// The smallest number of the set that is not smaller, or `none`.
  [[nodiscard]] std::size_t first_from(std::size_t number) const {
    for (std::size_t level = 0; level < level_count_; ++level) {
      const std::size_t word = number / bits;
      if (word >= levels_[level].size()) return none;
      const std::uint64_t found = levels_[level][word] >> (number % bits);
      if (found != 0) {
        number += lowest(found);
        while (level-- > 0) number = number * bits + lowest(levels_[level][number]);
        return number;
      }
      number = word + 1;
    }
    return none;
  }
  /// The largest number of the set that is smaller than this one, which is at most the limit; or
  /// `none`.
  [[nodiscard]] std::size_t last_before(std::size_t number) const {
    for (std::size_t level = 0; level < level_count_; ++level) {
      const std::size_t word = number / bits;
      const std::uint64_t found = levels_[level][word] & (bit_of(number) - 1);
      if (found != 0) {
        number = word * bits + highest(found);
        while (level-- > 0) number = number * bits + highest(levels_[level][number]);
        return number;
      }
      number = word;
    }
    return none;
  }

 private:
  static constexpr std::size_t bits = 64;
  static constexpr std::size_t levels_max =
      11;  // 64 to the power of 11 is more than a size_t holds

  [[nodiscard]] static std::uint64_t bit_of(std::size_t number) {
    return std::uint64_t{1} << (number % bits);
  }
  [[nodiscard]] static std::size_t lowest(std::uint64_t word) {
    return static_cast<std::size_t>(std::countr_zero(word));
  }
  [[nodiscard]] static std::size_t highest(std::uint64_t word) {
    return static_cast<std::size_t>(std::bit_width(word)) - 1;
  }
  /// In all levels above the first.
  void note_in_use(std::size_t word) {
    for (std::size_t level = 1; level < level_count_; ++level) {
      levels_[level][word / bits] |= bit_of(word);
      word /= bits;
    }
  }

  std::array<std::vector<std::uint64_t, ZeroedMemory<std::uint64_t>>, levels_max> levels_{};
  std::size_t level_count_ = 0;
};

}  // namespace mneme::driver
