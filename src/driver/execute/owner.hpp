// purpose: holds a name's request to the real library, and later the owner of its memory.
// layer: execute; includes mneme and pattern.
// threads: one owner.
// invariants: each kind uses an owner of the library: Allocation, Array, FixedVec or Arc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "driver_heap.hpp"
#include "fill_pattern.hpp"

namespace mneme::driver {

/// One name's memory, before and after its grant. Immovable, as the request inside is linked.
class Owner {
 public:
  Owner() = default;
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  /// Polls the request. Returns nothing while it waits; after a grant, the owner has its memory.
  [[nodiscard]] virtual std::optional<std::expected<void, AllocError>> poll(Waker waker) = 0;
  /// The memory of a granted request that has not been taken yet, or nullptr.
  [[nodiscard]] virtual const void* reserved() const = 0;
  virtual void cancel() = 0;

  /// The address of the payload.
  [[nodiscard]] virtual const void* payload() const = 0;
  /// The bytes that hold the pattern: all that the user may write.
  [[nodiscard]] virtual std::span<std::byte> bytes() = 0;
  virtual void leak() = 0;
  virtual void adopt() = 0;
  /// Destroys the owner. The last owner frees the memory.
  virtual void release() = 0;
  /// How many owners the memory has.
  [[nodiscard]] virtual std::size_t owners() const { return 1; }

 protected:
  ~Owner() = default;
};

/// The common part of all kinds: a request that yields an owner of the library.
template <class Request, class LibraryOwner>
class RequestOwner : public Owner {
 public:
  template <class MakeRequest>
  explicit RequestOwner(MakeRequest make_request, std::uint8_t level = 0)
      : request_{make_request()} {
    if (level != 0) (void)std::move(request_).priority(level);
  }

  [[nodiscard, gnu::flatten]] std::optional<std::expected<void, AllocError>> poll(
      Waker waker) override {
    auto answer = request_.poll(waker);
    if (!answer) return std::nullopt;
    if (!*answer) return std::unexpected(answer->error());
    owner_ = std::move(**answer);
    return std::expected<void, AllocError>{};
  }
  [[nodiscard]] const void* reserved() const override { return request_.reserved(); }
  void cancel() override { request_.cancel(); }
  [[gnu::flatten]] void release() override { owner_ = LibraryOwner{}; }

 protected:
  ~RequestOwner() = default;
  [[nodiscard]] LibraryOwner& owner() { return owner_; }
  [[nodiscard]] const LibraryOwner& owner() const { return owner_; }

 private:
  Request request_;
  LibraryOwner owner_{};
};

class AllocationOwner final : public RequestOwner<Request<DriverHeap>, Allocation<DriverHeap>> {
 public:
  AllocationOwner(DriverHeap& heap, Layout layout, std::uint8_t level = 0)
      : RequestOwner{[&] { return heap.allocate(layout); }, level}, heap_{heap} {}
  /// Owns a block that was allocated without a request.
  AllocationOwner(DriverHeap& heap, void* payload, Layout layout) : AllocationOwner{heap, layout} {
    owner() = Allocation<DriverHeap>::from_leaked(payload, layout);
  }

  [[nodiscard]] const void* payload() const override {
    return leaked_ != nullptr ? leaked_ : owner().data();
  }
  [[nodiscard]] std::span<std::byte> bytes() override {
    return {static_cast<std::byte*>(owner().data()), owner().layout().size};
  }
  void leak() override {
    layout_ = owner().layout();
    leaked_ = owner().leak();
  }
  void adopt() override {
    owner() = Allocation<DriverHeap>::from_leaked(std::exchange(leaked_, nullptr), layout_);
  }

