// purpose: finds possible changes, and applies them to a program.
// layer: explore; includes mend.
// threads: pure functions.
// invariants: jumps keep their targets when steps are inserted or erased.
#include "mend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace mneme::driver {

namespace {

/// Adjusts the jumps of a task after steps were inserted or erased.
void shift_jumps(TaskProgram& task, std::size_t at, std::ptrdiff_t by) {
  const auto shift = [&](std::size_t& place) {
    if (place > at) place += static_cast<std::size_t>(by);
  };
  for (ProgramStep& each : task.steps) {
    shift(each.jump);
    std::ranges::for_each(each.branches, shift);
  }
}

bool is_block_edge(const ProgramStep& step) {
  return step.kind == OpKind::repeat || step.kind == OpKind::end || step.kind == OpKind::choose ||
         step.kind == OpKind::or_else;
}

void insert_step(TaskProgram& task, std::size_t at, ProgramStep step) {
  shift_jumps(task, at, 1);
  task.steps.insert(task.steps.begin() + static_cast<std::ptrdiff_t>(at), std::move(step));
}

void erase_step(TaskProgram& task, std::size_t at) {
  shift_jumps(task, at, -1);
  task.steps.erase(task.steps.begin() + static_cast<std::ptrdiff_t>(at));
}

void move_step(TaskProgram& task, std::size_t from, std::size_t to) {
  const auto at = [&](std::size_t index) {
    return task.steps.begin() + static_cast<std::ptrdiff_t>(index);
  };
  if (from < to) std::rotate(at(from), at(from + 1), at(to + 1));
  if (to < from) std::rotate(at(to), at(from), at(from + 1));
}

std::size_t add_semaphore(Program& program, std::string name, std::uint64_t start) {
  program.semaphores.push_back({std::move(name), start});
  return program.semaphores.size() - 1;
}

ProgramStep semaphore_step(OpKind kind, const Program& program, std::size_t semaphore,
                           std::uint64_t line) {
  ProgramStep step;
  step.kind = kind;
  step.object = semaphore;
  step.line = line;
  step.text = (kind == OpKind::wait ? "wait " : "signal ") + program.semaphores[semaphore].name;
  return step;
}

/// The steps of a task's work: all, or the body of its endless loop.
struct Extent {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Extent working_steps(const TaskProgram& task) {
  for (std::size_t at = 0; at < task.steps.size(); ++at) {
    const ProgramStep& step = task.steps[at];
    if (step.kind == OpKind::repeat && step.count == forever) return {at + 1, step.jump - 1};
  }
  return {0, task.steps.size()};
}

bool waits_for_memory(const TaskProgram& task) {
  return std::ranges::any_of(task.steps, [](const ProgramStep& step) {
    return step.waits_for_memory() || step.kind == OpKind::lock;
  });
}

void limit_tasks(Program& program, const std::vector<std::size_t>& members, std::size_t most) {
  const std::size_t semaphore = add_semaphore(program, "turns", most);
  for (const std::size_t index : members) {
    TaskProgram& task = program.tasks[index];
    const Extent extent = working_steps(task);
    insert_step(task, extent.end, semaphore_step(OpKind::signal, program, semaphore, 0));
    insert_step(task, extent.begin, semaphore_step(OpKind::wait, program, semaphore, 0));
  }
}

class Structure {
 public:
  explicit Structure(const Program& program) : program_{program} {}

  [[nodiscard]] std::vector<Alternatives> mends() {
    add_fewer_tasks();
    for (std::size_t box = 0; box < program_.mailboxes.size(); ++box) add_fewer_blocks(box);
    for (std::size_t index = 0; index < program_.tasks.size(); ++index) add_merges(index);
    return std::move(mends_);
  }

 private:
  static constexpr std::size_t pairs_of = 6;
  static constexpr std::size_t blocks_max = 8;

  void add_fewer_tasks() {
    std::vector<std::size_t> all;
    for (std::size_t index = 0; index < program_.tasks.size(); ++index) {
      if (waits_for_memory(program_.tasks[index])) all.push_back(index);
    }
    for (const std::size_t index : all) {
      const TaskProgram& task = program_.tasks[index];
      if (task.copies < 2) continue;
      add_limits({index}, fmt::format("{} to {}", task.name_of(0), task.name_of(task.copies - 1)));
    }
    if (all.size() < 2) return;
    add_limits(all, "all tasks");
    if (all.size() < 3 || all.size() > pairs_of) return;
    for (std::size_t one = 0; one < all.size(); ++one) {
      for (std::size_t two = one + 1; two < all.size(); ++two) {
        add_limits({all[one], all[two]}, fmt::format("{} and {}", program_.tasks[all[one]].name,
                                                     program_.tasks[all[two]].name));
      }
    }
  }

  void add_limits(const std::vector<std::size_t>& members, const std::string& whom) {
    std::size_t count = 0;
    for (const std::size_t index : members) count += program_.tasks[index].copies;
    Alternatives& alternatives = mends_.emplace_back();
    for (std::size_t most = count - 1; most > 0; --most) {
      alternatives.push_back(
          {.kind = MendKind::fewer_tasks,
           .text = fmt::format("at most {} of {} at a time", most, whom),
           .apply = [members, most](Program& program) { limit_tasks(program, members, most); }});
    }
  }

