// purpose: all that mneme needs of a machine with one core: change this file to port it.
// layer: firmware; includes mneme.
// threads: one core: the main program, and interrupts of any depth.
// invariants: while the critical section is held nothing interrupts, so nobody finds it held.
#pragma once

#include <cstdint>
#include <mneme/mneme.hpp>

/// A port consists of three things:
///
/// 1. The critical section: mask_interrupts() and restore_interrupts() below. They nest, and are
///    compiler barriers.
/// 2. The fatal handler: where the one line goes that a checked build stops with.
/// 3. Atomics, only where the core has no read-modify-write instructions (Cortex-M0, RISC-V without
///    A): compile with -DMNEME_ATOMICS_LINKED and link atomics.cpp, which masks interrupts.
///
/// Use:
///
///     alignas(8) std::byte memory[16 * 1024];
///
///     int main() {
///       mneme::set_fatal_handler(&show);      // void show(const char* line) noexcept
///       port::Heap& heap = **port::Heap::bootstrap(memory);  // never destroyed
///       start(heap);                          // coroutines: co_await heap.make<Packet>()
///       for (;;) {
///         heap.poll();                        // runs those that were granted memory
///         wait_for_interrupt();
///       }
///     }
///
/// Under an RTOS, on one core, one of its tasks runs the coroutines: it calls `run(heap, timer)`,
/// after `auto hook = heap.on_ready({.wake = wake, .context = …})`, which wakes it. `timer` is a
/// `mneme::TickTimer<port::CriticalSection>`. These lines take the place of two functions below,
/// and of the loop above. A task without coroutines polls its request with the same waker, and
/// sleeps by the same call. Interrupts that the critical section does not mask, because of their
/// priority, must not use the heap.
///
/// FreeRTOS: the context is `xTaskGetCurrentTaskHandle()`.
///
///     std::uint32_t mask_interrupts() noexcept { return taskENTER_CRITICAL_FROM_ISR(); }
///     void restore_interrupts(std::uint32_t was) noexcept { taskEXIT_CRITICAL_FROM_ISR(was); }
///     void wake(void* task) noexcept { vTaskNotifyGiveFromISR(TaskHandle_t(task), nullptr); }
///     void run(auto& heap, auto& timer) {
///       for (;; timer.advance(xTaskGetTickCount())) heap.poll(), ulTaskNotifyTake(pdTRUE, 1);
///     }
///
/// Zephyr: the context is `&ready`, a semaphore with the limit 1: `K_SEM_DEFINE(ready, 0, 1)`.
///
///     std::uint32_t mask_interrupts() noexcept { return irq_lock(); }
///     void restore_interrupts(std::uint32_t was) noexcept { irq_unlock(was); }
///     void wake(void* semaphore) noexcept { k_sem_give(static_cast<k_sem*>(semaphore)); }
///     void run(auto& heap, auto& timer) {
///       for (;; timer.advance(std::uint32_t(k_uptime_ticks()))) {
///         heap.poll(), k_sem_take(&ready, K_TICKS(1));
///       }
///     }
namespace port {

/// Masks interrupts and returns what restore_interrupts() needs to have them as they were before.
[[nodiscard]] inline std::uint32_t mask_interrupts() noexcept {
  std::uint32_t before = 0;
#if defined(__arm__)
  asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(before) : : "memory");
#elif defined(__riscv)
  asm volatile("csrrci %0, mstatus, 8" : "=r"(before) : : "memory");  // MIE
#else
#error "port.hpp: say here how this machine masks interrupts"
#endif
  return before;
}

inline void restore_interrupts(std::uint32_t before) noexcept {
#if defined(__arm__)
  asm volatile("msr primask, %0" : : "r"(before) : "memory");
#elif defined(__riscv)
  asm volatile("csrs mstatus, %0" : : "r"(before & 8) : "memory");
#endif
}

/// Masks interrupts for as long as it lives.
class Masked {
 public:
  Masked() noexcept = default;
  Masked(const Masked&) = delete;
  Masked& operator=(const Masked&) = delete;
  ~Masked() { restore_interrupts(before_); }

 private:
  std::uint32_t before_ = mask_interrupts();
};

#ifdef PORT_MEASURES_MASKED
/// How many instructions the critical section takes at most; for machines with a counter of them.
class Measure {
 public:
  static void begin() noexcept { begin_ = now(); }
  static void end() noexcept {
    const std::uint32_t taken = now() - begin_;
    if (taken > longest) longest = taken;
  }
  static inline constinit std::uint32_t longest = 0;

 private:
  static std::uint32_t now() noexcept {
    std::uint32_t count = 0;
    asm volatile("csrr %0, minstret" : "=r"(count));
    return count;
  }
  static inline constinit std::uint32_t begin_ = 0;
};
#else
struct Measure {
  static void begin() noexcept {}
  static void end() noexcept {}
};
#endif

/// The queue lock. Whoever is in it may enter it again, so wakers are called inside of it. Out of
/// line, as the heap enters it in many places.
class CriticalSection {
 public:
  static constexpr bool reentrant = true;

  [[gnu::noinline]] void lock() noexcept {
    const std::uint32_t before = mask_interrupts();
    if (depth_++ == 0) {
      before_ = before;
      Measure::begin();
    }
  }
  [[nodiscard]] bool try_lock() noexcept {
    lock();
    return true;
  }
  [[gnu::noinline]] void unlock() noexcept {
    const std::uint32_t before = before_;
    if (--depth_ > 0) return;
    Measure::end();
    restore_interrupts(before);
  }

 private:
  std::uint32_t before_ = 0;
  std::uint32_t depth_ = 0;
};

/// The heap of a program for this machine; owners are named through it: mneme::Box<T, port::Heap>.
using Heap = mneme::BasicHeap<mneme::SmallBounded, CriticalSection>;

}  // namespace port