  /// Takes over the memory of the other owner.
  void take_over(AllocationOwner& other) { owner() = std::move(other.owner()); }
  /// Frees the memory by a deferred free.
  void defer_release() {
    const Layout layout = owner().layout();
    heap_.defer_free(owner().leak(), layout);
  }
  [[nodiscard]] bool try_resize(std::size_t size_bytes) {
    const Layout layout = owner().layout();
    const Layout wanted{size_bytes, layout.align};
    if (!heap_.try_resize(owner().data(), layout, wanted)) return false;
    owner() = Allocation<DriverHeap>::from_leaked(owner().leak(), wanted);
    return true;
  }
  [[nodiscard]] Layout layout() const { return owner().layout(); }

 private:
  DriverHeap& heap_;
  void* leaked_ = nullptr;
  Layout layout_{};
};

using Element = std::uint64_t;
using ArrayRequest = decltype(std::declval<DriverHeap&>().make_array<Element>(0));
using VecRequest = decltype(std::declval<DriverHeap&>().make_fixed_vec<Element>(0));
using ArcRequest = decltype(std::declval<DriverHeap&>().make_arc<Element>());

using ElementArray = Array<Element, DriverHeap>;
using ElementVec = FixedVec<Element, DriverHeap>;
using ElementArc = Arc<Element, DriverHeap>;

class ArrayOwner final : public RequestOwner<ArrayRequest, ElementArray> {
 public:
  ArrayOwner(DriverHeap& heap, std::size_t count, std::uint8_t level)
      : RequestOwner{[&] { return heap.make_array<Element>(count); }, level} {}

  [[nodiscard]] const void* payload() const override {
    return leaked_.data != nullptr ? leaked_.data : owner().data();
  }
  [[nodiscard]] std::span<std::byte> bytes() override {
    return std::as_writable_bytes(std::span{owner().begin(), owner().end()});
  }
  void leak() override { leaked_ = owner().leak(); }
  void adopt() override { owner() = ElementArray::from_leaked(std::exchange(leaked_, {})); }

 private:
  ElementArray::Leaked leaked_{};
};

class VecOwner final : public RequestOwner<VecRequest, ElementVec> {
 public:
  VecOwner(DriverHeap& heap, std::size_t capacity, std::uint8_t level)
      : RequestOwner{[&] { return heap.make_fixed_vec<Element>(capacity); }, level} {}

  [[nodiscard]] const void* payload() const override {
    return leaked_.data != nullptr ? leaked_.data : owner().data();
  }
  [[nodiscard]] std::span<std::byte> bytes() override {
    return std::as_writable_bytes(std::span{owner().begin(), owner().end()});
  }
  void leak() override { leaked_ = owner().leak(); }
  void adopt() override { owner() = ElementVec::from_leaked(std::exchange(leaked_, {})); }

  /// False if it is full.
  [[nodiscard]] bool push(std::uint64_t serial) {
    return owner().push(pattern_word(serial, owner().size())) != nullptr;
  }
  [[nodiscard]] std::size_t size() const { return owner().size(); }
  [[nodiscard]] std::size_t capacity() const { return owner().capacity(); }

 private:
  ElementVec::Leaked leaked_{};
};

class ArcOwner final : public RequestOwner<ArcRequest, ElementArc> {
 public:
  explicit ArcOwner(DriverHeap& heap, std::uint8_t level = 0)
      : RequestOwner{[&] { return heap.make_arc<Element>(); }, level} {}
  /// Another owner of the same value.
  ArcOwner(DriverHeap& heap, const ArcOwner& other) : ArcOwner{heap} {
    owner() = other.owner().clone();
  }

  [[nodiscard]] const void* payload() const override {
    // The payload starts with the count; the value follows.
    if (leaked_ != nullptr) return leaked_;
    const void* const value = owner().get();
    if (value == nullptr) return nullptr;
    return static_cast<const std::byte*>(value) - (sizeof(ElementArc::Shared) - sizeof(Element));
  }
  [[nodiscard]] std::span<std::byte> bytes() override {
    return std::as_writable_bytes(std::span{owner().get(), 1});
  }
  void leak() override { leaked_ = owner().leak(); }
  void adopt() override { owner() = ElementArc::from_leaked(std::exchange(leaked_, nullptr)); }
  [[nodiscard]] std::size_t owners() const override { return owner().count(); }

