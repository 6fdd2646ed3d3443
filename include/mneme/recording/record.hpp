// purpose: one event of a recording, and the lines of a dump.
// layer: L1; includes L0 and raw_heap.
// threads: plain data; the current task and the number of a thread are its own.
// invariants: a line of a dump is complete, or is left out.
//
// A dump is text, which `mneme import` turns into a script with tasks:
//
//   mneme-recording 1 word=8 heap=4096 keeps=newest
//   alloc TASK THREAD BLOCK SIZE ALIGN    a block, requested and granted at once
//   wait TASK THREAD REQUEST SIZE ALIGN   a request that has to wait
//   grant TASK THREAD REQUEST BLOCK       it is granted: a block of an earlier `alloc`, whose
//                                         task and thread made the room
//   cancel TASK THREAD REQUEST            a waiting request is cancelled or closed
//   resize TASK THREAD BLOCK SIZE         a block has another size now, in its place
//   free TASK THREAD BLOCK SIZE           a block is freed; SIZE is what fits into it
//   end RECORDS LOST
//
// `1` is the version. `word` is the size of a pointer in bytes, `heap` that of the region; without
// it the heap has no limit that is known. `keeps` is which records a full ring keeps: newest or
// oldest. Others may be missing in between. TASK and THREAD count from 1; TASK 0 is a thread that
// runs no task. BLOCK and REQUEST are addresses, in hexadecimal. ALIGN is 1 if it is not known. A
// dump without its last line was cut.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../atomic.hpp"
#include "../raw_heap.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// An event of a heap.
struct Record {
  Event event{};
  std::uint8_t align_exponent = 0;
  std::uint32_t thread = 0;
  std::uint32_t task = 0;
  std::size_t id = 0;     // the address of the block, or of the request that waits
  std::size_t value = 0;  // a size in bytes; of a grant the block
};

namespace detail {
#if __STDC_HOSTED__
// Initial-exec: the first use does not allocate, not even in a shared object.
[[gnu::tls_model("initial-exec"), gnu::visibility("default")]]  //
inline constinit thread_local std::uint32_t task_of_thread = 0;
[[gnu::tls_model("initial-exec"), gnu::visibility("default")]]  //
inline constinit thread_local std::uint32_t number_of_thread = 0;
// A plain std::atomic: no model needs it.
MNEME_SHARED inline constinit std::atomic<std::uint32_t> threads_numbered{0};
#else
inline constinit std::uint32_t task_of_thread = 0;
#endif
}  // namespace detail

// clang assumes that any use of a thread_local may allocate; an initial-exec one does not.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunknown-warning-option"
#pragma clang diagnostic ignored "-Wfunction-effects"
#endif
/// The number of the task that runs on this thread, from 1 on; 0: none. An event loop sets it
/// before it resumes a coroutine, an interrupt while it runs (AsTask).
[[nodiscard]] inline std::uint32_t& current_task() noexcept MNEME_NONBLOCKING {
  return detail::task_of_thread;
}

/// The number of this thread, in the order of their first records. Without an operating system 1.
[[nodiscard]] inline std::uint32_t thread_number() noexcept MNEME_NONBLOCKING {
#if __STDC_HOSTED__
  std::uint32_t& own = detail::number_of_thread;
  // (record.thread) relaxed: counts only; publishes nothing.
  if (own == 0) own = detail::threads_numbered.fetch_add(1, std::memory_order_relaxed) + 1;
  return own;
#else
  return 1;
#endif
}
#ifdef __clang__
#pragma clang diagnostic pop
#endif

/// While it lives, records of this thread carry that task's number.
class [[nodiscard]] AsTask {
 public:
  explicit AsTask(std::uint32_t task) noexcept : before_(current_task()) { current_task() = task; }
  ~AsTask() { current_task() = before_; }
  AsTask(const AsTask&) = delete;
  AsTask& operator=(const AsTask&) = delete;

 private:
  std::uint32_t before_;
};

/// Builds a line of a dump. Never allocates.
class DumpLine {
 public:
  static constexpr std::size_t size_max = 128;

  DumpLine& text(const char* words) noexcept {
    while (*words != '\0') put(*words++);
    return *this;
  }
  DumpLine& number(std::size_t value) noexcept { return digits(value, 10); }
  DumpLine& address(std::size_t value) noexcept { return text("0x").digits(value, 16); }

  /// The first line, with its end. `heap_bytes` may be 0.
  DumpLine& head(std::size_t heap_bytes, bool keeps_newest) noexcept {
    text("mneme-recording 1 word=").number(word_bytes);
    if (heap_bytes != 0) text(" heap=").number(heap_bytes);
    return text(keeps_newest ? " keeps=newest\n" : " keeps=oldest\n");
  }

  DumpLine& record(const Record& record) noexcept {
    constexpr const char* words[] = {"alloc ", "wait ", "grant ", "cancel ", "resize ", "free "};
    text(words[static_cast<std::size_t>(record.event)]).number(record.task).text(" ");
    number(record.thread).text(" ").address(record.id);
    if (record.event == Event::granted) text(" ").address(record.value);
    if (record.event == Event::cancelled || record.event == Event::granted) return text("\n");
    text(" ").number(record.value);
    if (record.event == Event::allocated || record.event == Event::waits) {
      text(" ").number(std::size_t{1} << record.align_exponent);
    }
    return text("\n");
  }

  DumpLine& end(std::size_t records, std::size_t lost) noexcept {
    return text("end ").number(records).text(" ").number(lost).text("\n");
  }

  [[nodiscard]] const char* data() const noexcept { return text_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void put(char letter) noexcept {
    if (size_ < size_max) text_[size_++] = letter;
  }
  DumpLine& digits(std::size_t value, std::size_t base) noexcept {
    char reversed[24];
    std::size_t count = 0;
    do {
      reversed[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (count > 0) put(reversed[--count]);
    return *this;
  }

  char text_[size_max];
  std::size_t size_ = 0;
};

}  // namespace mneme::inline MNEME_SETTINGS
