// purpose: finds the part of the region that is cheapest to free.
// layer: report; includes room.
// threads: as in the header.
// invariants: as in the header.
#include "room.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

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

struct PieceRange {
  std::size_t first = 0;
  std::size_t end = 0;
  std::size_t live_bytes = 0;
};

// The part of the region that would hold the block if the fewest bytes were freed: a window over
// the pieces, which grows at its end until the block fits, and then shrinks at its start.
std::optional<PieceRange> cheapest_window(std::span<const Piece> pieces, std::size_t size,
                                          std::size_t align) {
  std::optional<PieceRange> best;
  PieceRange window;
  Gap stretch{};
  const auto fits = [&] { return Oracle::fits(stretch, size, align); };
  for (; window.first < pieces.size(); ++window.first) {
    if (window.end < window.first) {  // no window contains the previous piece, which stays
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

std::vector<Piece> pieces_around(const Executor& executor, std::size_t heap, const Task& task) {
  const Oracle& oracle = executor.oracle(heap);
  std::vector<Piece> pieces;
  // No block reaches from one part of the memory into the next.
  for (const Gap part : oracle.parts()) pieces.push_back({{part.offset, 0}, Piece::Kind::stays});
  for (const Gap gap : oracle.gaps()) pieces.push_back({gap});
  const auto add = [&](BlockId id, Piece::Kind kind) {
    pieces.push_back({{oracle.offset_of(id), oracle.size_of(id)}, kind, id});
  };
  for (const BlockId id : oracle.deferred_blocks()) add(id, Piece::Kind::free);
  for (const BlockId id : oracle.live_by_offset()) {
    add(id, task.moving && id == task.block ? Piece::Kind::stays : Piece::Kind::live);
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) {
    return std::pair(piece.place.offset, piece.place.size);
  });
  return pieces;
}

}  // namespace

std::optional<BlocksInTheWay> blocks_in_the_way(const Executor& executor, std::size_t heap,
                                                BlockId waiting) {
  const Oracle& oracle = executor.oracle(heap);
  const std::vector<Piece> pieces =
      pieces_around(executor, heap, executor.requester_of(heap, waiting));
  const auto window = cheapest_window(pieces, oracle.size_of(waiting), oracle.align_of(waiting));
  if (!window) return std::nullopt;
  const std::vector<const Task*> owners = executor.first_owners(heap);
  BlocksInTheWay found;
  found.bytes = window->live_bytes;
  for (std::size_t at = window->first; at < window->end; ++at) {
    if (pieces[at].kind != Piece::Kind::live || ++found.blocks > names_shown_max) continue;
    // A block that was granted but not taken yet has no owner except its requester.
    const Task* const first = owners[pieces[at].id];
    const Task& owner = first == nullptr ? executor.requester_of(heap, pieces[at].id) : *first;
    found.names.push_back(owner.name + (owner.moving ? " (also waits)" : ""));
  }
  return found;
}

std::string in_words(const BlocksInTheWay& blocks) {
  return fmt::format("{} live block{} freed ({} bytes): {}{}", blocks.blocks,
                     blocks.blocks == 1 ? " was" : "s were", blocks.bytes,
                     fmt::join(blocks.names, ", "),
                     blocks.blocks == blocks.names.size()
                         ? ""
                         : fmt::format(", and {} more", blocks.blocks - blocks.names.size()));
}

}  // namespace mneme::driver