 private:
  ElementArc::Shared* leaked_ = nullptr;
};

/// The heap's lock, for which a task waits in the queue.
class LockOwner final : public Owner {
 public:
  LockOwner(DriverHeap& heap, std::uint8_t level) : request_{heap} {
    (void)std::move(request_).priority(level);
  }

  [[nodiscard]] std::optional<std::expected<void, AllocError>> poll(Waker waker) override {
    auto answer = request_.poll(waker);
    if (!answer) return std::nullopt;
    if (!*answer) return std::unexpected(answer->error());
    guard_ = std::move(**answer);
    return std::expected<void, AllocError>{};
  }
  [[nodiscard]] const void* reserved() const override { return nullptr; }
  void cancel() override { request_.cancel(); }
  [[nodiscard]] const void* payload() const override { return nullptr; }
  [[nodiscard]] std::span<std::byte> bytes() override { return {}; }
  void leak() override {}
  void adopt() override {}
  void release() override { guard_.unlock(); }

  /// After a grant.
  [[nodiscard]] Guard<DriverHeap> take_guard() {
    if (!guard_) (void)poll({});
    return std::move(guard_);
  }

 private:
  LockRequest<DriverHeap> request_;
  Guard<DriverHeap> guard_;
};

/// Places for objects, each an optional or a variant. The one that was given back last is used
/// first, while it is in the cache.
template <class Place>
class PlacePool {
 public:
  [[nodiscard]] Place* take() {
    if (spare_.empty()) return places_.emplace_back(std::make_unique<Place>()).get();
    Place* const place = spare_.back();
    spare_.pop_back();
    return place;
  }
  void give(Place* place) { spare_.push_back(place); }

 private:
  std::vector<std::unique_ptr<Place>> places_;
  std::vector<Place*> spare_;
};

/// The memory of all owners. Most are of plain blocks, for which an optional takes fewer steps.
struct OwnerPool {
  using Plain = std::optional<AllocationOwner>;
  using Other = std::variant<std::monostate, ArrayOwner, VecOwner, ArcOwner, LockOwner>;

  PlacePool<Plain> plain;
  PlacePool<Other> others;
};

/// An owner of any kind, in a pool, or none. It must be reset before the pool is destroyed.
class AnyOwner {
 public:
  AnyOwner() = default;
  AnyOwner(const AnyOwner&) = delete;
  AnyOwner& operator=(const AnyOwner&) = delete;
  ~AnyOwner() = default;

  template <class Kind, class... Arguments>
  void emplace(OwnerPool& pool, Arguments&&... arguments) {
    reset();
    pool_ = &pool;
    if constexpr (std::is_same_v<Kind, AllocationOwner>) {
      plain_ = pool.plain.take();
      owner_ = &plain_->emplace(std::forward<Arguments>(arguments)...);
    } else {
      other_ = pool.others.take();
      owner_ = &other_->emplace<Kind>(std::forward<Arguments>(arguments)...);
    }
  }
  void reset() {
    owner_ = nullptr;
    if (OwnerPool::Plain* const plain = std::exchange(plain_, nullptr); plain != nullptr) {
      plain->reset();
      pool_->plain.give(plain);
    } else if (OwnerPool::Other* const other = std::exchange(other_, nullptr); other != nullptr) {
      other->emplace<std::monostate>();
      pool_->others.give(other);
    }
  }

  [[nodiscard]] explicit operator bool() const { return owner_ != nullptr; }
  [[nodiscard]] Owner& operator*() const { return *owner_; }
  [[nodiscard]] Owner* operator->() const { return owner_; }
  /// If it is that of a plain block.
  [[nodiscard]] AllocationOwner& plain() const { return **plain_; }

 private:
  Owner* owner_ = nullptr;
  OwnerPool::Plain* plain_ = nullptr;
  OwnerPool::Other* other_ = nullptr;
  OwnerPool* pool_ = nullptr;
};

}  // namespace mneme::driver
