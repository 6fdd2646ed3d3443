// purpose: the heap of a script, on the raw heap that its `heap` line names.
// layer: execute; includes raws and mneme.
// threads: one owner.
// invariants: the row is chosen before the heap is made, and never changes.
#pragma once

#include <cstddef>
#include <mneme/instrument.hpp>
#include <mneme/mneme.hpp>
#include <mneme/waiting/lock_request.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "any_queue.hpp"
#include "driver/model/oracle.hpp"
#include "raw_heaps/table.hpp"

namespace mneme::driver {

/// One of the raw heaps of scripts and searches.
class AnyRaw {
  /// Calls f(raw). Most scripts are for the first row, whose code is inlined here.
  template <class F>
  decltype(auto) on_raw(F f) {
    if (auto* const usual = std::get_if<0>(&raw_)) [[likely]]
      return f(*usual);
    return std::visit(f, raw_);
  }
  template <class F>
  decltype(auto) on_raw(F f) const {
    if (const auto* const usual = std::get_if<0>(&raw_)) [[likely]]
      return f(*usual);
    return std::visit(f, raw_);
  }

 public:
  static constexpr const char* name = "any";
  static constexpr std::size_t min_region_bytes = 2 * word_bytes;

  /// Selects the row for raw heaps constructed on this thread from now on, and their arguments. A
  /// heap constructs its raw heap from a region alone, so these cannot be arguments.
  static void select(std::size_t row, RawArguments arguments = {}) noexcept {
    selected_row = row;
    selected_arguments = arguments;
  }

  explicit AnyRaw(std::span<std::byte> region) noexcept
      : raw_(SearchRawHeaps::make(selected_row, region, selected_arguments)),
        region_(region.data()) {}

  // The variant is never valueless, so no visit throws.
  // NOLINTBEGIN(bugprone-exception-escape)
  /// Unpoisons the block, as a raw heap from outside the tree need not know about sanitizers.
  [[nodiscard]] std::byte* allocate(BlockLayout layout, std::size_t header) noexcept {
    std::byte* const block = on_raw([&](auto& raw) { return raw.allocate(layout, header); });
    if (block != nullptr) instrument::mark_undefined(block, layout.size);
    return block;
  }
  [[nodiscard]] std::size_t deallocate(std::byte* block, std::size_t size) noexcept {
    return on_raw([&](auto& raw) { return raw.deallocate(block, size); });
  }
  // The fast paths, so that scripts and fuzzers take them as programs do.
  [[nodiscard]] std::byte* allocate_quickly(BlockLayout layout, std::size_t header) noexcept {
    return on_raw([&](auto& raw) { return mneme::allocate_quickly(raw, layout, header); });
  }
  [[nodiscard]] bool deallocate_quickly(std::byte* block, std::size_t size) noexcept {
    return on_raw([&](auto& raw) { return mneme::deallocate_quickly(raw, block, size); });
  }
  [[nodiscard]] bool resize(std::byte* block, std::size_t old_size, BlockLayout wanted) noexcept {
    const bool done = on_raw([&](auto& raw) { return raw.resize(block, old_size, wanted); });
    if (done && wanted.size > old_size) {
      instrument::mark_undefined(block + old_size, wanted.size - old_size);
    }
    return done;
  }
  /// False for the raw heaps that cannot be extended.
  [[nodiscard]] bool extend(std::size_t bytes) noexcept {
    return on_raw([&]<class Raw>(Raw& raw) {
      if constexpr (is_extensible<Raw>) return raw.extend(bytes);
      return false;
    });
  }

  [[nodiscard]] bool is_exact(BlockLayout layout) const noexcept {
    return on_raw([&](const auto& raw) { return raw.is_exact(layout); });
  }
  [[nodiscard]] bool fits_empty(BlockLayout layout) const noexcept {
    return on_raw([&](const auto& raw) { return raw.fits_empty(layout); });
  }
  [[nodiscard]] bool is_free(std::size_t offset) const noexcept {
    return on_raw([&](const auto& raw) { return raw.is_free(offset); });
  }
  [[nodiscard]] std::byte* base() const noexcept {
    return on_raw([](const auto& raw) { return raw.base(); });
  }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept {
    return on_raw([](const auto& raw) { return raw.capacity_bytes(); });
  }
  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return on_raw([](const auto& raw) { return raw.free_bytes(); });
  }
  [[nodiscard]] std::size_t largest_hole_bytes() const noexcept {
    return on_raw([](const auto& raw) { return raw.largest_hole_bytes(); });
  }
  [[nodiscard]] std::size_t extent_bytes() const noexcept {
    return on_raw([](const auto& raw) { return mneme::extent_bytes(raw); });
  }
  /// Calls f(raw), whatever its type is.
  template <class F>
  auto visit(F f) const {
    return on_raw(f);
  }
  /// Where the region begins, which base() may be behind.
  [[nodiscard]] const std::byte* region() const noexcept { return region_; }
  [[nodiscard]] const char* validate() const noexcept {
    return on_raw([](const auto& raw) { return raw.validate(); });
  }
  template <class F>
  void for_each_hole(F each) const noexcept {
    on_raw([&](const auto& raw) { raw.for_each_hole(each); });
  }
  // NOLINTEND(bugprone-exception-escape)

 private:
  static inline thread_local std::size_t selected_row = 0;
  static inline thread_local RawArguments selected_arguments{};

  SearchRawHeaps::Any raw_;
  const std::byte* region_;
};

using DriverHeap = BasicHeap<AnyRaw, SpinLock, AnyQueue>;

/// What an oracle has to know of an empty heap, which it is not told by the row's name.
[[nodiscard]] OracleMemory memory_of(const AnyRaw& raw);

/// The names of a table, as they are written after `raw=`: `pool:SIZE`.
template <class Table>
[[nodiscard]] std::vector<std::string> raw_heap_forms() {
  std::vector<std::string> forms;
  for (std::size_t row = 0; row < Table::names.size(); ++row) {
    forms.emplace_back(Table::names[row]);
    if (!Table::number_is[row].empty()) forms.back() += ":SIZE";
  }
  return forms;
}

/// The message for a name after `raw=` that is not in the table; `forms`: those that are.
[[nodiscard]] std::string unknown_raw_heap(std::string_view name,
                                           std::span<const std::string> forms);

/// What is wrong with a row's name that is given with a number, or without one; or nothing.
[[nodiscard]] std::optional<std::string> wrong_form(std::size_t row, bool has_number);

}  // namespace mneme::driver
