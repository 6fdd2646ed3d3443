// purpose: defines the functions of mneme.h; for one C++ file of a program whose rest is in C.
// layer: adapters; includes L0–L3 and mneme.h.
// threads: as mneme.h.
// invariants: no exception crosses into C; a request's callback is called once or never.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "../heap.hpp"
#include "../node.hpp"
#include "mneme.h"

namespace mneme::inline MNEME_SETTINGS::c_face {

inline Heap& heap_of(const mneme_heap* heap) noexcept { return *node::object_at<Heap>(heap); }

[[nodiscard]] constexpr mneme_status status_of(AllocError error) noexcept {
  switch (error) {
    case AllocError::too_large: return MNEME_TOO_LARGE;
    case AllocError::bad_alignment: return MNEME_BAD_ALIGNMENT;
    case AllocError::closed: return MNEME_CLOSED;
    default: return MNEME_CANCELLED;
  }
}

/// What is in the space of a mneme_request.
class CRequest {
 public:
  CRequest(Heap& heap, Layout layout, mneme_callback* callback, void* context) noexcept
      : request_(heap, layout), callback_(callback), context_(context) {}

  mneme_status start() noexcept {
    auto result = request_.poll({.wake = finish, .context = this});
    // Once it waits it may be complete, and its space used again, at any time.
    return result ? report(*std::move(result)) : MNEME_WAITING;
  }
  [[nodiscard]] bool cancel() noexcept {
    request_.cancel();  // and returns when finish() has, if that is running
    return !std::exchange(is_over_, true);
  }

 private:
  static void finish(void* self) noexcept {
    auto& own = *static_cast<CRequest*>(self);
    auto result = own.request_.poll();
    const bool is_cancelled = result && !*result && result->error() == AllocError::cancelled;
    if (result && !is_cancelled) own.report(*std::move(result));
  }
  mneme_status report(Request<>::Result result) noexcept {
    const mneme_status status = result ? MNEME_OK : status_of(result.error());
    is_over_ = true;
    // The callback may use the request's space again.
    callback_(context_, result ? result->leak() : nullptr, status);
    return status;
  }

  Request<> request_;
  mneme_callback* callback_;
  void* context_;
  bool is_over_ = false;
};
static_assert(sizeof(CRequest) <= sizeof(mneme_request) &&
              alignof(CRequest) <= alignof(mneme_request));

}  // namespace mneme::inline MNEME_SETTINGS::c_face

// NOLINTBEGIN(misc-definitions-in-headers): this header is for one file of a program.
extern "C" {

mneme_heap* mneme_create(void* region, std::size_t size) {
  const auto heap = mneme::Heap::bootstrap({mneme::node::object_at<std::byte>(region), size});
  return heap ? mneme::node::object_at<mneme_heap>(*heap) : nullptr;
}
void mneme_destroy(mneme_heap* heap) { mneme::c_face::heap_of(heap).~BasicHeap(); }

void* mneme_try_allocate(mneme_heap* heap, std::size_t size, std::size_t align) {
  return mneme::c_face::heap_of(heap).try_allocate({size, align});
}
void mneme_free(mneme_heap* heap, void* memory, std::size_t size, std::size_t align) {
  (mneme::c_face::heap_of(heap).free)(memory, {size, align});
}
void mneme_defer_free(mneme_heap* heap, void* memory, std::size_t size, std::size_t align) {
  mneme::c_face::heap_of(heap).defer_free(memory, {size, align});
}
void mneme_poll(mneme_heap* heap) {
  // No coroutine waits on this heap, so nothing is resumed that could throw.
  (void)mneme::c_face::heap_of(heap).poll();
}
void mneme_close(mneme_heap* heap) { mneme::c_face::heap_of(heap).close(); }
std::size_t mneme_used(const mneme_heap* heap) {
  return mneme::c_face::heap_of(heap).counters().used_bytes;
}
std::size_t mneme_waiting(const mneme_heap* heap) {
  return mneme::c_face::heap_of(heap).counters().waiting;
}

mneme_status mneme_allocate(mneme_request* request, mneme_heap* heap, std::size_t size,
                            std::size_t align, mneme_callback* callback, void* context) {
  return mneme::node::begin_object<mneme::c_face::CRequest>(
             request, mneme::c_face::heap_of(heap), mneme::Layout{size, align}, callback, context)
      ->start();
}
int mneme_cancel(mneme_request* request) {
  return mneme::node::object_at<mneme::c_face::CRequest>(request)->cancel() ? 1 : 0;
}

}  // extern "C"
// NOLINTEND(misc-definitions-in-headers)
