// purpose: the lines that port.hpp has for an RTOS, with a fake of each of the functions they call.
// layer: tests; includes mneme.
// threads: one, which plays the task and its interrupts.
// invariants: the heap and the timer change only while interrupts are masked as they should be.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mneme/mneme.hpp>
#include <mneme/waiting/on_ready.hpp>
#include <mneme/waiting/tick_timer.hpp>

#include "examples/task.hpp"

namespace {

std::uint32_t mask = 5;  // any number, to see that it is restored
int given = 0;           // notifications
std::uint32_t ticks = 0;
void (*interrupt)() = nullptr;

struct Done {};

std::uint32_t fake_mask() { return std::exchange(mask, mask + 1); }

/// The task sleeps for a tick at most; an interrupt comes first.
int fake_sleep() {
  if (mask != 5) std::abort();
  if (++ticks == 9) throw Done();
  interrupt();
  return std::exchange(given, 0);
}

// What FreeRTOS has.
using TaskHandle_t = void*;
[[maybe_unused]] constexpr int pdTRUE = 1;
[[maybe_unused]] std::uint32_t taskENTER_CRITICAL_FROM_ISR() { return fake_mask(); }
[[maybe_unused]] void taskEXIT_CRITICAL_FROM_ISR(std::uint32_t was) { mask = was; }
[[maybe_unused]] void vTaskNotifyGiveFromISR(TaskHandle_t task, int* /*woken*/) {
  if (task == &given) ++given;
}
[[maybe_unused]] int ulTaskNotifyTake(int /*clear*/, int /*ticks*/) { return fake_sleep(); }
[[maybe_unused]] std::uint32_t xTaskGetTickCount() { return ticks; }

// What Zephyr has.
struct k_sem {
  int count;
};
[[maybe_unused]] k_sem ready{};
[[maybe_unused]] std::uint32_t irq_lock() { return fake_mask(); }
[[maybe_unused]] void irq_unlock(std::uint32_t was) { mask = was; }
[[maybe_unused]] void k_sem_give(k_sem* semaphore) {
  if (semaphore->count == 0) ++given;
}
struct Timeout {
  int ticks;
};
[[maybe_unused]] Timeout K_TICKS(int count) { return {count}; }
[[maybe_unused]] int k_sem_take(k_sem* /*semaphore*/, Timeout /*timeout*/) { return fake_sleep(); }
[[maybe_unused]] std::int64_t k_uptime_ticks() { return ticks; }

#include RTOS_LINES

/// As in port.hpp.
class CriticalSection {
 public:
  static constexpr bool reentrant = true;
  void lock() noexcept {
    const std::uint32_t before = mask_interrupts();
    if (depth_++ == 0) before_ = before;
  }
  [[nodiscard]] bool try_lock() noexcept {
    lock();
    return true;
  }
  void unlock() noexcept {
    const std::uint32_t before = before_;
    if (--depth_ == 0) restore_interrupts(before);
  }

 private:
  std::uint32_t before_ = 0;
  std::uint32_t depth_ = 0;
};

using Heap = mneme::BasicHeap<mneme::SmallBounded, CriticalSection>;
using Timer = mneme::TickTimer<CriticalSection>;

alignas(16) std::byte memory[1024];
mneme::Allocation<Heap> hog;

examples::Task wait(Heap& heap, Timer& timer, std::uint32_t until) {
  const auto block = co_await heap.allocate({.size = 900}).until(timer.at(until));
  std::printf("tick %u: %s\n", timer.now(), block ? "granted" : to_string(block.error()));
}

}  // namespace

int main() {
  Heap heap(memory);
  Timer timer;
  hog = std::move(**heap.allocate({.size = 900}).poll());
  {
    const auto hook = heap.on_ready({.wake = wake, .context = RTOS_CONTEXT});
    interrupt = [] {
      if (ticks == 6) hog.reset();
    };
    const examples::Task late = wait(heap, timer, 3);
    const examples::Task soon = wait(heap, timer, 8);
    try {
      run(heap, timer);
    } catch (const Done&) {
      std::printf("mask restored: %s; sound: %s\n", mask == 5 ? "yes" : "no",
                  heap.validate() == nullptr ? "yes" : "no");
    }
  }
}
