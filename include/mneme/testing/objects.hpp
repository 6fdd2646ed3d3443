// purpose: what tasks of a world share: semaphores, mailboxes, and variables.
// layer: testing; includes task and world_base.
// threads: one.
// invariants: each access is a step, and each content a part of the state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "operation.hpp"
#include "task.hpp"
#include "world_base.hpp"

namespace mneme::inline MNEME_SETTINGS::testing {

/// The payload that an owner leads to; nullptr for what owns none.
template <class T>
[[nodiscard]] const void* payload_of(const T& value) {
  if constexpr (requires { static_cast<const void*>(value.get()); }) {
    return static_cast<const void*>(value.get());
  } else if constexpr (requires { static_cast<const void*>(value.data()); }) {
    return static_cast<const void*>(value.data());
  } else {
    return nullptr;
  }
}

/// A number for what a task can learn from a value; 0 where that is not known. For an owner, of
/// what it owns.
template <class T>
[[nodiscard]] std::uint64_t digest_of(const T& value) {
  if constexpr (std::is_pointer_v<T>) {  // NOLINT(bugprone-branch-clone)
    return 0;                            // it has a hash, but of an address
  } else if constexpr (std::has_unique_object_representations_v<T> &&
                       std::is_trivially_copyable_v<T>) {
    Bytes bytes;
    put(bytes, value);
    return fingerprint_of(bytes).low;
  } else if constexpr (requires { std::hash<T>{}(value); } && !requires { value.get(); }) {
    return std::hash<T>{}(value);
  } else if constexpr (requires { *value.get(); }) {
    return value.get() == nullptr ? 1 : digest_of(*value.get());
  } else {
    return 0;
  }
}

/// `co_await credits.acquire(); … co_await credits.release();`
class Semaphore : public Object {
 public:
  Semaphore(WorldBase& world, std::string name, std::size_t count = 0)
      : Object{world, std::move(name)}, count_{count} {}

  class Acquire final : public Operation {
   public:
    explicit Acquire(Semaphore& semaphore) : semaphore_{semaphore} {}
    [[nodiscard]] bool can_go() const override { return semaphore_.count_ > 0; }
    [[nodiscard]] bool start(std::size_t /*choice*/) override {
      --semaphore_.count_;
      return true;
    }
    [[nodiscard]] std::uint64_t blocking() const override { return semaphore_.bit(0); }
    [[nodiscard]] std::string text() const override { return "acquire " + semaphore_.name(); }
    static void result() {}

   private:
    Semaphore& semaphore_;
  };
  class Release final : public Operation {
   public:
    explicit Release(Semaphore& semaphore) : semaphore_{semaphore} {}
    [[nodiscard]] bool start(std::size_t /*choice*/) override {
      ++semaphore_.count_;
      return true;
    }
    [[nodiscard]] std::string text() const override { return "release " + semaphore_.name(); }
    static void result() {}

   private:
    Semaphore& semaphore_;
  };

  [[nodiscard]] Acquire acquire() { return Acquire{*this}; }
  [[nodiscard]] Release release() { return Release{*this}; }

  void put_identity(Bytes& to) const override { put(to, static_cast<std::uint64_t>(count_)); }

 private:
  std::size_t count_;
};

/// Hands values over in their order: `co_await frames.send(std::move(box)); … co_await
/// frames.receive()`. A send waits while it is full, a receive while it is empty. The block of a
/// Box, Array or Allocation in it belongs to the mailbox; other values should hold none.
template <class T>
class Mailbox : public Object {
 public:
  Mailbox(WorldBase& world, std::string name, std::size_t capacity)
      : Object{world, std::move(name)}, capacity_{capacity} {
    values_.reserve(capacity);
  }

  class Send final : public Operation {
   public:
    Send(Mailbox& mailbox, T value) : mailbox_{mailbox}, value_{std::move(value)} {}
    [[nodiscard]] bool can_go() const override {
      return mailbox_.values_.size() < mailbox_.capacity_;
    }
    [[nodiscard]] bool start(std::size_t /*choice*/) override {
      mailbox_.world().move_block(payload_of(value_), WorldBase::owner_of(mailbox_.index()));
      mailbox_.values_.push_back(std::move(value_));
      return true;
    }
    [[nodiscard]] std::uint64_t blocking() const override { return mailbox_.bit(1); }
    [[nodiscard]] std::string text() const override { return "send to " + mailbox_.name(); }
    static void result() {}

   private:
    Mailbox& mailbox_;
    T value_;
  };
  class Receive final : public Operation {
   public:
    explicit Receive(Mailbox& mailbox) : mailbox_{mailbox} {}
    [[nodiscard]] bool can_go() const override { return !mailbox_.values_.empty(); }
    [[nodiscard]] bool start(std::size_t /*choice*/) override { return true; }
    [[nodiscard]] std::uint64_t blocking() const override { return mailbox_.bit(0); }
    [[nodiscard]] std::string text() const override { return "receive from " + mailbox_.name(); }
    [[nodiscard]] T result() {
      T value = std::move(mailbox_.values_.front());
      mailbox_.values_.erase(mailbox_.values_.begin());
      WorldBase::running().receive_block(payload_of(value));
      WorldBase::running().received(digest_of(value));
      return value;
    }

   private:
    Mailbox& mailbox_;
  };

  [[nodiscard]] Send send(T value) { return Send{*this, std::move(value)}; }
  [[nodiscard]] Receive receive() { return Receive{*this}; }

  void put_identity(Bytes& to) const override {
    put(to, static_cast<std::uint64_t>(values_.size()));
    for (const T& value : values_) {
      world().put_place(to, payload_of(value));
      put(to, digest_of(value));
    }
  }

 private:
  std::size_t capacity_;
  std::vector<T> values_;
};

/// A variable that several tasks use: `co_await mode.load()`, `co_await mode.store(2)`, and
/// `co_await mode.change([](int& value) { ++value; })`, whose result is the new value.
template <class T>
  requires std::has_unique_object_representations_v<T> && std::is_trivially_copyable_v<T>
class Shared : public Object {
 public:
  Shared(WorldBase& world, std::string name, T value = {})
      : Object{world, std::move(name)}, value_{std::move(value)} {}

  template <class Change>
  class Access final : public Operation {
   public:
    Access(Shared& shared, Change change, const char* verb)
        : shared_{shared}, change_{std::move(change)}, verb_{verb} {}
    [[nodiscard]] bool start(std::size_t /*choice*/) override {
      change_(shared_.value_);
      seen_ = shared_.value_;
      return true;
    }
    [[nodiscard]] std::string text() const override { return verb_ + shared_.name(); }
    [[nodiscard]] T result() const {
      WorldBase::running().received(digest_of(seen_));
      return seen_;
    }

   private:
    Shared& shared_;
    Change change_;
    std::string verb_;
    T seen_{};
  };

  [[nodiscard]] auto load() {
    return access([](const T& /*value*/) {}, "load ");
  }
  [[nodiscard]] auto store(T value) {
    return access([value](T& to) { to = value; }, "store ");
  }
  template <class Change>
  [[nodiscard]] auto change(Change change) {
    return access(std::move(change), "change ");
  }

  void put_identity(Bytes& to) const override { put(to, value_); }

 private:
  template <class Change>
  [[nodiscard]] Access<Change> access(Change change, const char* verb) {
    return {*this, std::move(change), verb};
  }

  T value_;
};

}  // namespace mneme::inline MNEME_SETTINGS::testing