  /// A credit for each block: taken before the request, returned after the free.
  void add_fewer_blocks(std::size_t box) {
    const MailboxSpec& mailbox = program_.mailboxes[box];
    Alternatives& smaller = mends_.emplace_back();
    for (std::size_t room = mailbox.capacity - 1; room > 0; --room) {
      smaller.push_back(
          {.kind = MendKind::smaller_box,
           .text = fmt::format("mailbox {} {}", mailbox.name, room),
           .apply = [box, room](Program& program) { program.mailboxes[box].capacity = room; }});
    }
    std::size_t in_flight = mailbox.capacity;
    for (const TaskProgram& task : program_.tasks) {
      const bool takes_part = std::ranges::any_of(task.steps, [&](const ProgramStep& step) {
        return (step.kind == OpKind::send || step.kind == OpKind::receive) && step.object == box;
      });
      if (takes_part) in_flight += task.copies;
    }
    Program copy = program_;
    if (!limit_blocks(copy, box, 1)) return;
    Alternatives& credits = mends_.emplace_back();
    for (std::size_t most = std::min(in_flight - 1, blocks_max); most > 0; --most) {
      credits.push_back(
          {.kind = MendKind::fewer_blocks,
           .text =
               fmt::format("at most {} block{} on the way through mailbox {} at a time (credits)",
                           most, most == 1 ? "" : "s", mailbox.name),
           .apply = [box, most](Program& program) { (void)limit_blocks(program, box, most); }});
    }
  }

  /// Returns false if it is unclear where a block is requested or freed.
  static bool limit_blocks(Program& program, std::size_t box, std::size_t most) {
    const std::size_t semaphore = add_semaphore(program, "credits", most);
    bool has_sender = false;
    bool has_receiver = false;
    for (TaskProgram& task : program.tasks) {
      for (std::size_t at = task.steps.size(); at-- > 0;) {
        const ProgramStep step = task.steps[at];
        if (step.object != box) continue;
        if (step.kind == OpKind::send) {
          const auto request = find_step(task, at, OpKind::alloc, step.name, -1);
          if (!request) return false;
          insert_step(task, *request, semaphore_step(OpKind::wait, program, semaphore, step.line));
          has_sender = true;
        } else if (step.kind == OpKind::receive) {
          const auto end = find_step(task, at, OpKind::free, step.name, 1);
          if (!end) return false;
          insert_step(task, *end + 1,
                      semaphore_step(OpKind::signal, program, semaphore, step.line));
          has_receiver = true;
        }
      }
    }
    return has_sender && has_receiver;
  }

  /// The next step on a name in this direction, if it has this kind and is in the same block.
  static std::optional<std::size_t> find_step(const TaskProgram& task, std::size_t from,
                                              OpKind kind, std::size_t name, int direction) {
    const auto names_it = [&](const ProgramStep& step) {
      return step.name == name && (step.kind == OpKind::alloc || step.kind == OpKind::free ||
                                   step.kind == OpKind::send || step.kind == OpKind::receive ||
                                   step.kind == OpKind::resize);
    };
    for (auto at = static_cast<std::ptrdiff_t>(from) + direction;
         at >= 0 && at < std::ssize(task.steps); at += direction) {
      const ProgramStep& step = task.steps[static_cast<std::size_t>(at)];
      if (is_block_edge(step)) return std::nullopt;
      if (names_it(step)) {
        return step.kind == kind ? std::optional(static_cast<std::size_t>(at)) : std::nullopt;
      }
    }
    return std::nullopt;
  }

  /// Merges two requests whose memory is freed in the same block of steps.
  void add_merges(std::size_t index) {
    const TaskProgram& task = program_.tasks[index];
    if (task.is_isr) return;
    for (std::size_t one = 0; one < task.steps.size(); ++one) {
      const ProgramStep& first = task.steps[one];
      const auto first_free = freed_at(task, one);
      if (!first_free) continue;
      for (std::size_t two = one + 1; two < task.steps.size(); ++two) {
        const ProgramStep& second = task.steps[two];
        if (is_block_edge(second)) break;
        const auto second_free = freed_at(task, two);
        if (!second_free || first.heap != second.heap) continue;
        const std::uint64_t align = std::max(first.align_bytes, second.align_bytes);
        const std::uint64_t offset =
            (first.size_bytes + second.align_bytes - 1) & ~(second.align_bytes - std::uint64_t{1});
        const std::uint64_t size = offset + second.size_bytes;
        const std::size_t last = std::max(*first_free, *second_free);
        const std::size_t early = std::min(*first_free, *second_free);
        mends_.push_back(
            {{.kind = MendKind::merge,
              .text = fmt::format("{}: one request of {} for {} and {}", task.name, size,
                                  task.names[first.name], task.names[second.name]),
              .apply = [=](Program& program) {
                TaskProgram& changed = program.tasks[index];
                changed.steps[one].size_bytes = size;
                changed.steps[one].align_bytes = align;
                changed.steps[last].name = changed.steps[one].name;
                erase_step(changed, std::max(early, two));
                erase_step(changed, std::min(early, two));
              }}});
      }
    }
  }

