// purpose: lays out, saves and restores the arena of the world, and identifies its state.
// layer: explore; includes world.
// threads: one owner.
// invariants: everything that a step changes is in the arena, or is recomputed.
#include <algorithm>
#include <cstring>
#include <mneme/instrument.hpp>
#include <mneme/node.hpp>
#include <mneme/testing/watched.hpp>
#include <type_traits>

#include "world.hpp"

namespace mneme::driver {

namespace {

/// Allocates the parts of the arena; with a null base, only computes its size.
class Parts {
 public:
  explicit Parts(std::byte* base) : base_{base} {}

  template <class T>
  T* take(std::size_t count) {
    end_ = (end_ + alignof(T) - 1) / alignof(T) * alignof(T);
    const std::size_t at = end_;
    end_ += count * sizeof(T);
    T* first = nullptr;
    for (std::size_t each = 0; base_ != nullptr && each < count; ++each) {
      T* const object = node::begin_object<T>(base_ + at + each * sizeof(T));
      if (each == 0) first = object;
    }
    return first;
  }
  std::byte* take_bytes(std::size_t count, std::size_t align) {
    end_ = (end_ + align - 1) / align * align;
    const std::size_t at = end_;
    end_ += count;
    return base_ == nullptr ? nullptr : base_ + at;
  }
  [[nodiscard]] std::size_t bytes() const { return end_; }

 private:
  std::byte* base_;
  std::size_t end_ = 0;
};

constexpr std::size_t heap_alignment = std::max<std::size_t>(alignof(DriverHeap), 64);

}  // namespace

/// Of any request of the script.
std::size_t World::largest_align() const {
  std::size_t align = heap_alignment;
  for (const HeapSpec& heap : program_.heaps)
    align = std::max<std::size_t>(align, heap.align_bytes);
  const auto see = [&](const TaskProgram& task) {
    for (const ProgramStep& step : task.steps) {
      align = std::max<std::size_t>(align, step.align_bytes);
    }
  };
  see(program_.boot);
  std::ranges::for_each(program_.tasks, see);
  return align;
}

void World::lay_out() {
  std::size_t slots = 0;
  std::size_t loops = 0;
  const auto add = [&](const TaskProgram& program, std::string name, std::size_t index) {
    tasks_.push_back({.program = &program,
                      .name = std::move(name),
                      .program_index = static_cast<std::uint8_t>(index),
                      .is_endless = program.goes_on_forever(),
                      .slots = slots,
                      .loops = loops});
    slots += program.names.size();
    loops += program.loops;
  };
  for (std::size_t index = 0; index < program_.tasks.size(); ++index) {
    const TaskProgram& program = program_.tasks[index];
    for (std::size_t copy = 0; copy < program.copies; ++copy) {
      add(program, program.name_of(copy), index);
    }
  }
  add(program_.boot, "", tasks_.size());
  const std::size_t mail = lay_out_mail();
  twins_.resize(tasks_.size());
  const std::size_t count = tasks_.size();
  // The region comes first, so that it is aligned like the region of a run; so are the others, as
  // far as the script can tell.
  const std::size_t align = largest_align();
  const auto take_all = [&](std::byte* base) {
    Parts parts{base};
    arena_base_ = base;
    for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
      const std::size_t before = parts.bytes();
      const std::size_t bytes = heaps_[heap].region_bytes + program_.heaps[heap].extension_bytes;
      heaps_[heap].start = heap == 0 ? 0 : (before + align - 1) / align * align;
      (void)parts.take_bytes(bytes, heap == 0 ? 1 : align);
    }
    for (HeapPart& part : heaps_) part.place = parts.take_bytes(sizeof(DriverHeap), heap_alignment);
    request_places_ = parts.take_bytes(count * request_bytes(), alignof(std::max_align_t));
    head_ = parts.take<Head>(1);
    controls_ = parts.take<Control>(count);
    mail_counts_ = parts.take<std::uint64_t>(program_.mailboxes.size() + 1);
    semaphores_ = parts.take<std::uint64_t>(program_.semaphores.size() + 1);
    loops_ = parts.take<std::uint64_t>(loops + 1);
    slots_ = parts.take<HeldBlock>(slots + 1);
    mail_ = parts.take<HeldBlock>(mail + 1);
    for (HeapPart& part : heaps_) part.queued = parts.take<std::uint64_t>(1);
    for (HeapPart& part : heaps_) part.queue = parts.take<std::uint8_t>(count);
    for (HeapPart& part : heaps_) {
      if (!has_locks_) break;
      part.lock = parts.take<Lock>(1);
      part.deferred = parts.take<HeldBlock>(slots + mail);
    }
    return parts.bytes();
  };
  arena_bytes_ = take_all(nullptr);
  arena_.emplace(arena_bytes_, Region::Place::fixed);
  (void)take_all(arena_->bytes().data());
  requests_.resize(count);
  lock_requests_.resize(count);
}

