// purpose: steps of a script on the real heap, printed as the driver prints them.
// layer: firmware; includes board, port and task.
// threads: steps run in main or in the interrupt, one at a time; wakers where the room was made.
// invariants: none.
#pragma once

#include <optional>
#include <utility>

#include "board.hpp"
#include "port.hpp"
#include "task.hpp"

namespace script {

using Request = mneme::Request<port::Heap>;
using Allocation = mneme::Allocation<port::Heap>;
inline constexpr std::size_t align = 16;  // the one of the driver, on 64 bits

inline void write(const char* text) noexcept { board::write(text); }
inline void write(std::size_t number) noexcept {
  char digits[12];
  char* at = digits + sizeof digits - 1;
  *at = '\0';
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  board::write(at);
}
template <class... Parts>
void line(Parts... parts) noexcept {
  (write(parts), ...);
}

class Script;

/// What a name of the script stands for.
struct Buffer {
  const char* name;
  std::size_t size;
  Script* script = nullptr;
  Request* request = nullptr;  // while its task waits
  std::coroutine_handle<> task{};
  std::optional<Request::Result> result{};
};

/// A task: asks for one buffer after the other, and leaves them to others to free.
class Worker {
 public:
  explicit Worker(port::Heap& heap) noexcept : heap_(heap) {}

  /// Its coroutine; to be started once.
  tasks::Task run() {
    for (;;) {
      Buffer& buffer = *co_await Next{*this};
      auto request =
          heap_.allocate({.size = buffer.size, .align = align}).wake_by({&on_grant, &buffer});
      buffer.request = &request;
      buffer.result.emplace(co_await AwaitIn{request, buffer});
      buffer.request = nullptr;
    }
  }
  /// Resumes it with its next buffer.
  void ask(Buffer& buffer) {
    next_ = &buffer;
    std::exchange(idle_, {}).resume();
  }

 private:
  struct Next {
    Worker& worker;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> task) const noexcept { worker.idle_ = task; }
    [[nodiscard]] Buffer* await_resume() const noexcept { return worker.next_; }
  };
  // Notes which coroutine the waker has to see resumed.
  struct AwaitIn {
    Request& request;
    Buffer& buffer;
    [[nodiscard]] bool await_ready() const noexcept { return request.await_ready(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> task) const noexcept {
      buffer.task = task;
      return request.await_suspend(task);
    }
    [[nodiscard]] Request::Result await_resume() const noexcept { return request.await_resume(); }
  };
  static void on_grant(void* buffer) noexcept;

  port::Heap& heap_;
  Buffer* next_ = nullptr;
  std::coroutine_handle<> idle_{};
};

/// The steps.
class Script {
 public:
  explicit Script(port::Heap& heap) noexcept : heap_(heap) {}

  void heap_line() noexcept {
    line("heap 8K -> ", heap_.capacity_bytes(), " bytes, blocks aligned to ", align, "\n");
  }
  void alloc(Worker& worker, Buffer& buffer) {
    line("alloc ", buffer.name, " ", buffer.size, " -> ");
    buffer.script = this;
    worker.ask(buffer);
    if (!buffer.result) return line("waiting\n");
    if (!*buffer.result) return line("refused: too large\n");
    line("granted at ", offset((*buffer.result)->data()), "\n");
  }
  void free(Buffer& buffer) noexcept {
    line("free ", buffer.name, " -> ");
    const bool deferred = heap_.is_locked();
    if (!buffer.result || !*buffer.result) return fail("nothing to free");
    buffer.result.reset();
    finish(deferred ? "deferred" : "freed");
  }
  void defer_free(Buffer& buffer) noexcept {
    line("free ", buffer.name, " defer -> ");
    if (!buffer.result || !*buffer.result) return fail("nothing to free");
    const mneme::Layout layout = (*buffer.result)->layout();
    heap_.defer_free((*buffer.result)->leak(), layout);
    buffer.result.reset();
    line("deferred\n");  // without a look at the heap, which would reclaim it
  }
  void cancel(Buffer& buffer) noexcept {
    line("cancel ", buffer.name, " -> ");
    if (buffer.request == nullptr) return fail("nothing to cancel");
    is_cancelling_ = true;
    buffer.request->cancel();
    is_cancelling_ = false;
    finish("cancelled");
    run_ready([](const char*) noexcept {});
  }
  /// Runs `meanwhile` under a guard.
  template <class F>
  void locked(F meanwhile) noexcept {
    auto guard = heap_.try_lock();
    line("lock -> ", guard ? "locked\n" : "already locked\n");
    meanwhile();
    line("unlock -> ");
    {
      const auto ended = std::move(guard);
    }
    finish("unlocked");
  }
  void poll() {
    line("poll -> ");
    heap_.poll();
    const char* before = "ran ";
    run_ready([&](const char* name) noexcept { line(std::exchange(before, ", "), name); });
    finish(*before == 'r' ? "nothing to run" : "");
  }
  void expect_empty() noexcept {
    line("expect used 0 largest 8K -> ");
    const std::size_t free = heap_.raw().free_bytes();
    if (free != heap_.capacity_bytes()) return fail("blocks are left");
    if (heap_.raw().largest_hole_bytes() != free) return fail("not one hole");
    finish("ok");
  }

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// How many wakers ran in the interrupt.
  [[nodiscard]] std::size_t woken_in_interrupt() const noexcept { return woken_in_interrupt_; }

 private:
  friend class Worker;
  static constexpr std::size_t capacity = 4;

  [[nodiscard]] std::size_t offset(const void* payload) const noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(payload) - heap_.raw().base());
  }
  void fail(const char* why) noexcept {
    failed_ = true;
    line("FAILED: ", why, "\n");
  }
  void on_grant(Buffer& buffer) noexcept {
    if (board::in_interrupt()) ++woken_in_interrupt_;
    if (!is_cancelling_)
      granted_[granted_count_++ % capacity] = {&buffer, buffer.request->reserved()};
    to_run_[to_run_end_++ % capacity] = &buffer;
  }
  // Ends a line with the grants of its step, and checks the heap.
  void finish(const char* result) noexcept {
    line(result);
    for (std::size_t n = 0; n < granted_count_; ++n) {
      line("; ", granted_[n].buffer->name, " granted at ", offset(granted_[n].payload));
    }
    granted_count_ = 0;
    line("\n");
    if (const char* const wrong = heap_.validate(); wrong != nullptr) fail(wrong);
  }
  template <class F>
  void run_ready(F on_run) {
    for (;;) {
      Buffer* buffer = nullptr;
      {
        const port::Masked masked;
        if (to_run_begin_ == to_run_end_) return;
        buffer = to_run_[to_run_begin_++ % capacity];
      }
      on_run(buffer->name);
      buffer->task.resume();
    }
  }

  struct Granted {
    Buffer* buffer;
    const void* payload;
  };

  port::Heap& heap_;
  Granted granted_[capacity]{};
  std::size_t granted_count_ = 0;
  Buffer* to_run_[capacity]{};
  std::size_t to_run_begin_ = 0;
  std::size_t to_run_end_ = 0;
  std::size_t woken_in_interrupt_ = 0;
  bool is_cancelling_ = false;
  bool failed_ = false;
};

inline void Worker::on_grant(void* buffer) noexcept {
  auto& its = *static_cast<Buffer*>(buffer);
  its.script->on_grant(its);
}

}  // namespace script