  static std::optional<std::size_t> freed_at(const TaskProgram& task, std::size_t request) {
    const ProgramStep& step = task.steps[request];
    const bool is_plain = step.kind == OpKind::alloc && step.made_as == OpKind::alloc &&
                          step.sizes.empty() && step.waits_for_memory() && !step.can_time_out;
    if (!is_plain) return std::nullopt;
    return find_step(task, request, OpKind::free, step.name, 1);
  }

  const Program& program_;
  std::vector<Alternatives> mends_;
};

/// Whether exchanging two steps of a task would change their meaning, whatever other tasks do.
bool depend(const ProgramStep& one, const ProgramStep& two) {
  const auto name_of = [](const ProgramStep& step) -> std::optional<std::size_t> {
    const bool has_name = step.kind == OpKind::alloc || step.kind == OpKind::free ||
                          step.kind == OpKind::send || step.kind == OpKind::receive ||
                          step.kind == OpKind::push;
    return has_name ? std::optional(step.name) : std::nullopt;
  };
  const auto object_of = [](const ProgramStep& step) -> std::optional<std::size_t> {
    if (step.kind == OpKind::signal || step.kind == OpKind::wait) return 2 * step.object;
    if (step.kind == OpKind::send || step.kind == OpKind::receive) return 2 * step.object + 1;
    return std::nullopt;
  };
  const auto needs_lock = [](const ProgramStep& step) {
    return step.kind == OpKind::lock || step.kind == OpKind::unlock || step.by_guard;
  };
  if (needs_lock(one) && needs_lock(two) && one.heap == two.heap) return true;
  return (name_of(one) && name_of(one) == name_of(two)) ||
         (object_of(one) && object_of(one) == object_of(two));
}

/// Whether a step cannot move, and no other step can move past it.
bool is_fixed(const ProgramStep& step) {
  return is_block_edge(step) || step.is_glued || step.kind == OpKind::yield ||
         step.kind == OpKind::clone || step.kind == OpKind::extend || step.kind == OpKind::resize;
}

/// The kind of moving the step at `from` to `to`, if that is allowed.
std::optional<MendKind> kind_of_move(const TaskProgram& task, std::size_t from, std::size_t to) {
  const ProgramStep& step = task.steps[from];
  if (is_fixed(step)) return std::nullopt;
  const std::size_t behind = std::max(from, to) + 1;
  if (behind < task.steps.size() && task.steps[behind].is_glued) return std::nullopt;
  bool frees_earlier = false;
  bool has_request = step.kind == OpKind::alloc;
  const std::size_t first = std::min(from, to);
  for (std::size_t at = first; at <= std::max(from, to); ++at) {
    const ProgramStep& other = task.steps[at];
    if (at == from) continue;
    if (is_fixed(other) || depend(step, other)) return std::nullopt;
    has_request = has_request || other.kind == OpKind::alloc;
    const bool is_behind = at > from;
    frees_earlier = frees_earlier ||
                    (!is_behind && step.kind == OpKind::free && other.kind == OpKind::alloc) ||
                    (is_behind && step.kind == OpKind::alloc && other.kind == OpKind::free);
  }
  if (!has_request) return std::nullopt;
  return frees_earlier ? MendKind::earlier_frees : MendKind::order;
}

std::string text_of_move(const TaskProgram& task, std::size_t from, std::size_t to, MendKind kind) {
  const ProgramStep& step = task.steps[from];
  const ProgramStep& other = task.steps[to];
  return fmt::format("{}: '{}' {} '{}'{}", task.name, step.text, to < from ? "before" : "after",
                     other.text,
                     kind == MendKind::earlier_frees ? " (if it can be freed earlier)" : "");
}

}  // namespace

std::vector<Alternatives> structural_mends(const Program& program) {
  return Structure{program}.mends();
}

std::vector<Alternatives> reorderings(const Program& program, std::size_t max) {
  std::vector<Alternatives> moves;
  std::size_t longest = 0;
  for (const TaskProgram& task : program.tasks) longest = std::max(longest, task.steps.size());
  for (std::size_t distance = 1; distance < longest; ++distance) {
    for (std::size_t index = 0; index < program.tasks.size(); ++index) {
      const TaskProgram& task = program.tasks[index];
      if (task.is_isr) continue;
      const auto add = [&](std::size_t from, std::size_t to) {
        const auto kind = kind_of_move(task, from, to);
        if (!kind || moves.size() == max) return;
        moves.push_back(
            {{.kind = *kind,
              .text = text_of_move(task, from, to, *kind),
              .apply = [=](Program& changed) { move_step(changed.tasks[index], from, to); }}});
      };
      for (std::size_t low = 0; low + distance < task.steps.size(); ++low) {
        add(low + distance, low);
        if (distance > 1) add(low, low + distance);  // for neighbours, both moves are the same
      }
    }
    if (moves.size() == max) break;
  }
  return moves;
}

}  // namespace mneme::driver