/// How many blocks all mailboxes hold.
std::size_t World::lay_out_mail() {
  std::size_t mail = 0;
  for (const MailboxSpec& mailbox : program_.mailboxes) {
    mailbox_starts_.push_back(mail);
    mail += mailbox.capacity;
  }
  return mail;
}

/// Any of them may be in a state that another process has made.
void World::place_requests() {
  for (std::size_t task = 0; task < requests_.size(); ++task) {
    const std::byte* const place = request_places_ + task * request_bytes();
    requests_[task] = node::object_at<HeapRequest>(place);
    lock_requests_[task] = node::object_at<HeapLockRequest>(place);
  }
}

void World::make_heaps() {
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    HeapPart& part = heaps_[heap];
    AnyRaw::select(options_.heaps[heap].raw_row, options_.heaps[heap].raw_arguments);
    AnyQueue::select(options_.heaps[heap].queue);
    part.heap = node::begin_object<DriverHeap>(
        part.place, arena_->bytes().subspan(part.start, part.region_bytes));
    *part.queued = 0;
    if (part.lock != nullptr) *part.lock = {};
  }
  *head_ = {};
  head_->try_growth = no_growth;
  for (std::size_t at = 0; at < program_.semaphores.size(); ++at) {
    semaphores_[at] = program_.semaphores[at].start;
  }
}

/// Cancels and frees everything, with the library's own calls.
void World::take_apart() {
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    for (const std::uint8_t task : queue(heap)) cancel_request(task);
    *heaps_[heap].queued = 0;
  }
  for (const TaskInstance& task : tasks_) {
    for (std::size_t name = 0; name < task.program->names.size(); ++name) {
      HeldBlock& block = slots_[task.slots + name];
      if (block.offset != 0) free_block(block);
    }
  }
  for (std::size_t box = 0; box < program_.mailboxes.size(); ++box) {
    for (std::size_t at = 0; at < mail_counts_[box]; ++at) {
      free_block(mail_[mailbox_starts_[box] + at]);
    }
    mail_counts_[box] = 0;
  }
  for (HeapPart& part : heaps_) {
    if (is_locked(part)) unlock(part);
  }
}

void World::restart() {
  if (can_copy_) return load(booted_.data());
  take_apart();
  for (const HeapPart& part : heaps_) part.heap->~DriverHeap();
  for (const auto& task : tasks_) {
    std::fill_n(loops_ + task.loops, task.program->loops, std::uint64_t{0});
  }
  make_heaps();
  run_boot();
  for (const Move move : before_) (void)step(move);
}

void World::begin_after(const Path& steps) {
  before_ = steps;
  if (can_copy_) save(booted_.data());
}

// AddressSanitizer and Valgrind cannot follow copies of the arena, so it is unpoisoned entirely.
void World::save(std::byte* to) const {
  open_to_tools();
  std::memcpy(to, arena_->bytes().data(), arena_bytes_);
}

void World::load(const std::byte* from) {
  open_to_tools();
  std::memcpy(arena_->bytes().data(), from, arena_bytes_);
}

void World::open_to_tools() const {
  instrument::mark_undefined(arena_->bytes().data(), arena_bytes_);
  instrument::mark_initialised(arena_->bytes().data(), arena_bytes_);
}

std::span<const std::byte> World::identity() {
  identity_bytes_ = 0;
  for (std::size_t first = 0; first + 1 < tasks_.size();) {
    const std::size_t copies = tasks_[first].program->copies;
    const std::size_t start = identity_bytes_;
    for (std::size_t task = first; task < first + copies; ++task) {
      twins_[task] = task;
      put_task(task);
    }
    if (copies > 1) sort_copies(first, copies, start);
    first += copies;
  }
  put(semaphores_, program_.semaphores.size() * sizeof *semaphores_);
  for (std::size_t box = 0; box < program_.mailboxes.size(); ++box) {
    put(mail_counts_[box]);
    for (const HeldBlock& block : mailbox(box)) {
      put_block(block);
    }
  }
  for (std::size_t heap = 0; heap < heaps_.size(); ++heap) {
    if (program_.heaps[heap].extension_bytes > 0) put(grown_bytes(heap));
  }
  if (has_locks_) std::ranges::for_each(heaps_, [&](const HeapPart& part) { put_deferred(part); });
  put_raw_heap();
  return std::span(identity_).first(identity_bytes_);
}

