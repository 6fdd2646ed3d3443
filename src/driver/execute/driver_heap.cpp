// purpose: what to say of a raw heap that is no row of the table.
// layer: execute; includes driver_heap, diagnostic.
// threads: pure functions.
// invariants: every row is named.
#include "driver_heap.hpp"

#include <fmt/format.h>

#include "driver/language/diagnostic.hpp"

namespace mneme::driver {

std::string unknown_raw_heap(std::string_view name) {
  return fmt::format("unknown raw heap {} (available: {}){}", in_quotes(name),
                     fmt::join(RawHeaps::names, ", "), did_you_mean(name, RawHeaps::names));
}

}  // namespace mneme::driver
