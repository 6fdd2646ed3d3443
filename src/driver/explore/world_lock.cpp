// purpose: the lock of a heap: its requests, its guard, and what is freed meanwhile.
// layer: explore; includes world.
// threads: one owner.
// invariants: the blocks recorded as deferred are those in the heap's free queue.
#include <algorithm>
#include <mneme/node.hpp>
#include <utility>

#include "world.hpp"

namespace mneme::driver {

std::optional<std::size_t> World::lock_holder(std::size_t heap) const {
  if (!is_locked(heaps_[heap])) return std::nullopt;
  return heaps_[heap].lock->holder - 1;
}

std::span<const HeldBlock> World::deferred(std::size_t heap) const {
  if (!is_locked(heaps_[heap])) return {};
  return {heaps_[heap].deferred, heaps_[heap].lock->deferred};
}

/// Waits in the queue, unless the heap is not locked and no request waits.
void World::lock(std::size_t task, StepResult& result) {
  const ProgramStep& step = *current_step(task);
  HeapPart& part = heaps_[step.heap];
  HeapLockRequest* const request = lock_requests_[task] =
      node::begin_object<HeapLockRequest>(request_places_ + task * request_bytes(), *part.heap);
  const std::uint8_t level = level_of(task, step);
  (void)std::move(*request).priority(level);
  auto answer = request->poll();
  if (!answer) {
    result.waits = true;
    return wait(task, 0, level);
  }
  if (part.policy == OracleQueue::Kind::overtaking) {
    for (const std::uint8_t passed : queue(step.heap)) ++control(passed).rank;
  }
  begin_lock(part, task, std::move(**answer));
  request->~HeapLockRequest();
}

void World::begin_lock(HeapPart& part, std::size_t task, Guard<DriverHeap> guard) {
  part.lock->guard = std::move(guard);
  part.lock->holder = static_cast<std::uint32_t>(task + 1);
}

/// The heap may be locked again by the next in the queue, which take_grants() will see.
void World::unlock(HeapPart& part) {
  part.lock->holder = 0;
  part.lock->deferred = 0;
  part.lock->guard.unlock();
}

/// Records a block that was freed, if its heap is locked: by their places, unless their order
/// matters.
void World::defer(const HeldBlock& block) {
  HeapPart& part = heaps_[heap_of(block)];
  if (!is_locked(part)) return;
  HeldBlock* const end = part.deferred + part.lock->deferred++;
  HeldBlock* place = end;
  while (!part.keeps_order && place != part.deferred && block.offset < place[-1].offset) --place;
  std::copy_backward(place, end, end + 1);
  *place = block;
}

RequestState World::request_state(std::size_t task) const {
  const bool locks = has_locks_ && current_step(task)->kind == OpKind::lock;
  return locks ? lock_requests_[task]->state() : requests_[task]->state();
}

void World::cancel_request(std::size_t task) {
  if (current_step(task)->kind == OpKind::lock) {
    lock_requests_[task]->cancel();
    lock_requests_[task]->~HeapLockRequest();
  } else {
    requests_[task]->cancel();
    requests_[task]->~HeapRequest();
  }
}

/// Whether some request waits that would not on a larger heap: on one that is locked, only one that
/// the holder of the lock has passed.
bool World::waits_for_memory(const HeapPart& part) const {
  if (!is_locked(part)) return *part.queued > 0;
  if (part.policy != OracleQueue::Kind::overtaking) return false;
  return std::any_of(part.queue, part.queue + *part.queued,
                     [&](std::uint8_t task) { return control(task).rank > 0; });
}

}  // namespace mneme::driver
