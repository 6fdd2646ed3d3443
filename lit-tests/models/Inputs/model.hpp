// purpose: what a model says to be searched; memory that relacy cannot see by itself; sleep.
// layer: tests; includes relacy_atomic, and L0.
// threads: those that relacy plays; plain variables of a model are notes, which know all.
// invariants: an access to plain memory that matters is a touch of a Ghost.
#pragma once

// Before any header of mneme.
#define MNEME_ATOMIC_HEADER "../../lit-tests/models/Inputs/relacy_atomic.hpp"
#define MNEME_UNPOISON_HOOK mneme::model::Memory::window

#include <mneme/atomic.hpp>
#include <mneme/layout.hpp>

namespace mneme::model {

/// How a model is searched. Both searches are the same in every run.
struct Plan {
  bool full = false;            // every interleaving there is, or else
  unsigned preemptions = 3;     // every one with at most so many forced changes of threads;
  std::uint64_t random = 4000;  // and so many at random, with older values read more often
  unsigned brief = as_said;     // the number of preemptions where time is short

  static constexpr unsigned as_said = ~0U;
};

/// A model, without its type: relacy's engine is a template of the program that it runs, and large,
/// so it is compiled once for each number of threads (search.cpp).
struct Model {
  static constexpr std::size_t size_max = 2048;  // of the object that is an interleaving's

  std::string name;
  Plan plan;
  unsigned threads;
  void (*construct)(void* object);
  void (*destroy)(void* object);
  void (*before)(void* object);
  void (*thread)(void* object, unsigned id);
  void (*after)(void* object);
};
inline std::vector<Model> models;

/// Adds the model that a file defines, under the file's name: `const Searched<Suite>
/// name{{plan}};`.
template <class Suite>
struct Searched {
  static_assert(sizeof(Suite) <= Model::size_max && alignof(Suite) <= alignof(std::max_align_t));

  explicit Searched(Plan plan, const char* file = __builtin_FILE()) {
    models.push_back(
        {.name = std::filesystem::path(file).stem().string(),
         .plan = plan,
         .threads = Suite::params::thread_count,
         .construct = [](void* object) { new (object) Suite; },
         .destroy = [](void* object) { static_cast<Suite*>(object)->~Suite(); },
         .before = [](void* object) { static_cast<Suite*>(object)->before(); },
         .thread = [](void* object, unsigned id) { static_cast<Suite*>(object)->thread(id); },
         .after = [](void* object) { static_cast<Suite*>(object)->after(); }});
  }
};

/// Stands for plain memory, in which relacy sees no access: two touches that no happens-before
/// orders are a data race. So an order that is too weak shows, even where relacy, whose
/// modification orders are those of the execution, lets the right value through.
class Ghost {
 public:
  void touch(Place at = Place::here()) { variable_(at.info()).store(0); }
  void look(Place at = Place::here()) const { (void)variable_(at.info()).load(); }

 private:
  rl::var<int> variable_{0};
};

/// What a thread sleeps on until another rings: as what an executor blocks its thread on, so
/// ringing publishes. Relacy reports a thread that sleeps for ever as a deadlock.
class Bell {
 public:
  void ring(Place at = Place::here()) {
    rings_.fetch_add(1, std::memory_order_release);
    if (sleeper_) rl::ctx().unpark_thread(*std::exchange(sleeper_, std::nullopt), false, at.info());
  }

  /// Returns once it was rung more often than it was waited for. One thread may wait.
  void wait(Place at = Place::here()) {
    // A read-modify-write sees the latest value; and nobody can ring between it and the sleep.
    while (rings_.fetch_add(0, std::memory_order_acquire) == heard_) {
      sleeper_ = rl::ctx().threadx_->index_;
      (void)rl::ctx().park_current_thread(false, false, false, at.info());
    }
    ++heard_;
  }

 private:
  Atomic<int> rings_{0};
  int heard_ = 0;
  std::optional<rl::thread_id_t> sleeper_;
};

/// The memory of a model, all regions in it, with a Ghost for each word.
class Memory {
 public:
  Memory() { present = this; }
  ~Memory() { present = nullptr; }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  [[nodiscard]] std::span<std::byte> region(std::size_t offset, std::size_t size) {
    return std::span(bytes_).subspan(offset, size);
  }

  /// Writes to all of [start, start + size).
  static void touch(const void* start, std::size_t size, Place at = Place::here()) {
    const auto offset =
        static_cast<std::size_t>(static_cast<const std::byte*>(start) - present->bytes_.data());
    for (std::size_t i = offset / word_bytes; i < (offset + size) / word_bytes; ++i) {
      present->words_[i].touch(at);
    }
  }

  /// The core looks at headers, links or holes, which are one owner's at a time, whether it reads
  /// or writes.
  static void window(const void* start, std::size_t size, Place at = Place::here()) noexcept {
    if (present != nullptr && present->holds(start)) touch(start, size, at);
  }

 private:
  [[nodiscard]] bool holds(const void* place) const {
    const auto* const byte = static_cast<const std::byte*>(place);
    return !std::less{}(byte, bytes_.data()) && std::less{}(byte, bytes_.data() + size_bytes);
  }

  inline static Memory* present = nullptr;  // the interleaving's that is tried just now

  static constexpr std::size_t size_bytes = 64;
  alignas(word_bytes) std::array<std::byte, size_bytes> bytes_;
  std::array<Ghost, size_bytes / word_bytes> words_;
};

}  // namespace mneme::model
