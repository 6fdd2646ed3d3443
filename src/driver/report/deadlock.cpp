// purpose: why nothing goes on.
// layer: report; includes deadlock.
// threads: as in the header.
// invariants: as in the header.
#include "deadlock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

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

// Which live blocks would have to go. The block that a resize is to replace cannot, as it is given
// back only after the move.
std::string explain_room_for(const Executor& executor, BlockId head) {
  const Oracle& oracle = executor.oracle();
  const Task& task = executor.requester_of(head);
  std::vector<Piece> pieces;
  for (const Gap gap : oracle.gaps()) pieces.push_back({gap});
  const auto add = [&](BlockId id, Piece::Kind kind) {
    pieces.push_back({{oracle.offset_of(id), oracle.size_of(id)}, kind, id});
  };
  for (const BlockId id : oracle.deferred_blocks()) add(id, Piece::Kind::free);
  for (const BlockId id : oracle.live_by_offset()) {
    add(id, task.moving && id == task.block ? Piece::Kind::stays : Piece::Kind::live);
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) { return piece.place.offset; });

  const auto window = cheapest_window(pieces, oracle.size_of(head), oracle.align_of(head));
  if (!window) {
    return fmt::format("  it cannot fit beside the {} bytes at {} that it is to replace\n",
                       oracle.size_of(task.block), oracle.offset_of(task.block) + word_bytes);
  }
  const std::vector<const Task*> owners = executor.first_owners();
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

}  // namespace

std::string deadlock_explanation(const Executor& executor) {
  const Oracle& oracle = executor.oracle();
  const BlockId head = oracle.queue().front();
  const Task& task = executor.requester_of(head);
  const std::size_t waiting = oracle.waiting();
  const std::size_t holes = oracle.gaps().size();
  std::string text = fmt::format(
      "deadlock: {} request{} wait{}, and nothing is left in the script that could grant {}\n"
      "  head of the queue: {} (line {}) needs {} bytes with its header, aligned to {}\n"
      "  largest hole: {} bytes; free: {} bytes in {} hole{}\n",
      waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "", waiting == 1 ? "it" : "them",
      task.name, task.asked_line, oracle.size_of(head), oracle.align_of(head),
      oracle.largest_bytes(), oracle.free_bytes(), holes, holes == 1 ? "" : "s");
  if (oracle.locked()) {
    text += fmt::format("  the heap is locked since line {}, and was never unlocked\n",
                        executor.lock_line());
  }
  return text + explain_room_for(executor, head);
}

}  // namespace mneme::driver
