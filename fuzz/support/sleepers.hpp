// purpose: coroutines that wait for memory, run, resumed and destroyed as by a scheduler.
// layer: fuzz; includes the library, and the driver's pattern.
// threads: one owner.
// invariants: P1, P2, P5, P8, P13 after each step; a destroyed coroutine leaves nothing behind.
#pragma once

#include <algorithm>
#include <array>
#include <coroutine>
#include <mneme/mneme.hpp>
#include <optional>
#include <span>
#include <string>
#include "driver/execute/fill_pattern.hpp"

#include "finding.hpp"

namespace mneme::fuzz {

/// One coroutine, which is suspended in a request until it completes.
class Sleeper {
 public:
  Sleeper() = default;
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { destroy(); }

  /// Starts a request; `turns` counts the events. Not while it is suspended or has a block.
  void ask(Heap& heap, Layout layout, std::uint64_t& turns) {
    destroy();
    number_ = ++turns;
    layout_ = layout;
    frame_ = run(*this, heap, turns).frame;
  }

  /// Returns the result, once.
  [[nodiscard]] std::optional<Request<>::Result> answer() { return std::exchange(answer_, {}); }

  [[nodiscard]] bool sleeps() const { return request_ != nullptr; }
  [[nodiscard]] bool waits() const {
    return sleeps() && request_->state() == RequestState::waiting;
  }
  /// When it started its request, or got its result.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::uint64_t ended() const { return ended_; }
  [[nodiscard]] Layout layout() const { return layout_; }

  /// Resumes it, even if its request has not completed.
  void resume_by_hand() { frame_.resume(); }
  /// Destroys its frame, and with it the request.
  void destroy() {
    request_ = nullptr;
    if (frame_) std::exchange(frame_, {}).destroy();
  }

 private:
  struct Coroutine {
    struct promise_type {
      Coroutine get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() noexcept {}
      void unhandled_exception() noexcept { stop("an exception"); }
    };
    std::coroutine_handle<> frame;
  };

  static Coroutine run(Sleeper& self, Heap& heap, std::uint64_t& turns) {
    auto request = heap.allocate(self.layout_);
    self.request_ = &request;
    auto answer = co_await request;
    self.request_ = nullptr;
    self.answer_ = std::move(answer);
    self.ended_ = ++turns;
  }

  std::coroutine_handle<> frame_;
  const Request<>* request_ = nullptr;  // while it sleeps
  std::optional<Request<>::Result> answer_;
  std::uint64_t number_ = 0;
  std::uint64_t ended_ = 0;
  Layout layout_{};
};

/// Eight of them on one heap.
class Sleepers {
 public:
  enum class Act : std::uint8_t { ask, ask_too, free, destroy, poll, lock, resume, defer };

  /// `words` is the size of a request.
  void step(Act act, std::size_t which, std::size_t words) {
    Sleeper& sleeper = sleepers_[which];
    Held& held = held_[which];
    switch (act) {
      case Act::ask:
      case Act::ask_too:
        if (!sleeper.sleeps() && !held.block) ask(which, {words * word_bytes, word_bytes});
        break;
      case Act::free:
        check_bytes(held);
        held.block.reset();
        break;
      case Act::destroy: sleeper.destroy(); break;
      case Act::poll: poll(); break;
      case Act::lock:
        if (guard_) {
          guard_.unlock();
        } else {
          guard_ = heap_.try_lock();
        }
        break;
      case Act::resume: resume_by_hand(which); break;
      case Act::defer: defer(held, words == closing_words); break;
    }
    check_rest();
  }

  void finish() {
    guard_.unlock();
    for (Sleeper& sleeper : sleepers_) sleeper.destroy();
    for (Held& held : held_) {
      check_bytes(held);
      held.block.reset();
    }
    heap_.poll();
    const Stats stats = heap_.stats();
    require(stats.waiting == 0 && stats.used_bytes == 0 &&
                stats.largest_free_bytes == stats.capacity_bytes,
            "everything was freed, but the region is not one hole again (P9)");
  }

