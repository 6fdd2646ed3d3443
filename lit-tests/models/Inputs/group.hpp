// purpose: a group of two units for models: a task that waits for both of them at once.
// layer: tests; includes world, and make_all.
// threads: one polls, another cancels; the waker is called by whoever completes it.
// invariants: its owner has both units or none.
#pragma once

#include "world.hpp"

#include <mneme/waiting/make_all.hpp>

namespace mneme::model {

class Group {
 public:
  void begin(Heap& heap) {
    request_.emplace(heap.make_all(heap.allocate(unit), heap.allocate(unit)));
  }
  /// Asks, and has to wait.
  void wait(Heap& heap) {
    begin(heap);
    RL_ASSERT(!poll());
  }
  /// Polls, and uses the memory if there is some. False if it waits.
  bool poll() {
    auto answer = request_->poll({.wake = &Group::wake, .context = this});
    if (!answer) return false;
    if (!*answer) {
      error_ = answer->error();
      return true;
    }
    std::tie(blocks_[0], blocks_[1]) = std::move(**answer);
    for (const auto& block : blocks_) use(block.data());
    return true;
  }
  /// Polls until there is an answer, and sleeps in between.
  void sleep() {
    while (!poll()) bell_.wait();
  }
  void cancel() { request_->cancel(); }
  /// Gives both units back, the last one first.
  void free() {
    for (auto& block : {std::ref(blocks_[1]), std::ref(blocks_[0])}) {
      RL_ASSERT(block.get());
      use(block.get().data());
      block.get().reset();
    }
  }

  [[nodiscard]] bool has_memory() const { return static_cast<bool>(blocks_[0]); }
  [[nodiscard]] std::optional<AllocError> error() const { return error_; }
  [[nodiscard]] int wakes() const { return wakes_; }

 private:
  using Request = decltype(std::declval<Heap&>().make_all(std::declval<Heap&>().allocate(unit),
                                                          std::declval<Heap&>().allocate(unit)));

  static void wake(void* context) noexcept {
    auto& group = *static_cast<Group*>(context);
    ++group.wakes_;
    group.bell_.ring();
    group.context_.touch();
  }

  std::optional<Request> request_;
  std::array<Allocation<Heap>, 2> blocks_;
  std::optional<AllocError> error_;
  Bell bell_;
  Ghost context_;
  int wakes_ = 0;
};

}  // namespace mneme::model
