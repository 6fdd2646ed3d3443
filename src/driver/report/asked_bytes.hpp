// purpose: the size that a step requests.
// layer: report; includes owner, op.
// threads: pure functions.
// invariants: none.
#pragma once

#include <cstdint>

#include "driver/execute/owner.hpp"
#include "driver/language/op.hpp"

namespace mneme::driver {

/// The size of the payload; on overflow, the largest number.
[[nodiscard]] inline std::uint64_t bytes_asked_by(const Op& op) {
  switch (op.kind) {
    case OpKind::array:
    case OpKind::vec: {
      const auto layout = Layout::array<Element>(op.count);
      return layout ? layout->size : ~std::uint64_t{0};
    }
    case OpKind::arc: return Layout::of<ElementArc::Shared>().size;
    default: return op.size_bytes;
  }
}

}  // namespace mneme::driver
