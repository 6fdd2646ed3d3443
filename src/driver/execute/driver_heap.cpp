// purpose: the message for an unknown raw heap.
// layer: execute; includes driver_heap, diagnostic.
// threads: pure functions.
// invariants: every row is named.
#include "driver_heap.hpp"

#include <cstdint>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

namespace {

/// The largest alignment of a payload up to which `raw` is exact; see RawHeap.
std::size_t exact_align_max(const AnyRaw& raw) {
  std::size_t align = word_bytes;
  while (align <= SIZE_MAX / 2) {
    const BlockLayout next{.size = 2 * word_bytes, .align = 2 * align, .header_bytes = word_bytes};
    if (!raw.is_exact(next)) return align;
    align *= 2;
  }
  return SIZE_MAX;
}

}  // namespace

OracleMemory memory_of(const AnyRaw& raw) {
  OracleMemory memory{.parts = {}, .exact_align_max = exact_align_max(raw)};
  const auto add = [&](const auto& part) {
    const std::size_t offset =
        part.base() == nullptr ? 0 : static_cast<std::size_t>(part.base() - raw.region());
    memory.parts.push_back({offset, part.capacity_bytes()});
  };
  raw.visit([&](const auto& each) {
    if constexpr (requires { each.second(); }) {
      add(each.first());
      add(each.second());
    } else {
      add(each);
    }
    if constexpr (requires { each.slot(); }) {
      memory.slot_bytes = each.slot().size;
      memory.slot_align = each.slot().align;
    }
  });
  return memory;
}

std::string unknown_raw_heap(std::string_view name, std::span<const std::string> forms) {
  std::string text;
  std::vector<std::string_view> names;
  for (const std::string& form : forms) {
    text += (text.empty() ? "" : ", ") + form;
    names.push_back(std::string_view(form).substr(0, form.find(':')));
  }
  return "unknown raw heap " + in_quotes(name) + " (available: " + text + ")" +
         did_you_mean(name, names);
}

std::optional<std::string> wrong_form(std::size_t row, bool has_number) {
  const std::string_view name = ScriptRawHeaps::names[row];
  const std::string_view number = ScriptRawHeaps::number_is[row];
  if (has_number == !number.empty()) return std::nullopt;
  if (has_number) return "raw heap " + in_quotes(name) + " takes no size";
  return "raw heap " + in_quotes(name) + " needs " + std::string(number) +
         ": raw=" + std::string(name) + ":SIZE";
}

}  // namespace mneme::driver
