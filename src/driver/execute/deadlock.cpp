// purpose: the explanation of a deadlock: what the head needs, and which blocks would have to go.
// layer: execute; includes executor.
// threads: one owner.
// invariants: names and offsets only; linear in the blocks and holes, but for a sort of them.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "executor.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t names_shown_max = 8;

struct Piece {
  enum class Kind : std::uint8_t { free, live, stays };
  Gap place;
  Kind kind{};
  BlockId id = 0;  // if live

  [[nodiscard]] std::size_t live_bytes() const { return kind == Kind::live ? place.size : 0; }
};

struct Window {
  std::size_t first = 0;
  std::size_t end = 0;
  std::size_t live_bytes = 0;
};

// The stretch of the region that would hold the block if the fewest bytes went: a window over the
// pieces, which grows at its end until the block fits, and then shrinks at its start.
std::optional<Window> cheapest_window(std::span<const Piece> pieces, std::size_t size,
                                      std::size_t align) {
  std::optional<Window> best;
  Window window;
  Gap stretch{};
  const auto fits = [&] { return Oracle::fits(stretch, size, align); };
  for (; window.first < pieces.size(); ++window.first) {
    if (window.end < window.first) {  // the piece before stays, and let nothing in
      window.end = window.first;
      window.live_bytes = 0;
      stretch.size = 0;
    }
    const Piece& first = pieces[window.first];
    stretch.offset = first.place.offset;
    while (!fits() && window.end < pieces.size() && pieces[window.end].kind != Piece::Kind::stays) {
      stretch.size += pieces[window.end].place.size;
      window.live_bytes += pieces[window.end].live_bytes();
      ++window.end;
    }
    if (fits() && (!best || window.live_bytes < best->live_bytes)) best = window;
    if (window.end == window.first) continue;
    stretch.size -= first.place.size;
    window.live_bytes -= first.live_bytes();
  }
  return best;
}

}  // namespace

void Executor::explain_deadlock() {
  const BlockId head = oracle_->queue().front();
  const Task& task = *by_block_[head];
  const std::size_t waiting = oracle_->waiting();
  const std::size_t holes = oracle_->gaps().size();
  std::string text = fmt::format(
      "deadlock: {} request{} wait{}, and nothing is left in the script that could grant {}\n"
      "  head of the queue: {} (line {}) needs {} bytes with its header, aligned to {}\n"
      "  largest hole: {} bytes; free: {} bytes in {} hole{}\n",
      waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "", waiting == 1 ? "it" : "them",
      task.name, task.asked_line, oracle_->size_of(head), oracle_->align_of(head),
      oracle_->largest_bytes(), oracle_->free_bytes(), holes, holes == 1 ? "" : "s");
  if (oracle_->locked()) {
    text += fmt::format("  the heap is locked since line {}, and was never unlocked\n", lock_line_);
  }
  text += explain_room_for(head);
  if (!options_.explain_apart) return output_.print("{}", text);
  output_.report(text);
}

// Which live blocks would have to go. The block that a resize is to replace cannot, as it is given
// back only after the move.
std::string Executor::explain_room_for(BlockId head) {
  const Task& task = *by_block_[head];
  std::vector<Piece> pieces;
  for (const Gap gap : oracle_->gaps()) pieces.push_back({gap});
  const auto add = [&](BlockId id, Piece::Kind kind) {
    pieces.push_back({{oracle_->offset_of(id), oracle_->size_of(id)}, kind, id});
  };
  for (const BlockId id : oracle_->deferred_blocks()) add(id, Piece::Kind::free);
  for (const BlockId id : oracle_->live_by_offset()) {
    add(id, task.moving && id == task.block ? Piece::Kind::stays : Piece::Kind::live);
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) { return piece.place.offset; });

  const auto window = cheapest_window(pieces, oracle_->size_of(head), oracle_->align_of(head));
  if (!window) {
    return fmt::format("  it cannot fit beside the {} bytes at {} that it is to replace\n",
                       oracle_->size_of(task.block), oracle_->offset_of(task.block) + word_bytes);
  }
  const std::vector<const Task*> owners = first_owners();
  std::vector<std::string> names;
  std::size_t count = 0;
  for (std::size_t at = window->first; at < window->end; ++at) {
    if (pieces[at].kind != Piece::Kind::live || ++count > names_shown_max) continue;
    const Task& owner = *owners[pieces[at].id];
    names.push_back(owner.name + (owner.moving ? " (waits itself)" : ""));
  }
  if (count == 0) return {};  // only the lock is in the way
  return fmt::format(
      "  it would fit if {} live block{} went ({} bytes): {}{}\n", count, count == 1 ? "" : "s",
      window->live_bytes, fmt::join(names, ", "),
      count == names.size() ? "" : fmt::format(", and {} more", count - names.size()));
}

// The oldest owner of each live block: not always who asked for it, as an arc has many.
std::vector<const Task*> Executor::first_owners() {
  std::vector<const Task*> owners(by_block_.size());
  names_.for_each([&](const Task& task) {
    if (!task.has_memory() && !task.moving) return;
    const Task*& owner = owners[task.block];
    if (owner == nullptr || task.generation < owner->generation) owner = &task;
  });
  return owners;
}

}  // namespace mneme::driver
