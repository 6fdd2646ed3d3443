// purpose: several call stacks on one thread, switched only where the schedule requires it.
// layer: fuzz; includes POSIX, and ASan's interface for announcing switches.
// threads: one.
// invariants: the same schedule gives the same run.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define MNEME_FUZZ_FIBERS_ASAN 1
#endif
#endif

namespace mneme::fuzz {

class Fibers {
 public:
  /// Begun in order by run().
  void add(std::function<void()> body) {
    fibers_.push_back(std::make_unique<Fiber>());
    fibers_.back()->body = std::move(body);
  }

  /// Runs the fibers until the last one has ended, the first one first.
  void run() {
    for (auto& fiber : fibers_) {
      fiber->stack = std::make_unique_for_overwrite<char[]>(stack_bytes);
      ::getcontext(&fiber->context);
      fiber->context.uc_stack = {
          .ss_sp = fiber->stack.get(), .ss_flags = 0, .ss_size = stack_bytes};
      fiber->context.uc_link = nullptr;
      const auto self = reinterpret_cast<std::size_t>(this);
      ::makecontext(&fiber->context, reinterpret_cast<void (*)()>(&Fibers::enter), 2,
                    static_cast<unsigned>(self), static_cast<unsigned>(self >> 32U));
    }
    if (!fibers_.empty()) switch_to(*fibers_[now_ = 0], main_);
  }

  [[nodiscard]] std::size_t now() const { return now_; }

  /// Called inside a fiber: continues the first fiber from `which` on that has not ended.
  void let(std::size_t which) {
    while (fibers_[which % fibers_.size()]->ended) ++which;
    which %= fibers_.size();
    if (which == now_) return;
    Fiber& from = *fibers_[now_];
    now_ = which;
    switch_to(*fibers_[which], from);
  }

 private:
  static constexpr std::size_t stack_bytes = std::size_t{1} << 16U;

  struct Fiber {
    ucontext_t context{};
    std::function<void()> body;
    std::unique_ptr<char[]> stack;
    void* fake_stack = nullptr;
    const void* bottom = nullptr;  // of the stack that it runs on; asked of ASan for the main one
    std::size_t size = 0;
    bool ended = false;
  };

  static void enter(unsigned low, unsigned high) {
    // makecontext passes numbers only. NOLINTNEXTLINE(performance-no-int-to-ptr)
    auto* const self = reinterpret_cast<Fibers*>(std::size_t{high} << 32U | low);
    self->arrived(nullptr);
    Fiber& fiber = *self->fibers_[self->now_];
    fiber.body();
    fiber.ended = true;
    const bool was_last =
        std::ranges::all_of(self->fibers_, [](const auto& each) { return each->ended; });
    was_last ? self->switch_to(self->main_, fiber) : self->let(self->now_);
  }

  void switch_to(Fiber& to, Fiber& from) {
    came_from_ = &from;
#ifdef MNEME_FUZZ_FIBERS_ASAN
    const bool is_main = &to == &main_;
    __sanitizer_start_switch_fiber(from.ended ? nullptr : &from.fake_stack,
                                   is_main ? main_.bottom : to.stack.get(),
                                   is_main ? main_.size : stack_bytes);
#endif
    ::swapcontext(&from.context, &to.context);
    arrived(from.fake_stack);
  }

  void arrived([[maybe_unused]] void* fake_stack) {
#ifdef MNEME_FUZZ_FIBERS_ASAN
    const void* bottom = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    if (came_from_ == &main_) {
      main_.bottom = bottom;
      main_.size = size;
    }
#endif
  }

  std::vector<std::unique_ptr<Fiber>> fibers_;
  Fiber main_;
  Fiber* came_from_ = nullptr;
  std::size_t now_ = 0;
};

}  // namespace mneme::fuzz
