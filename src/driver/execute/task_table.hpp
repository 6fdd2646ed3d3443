// purpose: maps the names of a script to tasks, in memory bounded by the number of live tasks.
// layer: execute; includes task.
// threads: one owner.
// invariants: a task has a fixed address; finished names are remembered up to a fixed number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "task.hpp"

namespace mneme::driver {

/// How many finished names are remembered for `expect`.
inline constexpr std::size_t finished_names_max = 4096;

/// A name and its hash, which a step computes once for all its look-ups.
class NameKey {
 public:
  explicit NameKey(std::string_view name) : name_{name}, hash_{name.size()} {
    const char* at = name.data();
    std::size_t left = name.size();
    for (; left > 8; left -= 8, at += 8) mix(load<std::uint64_t>(at));
    mix(last_bytes(at, left));
  }

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  template <class Word>
  [[nodiscard]] static std::uint64_t load(const char* at) {
    Word word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  /// Up to eight bytes; some of them may be loaded twice.
  [[nodiscard]] static std::uint64_t last_bytes(const char* at, std::size_t size) {
    if (size >= 4) {
      return load<std::uint32_t>(at) | load<std::uint32_t>(at + size - 4) << 32U;
    }
    if (size == 0) return 0;
    return load<std::uint8_t>(at) | load<std::uint8_t>(at + size / 2) << 8U |
           load<std::uint8_t>(at + size - 1) << 16U;
  }
  /// Both halves of a product: each bit of the word changes bits all over the hash.
  void mix(std::uint64_t word) {
    constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;
    const auto product = static_cast<unsigned __int128>(hash_ ^ word) * factor;
    hash_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  }

  std::string_view name_;
  std::uint64_t hash_;
};

/// A hash table of tasks by name, with open addressing and linear probing, which only allocates to
/// grow. Each step looks up a name: std::unordered_map took a sixth of the instructions of a run.
class TaskTable {
 public:
  [[nodiscard]] Task* find(const NameKey& key) const {
    for (std::size_t at = home(key.hash()); slots_[at].task != nullptr; at = behind(at)) {
      if (slots_[at].hash == key.hash() && slots_[at].task->name == key.name()) {
        return slots_[at].task;
      }
    }
    return nullptr;
  }
  /// The name must be new, and that of the task.
  void add(Task& task, const NameKey& key) {
    task.name_hash = key.hash();
    if (++count_ * 2 > mask_) grow();
    put({task.name_hash, &task});
  }
  void remove(const Task& task) {
    --count_;
    std::size_t hole = home(task.name_hash);
    while (slots_[hole].task != &task) hole = behind(hole);
    // Entries after the hole move back, but not to before their own home slots.
    for (std::size_t at = behind(hole); slots_[at].task != nullptr; at = behind(at)) {
      if (distance(home(slots_[at].hash), at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
  }
  template <class F>
  void for_each(F each) const {
    for (const Slot& slot : slots_) {
      if (slot.task != nullptr) each(*slot.task);
    }
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    Task* task = nullptr;
  };

  [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & mask_; }
  [[nodiscard]] std::size_t behind(std::size_t at) const { return home(at + 1); }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
    return home(to - from);
  }
  void put(Slot slot) {
    std::size_t at = home(slot.hash);
    while (slots_[at].task != nullptr) at = behind(at);
    slots_[at] = slot;
  }
  void grow() {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.task != nullptr) put(slot);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half of them used
  std::size_t mask_ = slots_.size() - 1;
  std::size_t count_ = 0;
};

class Names {
 public:
  /// The task of a name, or nullptr. O(1).
  [[nodiscard]] Task* find(const NameKey& name) const { return tasks_.find(name); }

  /// A task for a new name, or for one that is finished. O(1).
  [[nodiscard]] Task& begin(const NameKey& name, Task* finished) {
    Task& task = finished != nullptr ? *finished : add(name);
    task.generation = ++generations_;
    return task;
  }

  /// Marks a task as finished: it is forgotten after finished_names_max others have finished.
  void retire(Task& task) {
    if (retired_.size() < finished_names_max) return retired_.push_back({&task, task.generation});
    const auto [oldest, generation] =
        std::exchange(retired_[oldest_retired_], {&task, task.generation});
    oldest_retired_ = (oldest_retired_ + 1) % finished_names_max;
    if (oldest->generation == generation) remove(*oldest);
  }

  template <class F>
  void for_each(F each) const {
    tasks_.for_each(each);
  }

 private:
  struct Retired {
    Task* task;
    std::uint64_t generation;
  };

  Task& add(const NameKey& key) {
    if (spare_.empty()) {
      store_.push_back(std::make_unique<Task>());
      spare_.push_back(store_.back().get());
    }
    Task& task = *spare_.back();
    spare_.pop_back();
    task.name.resize(key.name().size());
    std::ranges::copy(key.name(), task.name.begin());
    tasks_.add(task, key);
    return task;
  }
  void remove(Task& task) {
    tasks_.remove(task);
    task.generation = 0;
    spare_.push_back(&task);
  }

  TaskTable tasks_;
  std::vector<std::unique_ptr<Task>> store_;
  std::vector<Task*> spare_;
  std::vector<Retired> retired_;  // a ring, once it is full
  std::size_t oldest_retired_ = 0;
  std::uint64_t generations_ = 0;
};

}  // namespace mneme::driver
