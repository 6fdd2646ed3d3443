// purpose: finds the live blocks whose frees would make room for a waiting request.
// layer: report; includes executor.
// threads: pure functions on const state.
// invariants: linear in the blocks and holes, but for a sort of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "driver/execute/executor.hpp"

namespace mneme::driver {

/// Adjacent blocks: of all candidates, those with the fewest bytes.
struct BlocksInTheWay {
  std::size_t blocks = 0;
  std::size_t bytes = 0;
  std::vector<std::string> names;  // of at most eight
};

/// For the block of a waiting request to a heap. Nothing if it cannot fit beside the block that it
/// replaces, which is only freed after the move.
[[nodiscard]] std::optional<BlocksInTheWay> blocks_in_the_way(const Executor& executor,
                                                              std::size_t heap, BlockId waiting);

/// `2 live blocks were freed (48 bytes): a, b`: what would have to happen.
[[nodiscard]] std::string in_words(const BlocksInTheWay& blocks);

}  // namespace mneme::driver
