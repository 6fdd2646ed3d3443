// purpose: the places of the keys of all ranks in their common order.
// layer: mpi; includes ranks.
// threads: as in ranks.hpp.
// invariants: each rank keeps its own keys, and a part of those of one other.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "ranks.hpp"

namespace mneme::driver {

struct Numbering {
  std::vector<std::uint32_t> places;  // of the rank's own keys, in their order
  std::uint64_t total = 0;            // keys of all ranks
};

/// `keys` are sorted, and no two ranks have the same. Takes time for the keys of all ranks.
[[nodiscard]] inline Numbering number_keys(Ranks& ranks, std::span<const std::uint64_t> keys) {
  constexpr std::size_t part_keys = std::size_t{1} << 14U;
  std::array<std::uint64_t, part_keys> part{};
  const std::vector<std::uint64_t> sizes = ranks.all(keys.size());
  Numbering all{.places = std::vector<std::uint32_t>(keys.size()),
                .total = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0})};
  for (std::size_t from = 0; from < ranks.size(); ++from) {
    std::size_t at = 0;
    std::uint32_t passed = 0;  // keys of `from`
    for (std::size_t start = 0; start < sizes[from]; start += part_keys) {
      const auto some = std::span(part).first(std::min(part_keys, sizes[from] - start));
      if (from == ranks.rank()) std::ranges::copy(keys.subspan(start, some.size()), some.begin());
      ranks.broadcast(some, from);
      for (const std::uint64_t key : some) {
        for (; at < keys.size() && keys[at] <= key; ++at) all.places[at] += passed;
        ++passed;
      }
    }
    for (; at < keys.size(); ++at) all.places[at] += passed;
  }
  return all;
}

}  // namespace mneme::driver
