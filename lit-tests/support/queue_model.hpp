// purpose: random steps on a heap, beside a naive model of the policy of its queue.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: after each step the library has granted what the model grants, and nothing else.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "tasks.hpp"
#include "words.hpp"

namespace tests {

/// A waiter as the model sees it.
struct ModelWaiter {
  std::size_t id = 0;
  std::size_t words = 0;  // of its block
  std::size_t level = 0;
  std::size_t passed = 0;
};
using ModelQueue = std::deque<ModelWaiter>;

/// The part of rules with levels that is the model's: the highest level first, and within one the
/// oldest.
struct LevelOrder {
  static void insert(ModelQueue& queue, const ModelWaiter& waiter) {
    auto at = queue.begin();
    while (at != queue.end() && at->level >= waiter.level) ++at;
    queue.insert(at, waiter);
  }
  template <class Fits>
  static std::size_t choose(const ModelQueue& queue, Fits fits) {
    return !queue.empty() && fits(queue.front().words) ? 0 : queue.size();
  }
};

/// `Rules` has the policy twice: how requests are made, and what the model does.
///
///     request(heap, layout, level)    the request to the library
///     insert(queue, waiter)           puts a new waiter in its place
///     choose(queue, fits)             the index of the next to be granted, or the size
///     raise(request, level)           if waiters can be raised
template <class Heap, class Rules>
class QueueModel {
 public:
  static constexpr std::size_t heap_words = 40;

  explicit QueueModel(unsigned seed) : random_(seed) {}
  QueueModel(const QueueModel&) = delete;
  QueueModel& operator=(const QueueModel&) = delete;
  ~QueueModel() {
    for (auto& each : all_) each->request.reset();
  }

  void run(std::size_t steps) {
    for (std::size_t step = 0; step < steps; ++step) {
      const std::size_t draw = below(20);
      if (draw < 9) {
        ask();
      } else if (draw < 15) {
        free_one();
      } else if (draw < 17) {
        cancel_one();
      } else if (draw < 19) {
        raise_one();
      } else {
        heap_.poll();
      }
      follow();
      REQUIRE(heap_.counters().waiting == queue_.size());
      REQUIRE(sound(heap_));
    }
  }
  [[nodiscard]] std::size_t most_passed() const { return most_passed_; }
  [[nodiscard]] std::size_t grants_from_queue() const { return grants_; }

 private:
  struct Asked {
    QueueModel* model = nullptr;
    std::size_t id = 0;
    std::size_t level = 0;
    std::optional<mneme::Request<Heap>> request;
    mneme::Allocation<Heap> block;
    bool is_granted = false;
  };

  [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }
  [[nodiscard]] bool fits(std::size_t words) const {
    std::size_t run = 0;
    for (const bool used : used_) {
      run = used ? 0 : run + 1;
      if (run >= words) return true;
    }
    return false;
  }
  void mark(const mneme::Allocation<Heap>& block, bool used) {
    const auto at =
        static_cast<std::size_t>(static_cast<std::byte*>(block.data()) - heap_.raw().base()) /
            mneme::word_bytes -
        1;
    const std::size_t words = block.layout().size / mneme::word_bytes + 1;
    for (std::size_t each = at; each < at + words; ++each) {
      REQUIRE(used_[each] != used);
      used_[each] = used;
    }
  }

  static void note(void* context) noexcept {
    auto& asked = *static_cast<Asked*>(context);
    asked.model->woken_.push_back(asked.id);
  }

  void ask() {
    if (queue_.size() >= 30) return;
    const std::size_t words = 2 + below(below(4) == 0 ? 30 : 8);
    all_.push_back(std::make_unique<Asked>());
    Asked& asked = *all_.back();
    asked.model = this;
    asked.id = all_.size() - 1;
    asked.level = below(Rules::levels);
    const mneme::Layout layout = bytes((words - 1) * mneme::word_bytes);
    asked.request.emplace(Rules::request(heap_, layout, asked.level));
    const bool is_free = queue_.empty() && fits(words);
    woken_.reserve(all_.size() + queue_.size());
    auto answer = asked.request->poll({.wake = note, .context = &asked});
    REQUIRE((answer.has_value() == is_free));
    if (!answer) {
      Rules::insert(queue_, {asked.id, words, asked.level, 0});
      return;
    }
    asked.block = std::move(**answer);
    asked.is_granted = true;
    mark(asked.block, true);
    live_.push_back(asked.id);
  }

  void free_one() {
    if (live_.empty()) return;
    const std::size_t at = below(live_.size());
    Asked& asked = *all_[live_[at]];
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(at));
    mark(asked.block, false);
    asked.block.reset();
  }

  void cancel_one() {
    if (queue_.empty()) return;
    const std::size_t at = below(2) == 0 ? 0 : below(queue_.size());
    const std::size_t id = queue_[at].id;
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(at));
    if (below(2) == 0) return all_[id]->request.reset();
    all_[id]->request->cancel();
  }

  void raise_one() {
    if constexpr (requires { &Rules::raise; }) raise_one_of(queue_);
  }
  template <class Queue>
  void raise_one_of(Queue& queue) {
    if (queue.empty()) return;
    const std::size_t at = below(queue.size());
    const std::size_t to = below(Rules::levels);
    ModelWaiter waiter = queue[at];
    Rules::raise(*all_[waiter.id]->request, to);
    if (to <= waiter.level) return;
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
    waiter.level = to;
    Rules::insert(queue, waiter);
  }

  /// Compares the grants of the last step with those of the model.
  void follow() {
    for (std::size_t next = 0;; ++next) {
      const std::size_t chosen =
          Rules::choose(queue_, [&](std::size_t words) { return fits(words); });
      if (chosen == queue_.size()) {
        REQUIRE(next == woken_.size());
        break;
      }
      REQUIRE(next < woken_.size());
      REQUIRE(woken_[next] == queue_[chosen].id);
      for (std::size_t each = 0; each < chosen; ++each) {
        most_passed_ = std::max(most_passed_, ++queue_[each].passed);
      }
      queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(chosen));
      Asked& asked = *all_[woken_[next]];
      asked.block = granted(*asked.request);
      mark(asked.block, true);
      live_.push_back(asked.id);
      ++grants_;
    }
    woken_.clear();
  }

  BasicTestHeap<Heap> heap_{heap_words * mneme::word_bytes};
  std::mt19937 random_;
  std::vector<bool> used_ = std::vector<bool>(heap_words);
  std::vector<std::unique_ptr<Asked>> all_;
  std::vector<std::size_t> live_;
  ModelQueue queue_;
  std::vector<std::size_t> woken_;  // by the last step, in order
  std::size_t most_passed_ = 0;
  std::size_t grants_ = 0;
};

}  // namespace tests