void World::sort_copies(std::size_t first, std::size_t copies, std::size_t start) {
  const std::size_t each = (identity_bytes_ - start) / copies;
  const std::byte* const bytes = identity_.data() + start;
  const auto compare = [&](std::size_t a, std::size_t b) {
    return std::memcmp(bytes + a * each, bytes + b * each, each);
  };
  order_.resize(copies);
  for (std::size_t at = 0; at < copies; ++at) {
    order_[at] = at;
    for (std::size_t other = 0; other < at && twins_[first + at] == first + at; ++other) {
      if (compare(at, other) == 0) twins_[first + at] = first + other;
    }
  }
  std::ranges::sort(order_, [&](std::size_t a, std::size_t b) { return compare(a, b) < 0; });
  sorted_.clear();
  for (const std::size_t at : order_) {
    sorted_.insert(sorted_.end(), bytes + at * each, bytes + (at + 1) * each);
  }
  std::ranges::copy(sorted_, identity_.begin() + static_cast<std::ptrdiff_t>(start));
}

/// Appends the position of a task, its place in the queue, and its blocks.
void World::put_task(std::size_t task) {
  const Control& at = control(task);
  std::uint8_t place = 0;
  if (at.state == TaskState::waiting) {
    const std::uint8_t* const queue = part_of(task).queue;
    while (queue[place] != task) ++place;
    ++place;
  }
  put(static_cast<std::uint16_t>(at.at));
  put(place);
  put(at.choice);
  if (has_overtaking_) put(at.rank);
  if (options_.switches == Switches::waits) put(head_->current == task);
  const TaskProgram& program = *tasks_[task].program;
  put(loops_ + tasks_[task].loops, program.loops * sizeof *loops_);
  for (std::size_t name = 0; name < program.names.size(); ++name) {
    const HeldBlock& block = held(task, name);
    put_block(block);
  }
}

/// A block is identified by its offset, and its size matters when it is freed or resized.
void World::put_block(const HeldBlock& block) {
  if (block_identity_ == BlockIdentity::place) {
    put(block.offset);
    return put(block.size_bytes);
  }
  if (block_identity_ == BlockIdentity::presence) return put(block.offset != 0);
  // As many bytes in a heap that counts as in one that does not: a name can hold blocks of both.
  const HeapPart& part = heaps_[heap_of(block)];
  const bool is_counted = part.counts_blocks && block.offset != 0;
  put(static_cast<std::uint32_t>(is_counted ? part.start + 1 : block.offset));
  put(is_counted && block_identity_ != BlockIdentity::sized ? 0 : block.size_bytes);
}

/// Whether a heap is locked follows from where its tasks are.
void World::put_deferred(const HeapPart& part) {
  put(part.lock->deferred);
  for (std::uint32_t at = 0; !part.counts_blocks && at < part.lock->deferred; ++at) {
    put(part.deferred[at].offset);
    put(part.deferred[at].size_bytes);
  }
}

/// First fit and best fit depend on the places of blocks alone, and all slots of a pool are alike.
/// The bounded heap also has lists and trees of its holes, whose order does not follow from these
/// places.
void World::put_raw_heap() {
  const auto put_holes = [&](const Bounded& raw) {
    testing::put_bounded(raw, [&](const void* from, std::size_t bytes) { put(from, bytes); });
  };
  // Where no block has a place, it matters what did not fit, and how much a reclaim brings.
  const auto put_any = [&](const HeapPart& part, const AnyPlacement& raw) {
    put(raw.least_failed());
    std::size_t bytes = 0;
    for (std::uint32_t at = 0; part.lock != nullptr && at < part.lock->deferred; ++at) {
      bytes += block_bytes(part.deferred[at].size_bytes);
    }
    put(bytes);
  };
  for (const HeapPart& part : heaps_) {
    part.heap->raw().visit([&]<class Raw>(const Raw& raw) {
      if constexpr (std::is_same_v<Raw, AnyPlacement>) put_any(part, raw);
      if (part.counts_blocks) return;
      if constexpr (std::is_same_v<Raw, Bounded>) put_holes(raw);
      if constexpr (std::is_same_v<Raw, ChainRow>) put_holes(raw.second());
    });
  }
}

}  // namespace mneme::driver
