// purpose: formats the explanation.
// layer: report; includes deadlock, room.
// threads: as in the header.
// invariants: as in the header.
#include "deadlock.hpp"

#include <fmt/format.h>

#include <optional>

#include "room.hpp"

namespace mneme::driver {

namespace {

// The block that a resize replaces is only freed after the move.
std::string explain_room_for(const Executor& executor, std::size_t heap, BlockId head) {
  const std::optional<BlocksInTheWay> blocks = blocks_in_the_way(executor, heap, head);
  if (!blocks) {
    const Oracle& oracle = executor.oracle(heap);
    const BlockId kept = executor.requester_of(heap, head).block;
    return fmt::format("  it cannot fit beside the {} bytes at {} that it would replace\n",
                       oracle.size_of(kept), oracle.offset_of(kept) + word_bytes);
  }
  if (blocks->blocks == 0) return {};  // only the lock is in the way
  return fmt::format("  it would fit if {}\n", in_words(*blocks));
}

std::string explain_head(const Executor& executor, std::size_t heap) {
  const Oracle& oracle = executor.oracle(heap);
  const BlockId head = oracle.queue().front();
  const Task& task = executor.requester_of(heap, head);
  const std::size_t holes = oracle.gaps().size();
  const std::string& name = executor.heap_name(heap);
  const bool wants_lock = task.kind == OpKind::lock;
  const std::string need = wants_lock ? "wants the lock"
                                      : fmt::format("needs {} bytes with its header, aligned to {}",
                                                    oracle.size_of(head), oracle.align_of(head));
  std::string text = fmt::format(
      "  head of the queue{}: {} (line {}) {}\n"
      "  largest hole: {} bytes; free: {} bytes in {} hole{}\n",
      name.empty() ? "" : " of " + name, task.name, task.asked_line, need, oracle.largest_bytes(),
      oracle.free_bytes(), holes, holes == 1 ? "" : "s");
  if (oracle.locked()) {
    text += fmt::format("  the heap has been locked since line {}, and is never unlocked\n",
                        executor.lock_line(heap));
  }
  return wants_lock ? text : text + explain_room_for(executor, heap, head);
}

}  // namespace

std::string deadlock_explanation(const Executor& executor) {
  std::size_t waiting = 0;
  for (std::size_t heap = 0; heap < executor.heap_count(); ++heap) {
    waiting += executor.oracle(heap).waiting();
  }
  std::string text = fmt::format(
      "deadlock: {} request{} wait{}, and nothing is left in the script that could grant {}\n",
      waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "", waiting == 1 ? "it" : "them");
  for (std::size_t heap = 0; heap < executor.heap_count(); ++heap) {
    if (executor.oracle(heap).waiting() > 0) text += explain_head(executor, heap);
  }
  return text;
}

}  // namespace mneme::driver