 private:
  struct Held {
    Allocation<> block;
    std::uint64_t serial = 0;
  };

  static constexpr std::size_t closing_words = 63;

  void ask(std::size_t which, Layout layout) {
    const bool queue = heap_.counters().waiting > 0;
    sleepers_[which].ask(heap_, layout, turns_);
    take(which, false);
    require(!queue || !held_[which].block, "a request overtook one that waited before (P2)");
  }

  void poll() {
    heap_.poll();
    std::array<std::size_t, 8> order{};
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return sleepers_[i].ended(); });
    std::uint64_t before = 0;
    for (const std::size_t which : order) {
      if (!take(which, false)) continue;
      require(sleepers_[which].number() > before, "coroutines were resumed out of order (P2)");
      before = sleepers_[which].number();
    }
  }

  void resume_by_hand(std::size_t which) {
    if (!sleepers_[which].sleeps()) return;
    sleepers_[which].resume_by_hand();
    require(take(which, true), "a resumed coroutine has no answer");
  }

  void defer(Held& held, bool close) {
    if (close) heap_.close();
    check_bytes(held);
    if (!held.block) return;
    const Layout layout = held.block.layout();
    heap_.defer_free(held.block.leak(), layout);
  }

  /// Takes the result of a resumed coroutine. Returns false if it was not resumed.
  bool take(std::size_t which, bool by_hand) {
    auto answer = sleepers_[which].answer();
    if (!answer) return false;
    if (*answer) {
      held_[which] = {.block = std::move(**answer), .serial = ++serial_};
      driver::fill_pattern(bytes(held_[which]), serial_);
      return true;
    }
    const auto admitted = heap_.check_layout(sleepers_[which].layout());
    switch (answer->error()) {
      case AllocError::cancelled: require(by_hand, "a request ended by itself (P5)"); break;
      case AllocError::closed: require(heap_.is_closed(), "closed, but it is not (P13)"); break;
      default:
        require(!admitted && admitted.error() == answer->error(),
                "a request was refused for no reason (P6)");
    }
    return true;
  }

  void check_rest() {
    const Stats counts = heap_.counters();
    if (guard_ || counts.deferred > 0) return;
    const Sleeper* oldest = nullptr;
    std::size_t waiting = 0;
    for (const Sleeper& sleeper : sleepers_) {
      if (!sleeper.waits()) continue;
      ++waiting;
      if (oldest == nullptr || sleeper.number() < oldest->number()) oldest = &sleeper;
    }
    require(waiting == counts.waiting, "the heap counts others than those who wait");
    require(oldest == nullptr ||
                BlockLayout::with_header(oldest->layout())->size > heap_.raw().largest_hole_bytes(),
            "the oldest waiting request fits but was not granted (P1)");
    require(oldest == nullptr || !heap_.is_closed(), "a request waits on a closed heap (P13)");
    require(heap_.validate() == nullptr, "the heap is not sound");
  }

  static std::span<std::byte> bytes(Held& held) {
    return {static_cast<std::byte*>(held.block.data()), held.block.layout().size};
  }
  static void check_bytes(Held& held) {
    require(!held.block || !driver::find_damage(bytes(held), held.serial),
            "a block does not hold what was written (P8)");
  }

  /// A heap whose control block is in its region.
  struct Home {
    Home() {
      const std::span all(region);
      require(!Heap::bootstrap(all.first(sizeof(Heap))), "a heap stands where it has no room");
      const auto made = Heap::bootstrap(all);
      require(made.has_value(), "a heap was not made where it has room");
      heap = *made;
    }
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;
    ~Home() { heap->~BasicHeap(); }

    alignas(Heap) std::array<std::byte, sizeof(Heap) + 512> region;
    Heap* heap = nullptr;
  };

  Home home_;
  Heap& heap_ = *home_.heap;
  std::array<Held, 8> held_;
  std::array<Sleeper, 8> sleepers_;
  Guard<Heap> guard_;
  std::uint64_t turns_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace mneme::fuzz
