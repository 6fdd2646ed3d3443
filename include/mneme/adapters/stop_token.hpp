// purpose: std::stop_token ends the wait of a request.
// layer: adapters; includes L0–L3.
// threads: any may request the stop, but no interrupt.
// invariants: those of WaitLimit: the end of a stop callback waits for one that is running.
#pragma once

#include <optional>
#include <stop_token>
#include <utility>

#include "../waiting/until.hpp"

namespace mneme::inline MNEME_SETTINGS {

/// A stop token as the limit of a request, whose result then is `cancelled`. If the stop was
/// requested before, a request that would wait is cancelled at once.
///
///     auto packet = co_await heap.make<Packet>(7).until(source.get_token());
class StopLimit {
 public:
  static constexpr AllocError error = AllocError::cancelled;

  explicit StopLimit(std::stop_token token) noexcept : token_(std::move(token)) {}
  StopLimit(StopLimit&& other) noexcept : token_(std::move(other.token_)) {}
  StopLimit& operator=(StopLimit&&) = delete;
  ~StopLimit() = default;

  void arm(Fire fire) { on_stop_.emplace(token_, fire); }
  void disarm() noexcept { on_stop_.reset(); }

 private:
  std::stop_token token_;
  std::optional<std::stop_callback<Fire>> on_stop_;
};

template <>
struct LimitOf<std::stop_token> {
  using Type = StopLimit;
};

}  // namespace mneme::inline MNEME_SETTINGS
