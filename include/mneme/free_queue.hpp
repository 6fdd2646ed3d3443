// purpose: the deferred blocks: an intrusive queue to which any thread or interrupt may push.
// layer: L1; includes L0 and node.
// threads: push from anywhere, even from an interrupt of push or drain; drain by the heap's owner.
// invariants: a block is either completely in the chain or not in it.
#pragma once

#include "atomic.hpp"
#include "node.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Many producers, one consumer, no stub node (Treiber, IBM RJ 5118, 1986). The links are stored in
/// the freed blocks, so the queue cannot be full. The consumer takes the whole chain by one
/// exchange: so there is no ABA problem, and it never waits for a producer that was interrupted.
/// The chain is in last-in, first-out order; the order in which blocks are reclaimed does not
/// matter.
class FreeQueue {
 public:
  /// Lock-free: repeats only if another push or a drain succeeded in between.
  void push(node::FreedNode* freed) noexcept {
    // (free.peek) relaxed: a first guess for the exchange below; nothing is read through it, it
    // publishes nothing.
    node::FreedNode* head = head_.load(std::memory_order_relaxed);
    do {
      node::set_link(freed, head);
      // (free.push) release: pairs with acquire (free.drain); publishes link and size.
      // (free.retry) relaxed: the failed attempt only learns the new head and publishes nothing.
    } while (!head_.compare_exchange_weak(head, freed, std::memory_order_release,
                                          std::memory_order_relaxed));
  }

  /// 0 if the queue is empty. Only a hint, unless the heap lock has synchronised the caller with a
  /// push: then this load is not older than that push.
  [[nodiscard]] std::size_t peek() const noexcept {
    // (free.empty) relaxed: a hint what to try; publishes nothing.
    return address_of(head_.load(std::memory_order_relaxed));
  }

  /// Takes all blocks that were pushed so far, as a chain. Wait-free.
  [[nodiscard]] node::FreedNode* drain() noexcept {
    if (peek() == 0) return nullptr;  // saves the exchange if the queue is empty, as it mostly is
    // (free.drain) acquire: pairs with release (free.push); sees link and size of every block in
    // the chain.
    return head_.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  Atomic<node::FreedNode*> head_{nullptr};
};

}  // namespace mneme::inline MNEME_SETTINGS
