// purpose: the deferred blocks: an intrusive queue that any thread or interrupt may push on.
// layer: L1; includes L0 and node.
// threads: push from anywhere, also inside another push or the drain; drain by the heap's owner.
// invariants: no half-linked state: a block is in the chain, or it is not.
#pragma once

#include "atomic.hpp"
#include "node.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// Many producers, one consumer, no stub node (Treiber, IBM RJ 5118, 1986; drained whole, so that
/// there is no ABA). The links live in the freed blocks, hence it cannot be full. As the consumer
/// takes the whole chain by one exchange, it never has to wait for a producer that was stopped half
/// way. The chain comes last in, first out, which is of no consequence: the order of reclaiming
/// decides nothing.
class FreeQueue {
 public:
  /// Lock-free; repeats only if another push or drain came in between.
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

  /// 0 if the queue is empty. A hint: a thread that must not miss a push learned of it through the
  /// heap lock, and then this load cannot be older than the push.
  [[nodiscard]] std::size_t peek() const noexcept {
    // (free.empty) relaxed: a hint what to try; publishes nothing.
    return address_of(head_.load(std::memory_order_relaxed));
  }

  /// Takes everything that was pushed so far; the chain ends with nullptr. Wait-free.
  [[nodiscard]] node::FreedNode* drain() noexcept {
    if (peek() == 0) return nullptr;  // spares the common empty queue an exchange
    // (free.drain) acquire: pairs with release (free.push); sees link and size of every block in
    // the chain.
    return head_.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  Atomic<node::FreedNode*> head_{nullptr};
};

}  // namespace mneme::inline MNEME_SETTINGS
