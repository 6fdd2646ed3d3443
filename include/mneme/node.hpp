// purpose: the header of a block: what a live and what a freed block hold in the same bytes.
// layer: L1; includes L0.
// threads: a header belongs to its block's owner; a FreedNode to the thread that drained it.
// invariants: P10 (one word before the payload, blocks of two words or more), P12 (tags).
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "check.hpp"
#include "instrument.hpp"
#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

namespace node {

/// Checked builds use the addresses [heap, heap + tag_space) as tags.
inline constexpr std::size_t tag_space = 64;
inline constexpr std::size_t freed_tag = tag_space - 1;

/// The header of a live block: the address of its heap. Checked builds add a tag of 1 to 61, a
/// function of the block's size, so that a wrong size is detected at the free without a second
/// word. A freed block has `freed_tag`.
struct LiveNode {
  const std::byte* tagged_heap;
};

/// A block in the free queue: the link, and the size to return it with. Checked builds tag the
/// size's lowest bit, which distinguishes a second free from a smashed header.
struct FreedNode {
  FreedNode* link;
  std::size_t tagged_size;

  [[nodiscard]] std::size_t size_bytes() const noexcept { return tagged_size & ~std::size_t{1}; }
};

/// Both share their bytes. The union is never accessed as one (a wrong member would be silent):
/// each state begins with a placement new of its own type.
union Node {
  LiveNode live;
  FreedNode freed;
};

static_assert(sizeof(LiveNode) == word_bytes, "the overhead is one word");
static_assert(sizeof(Node) == 2 * word_bytes, "the smallest node is two words");
static_assert(alignof(Node) == word_bytes);

/// The tag for a block of `size` bytes: 0 in unchecked builds.
[[nodiscard]] constexpr std::size_t size_tag(std::size_t size) noexcept {
  return checks_enabled ? 1 + (size / word_bytes) % 61 : 0;
}

[[nodiscard]] inline std::byte* block_of(void* payload) noexcept {
  return static_cast<std::byte*>(payload) - sizeof(LiveNode);
}

/// Turns a raw block into a live one for a payload of `payload_size` bytes and returns the payload.
[[nodiscard]] inline void* make_live(std::byte* block, std::size_t block_size,
                                     std::size_t payload_size, const void* heap) noexcept {
  std::byte* const payload = block + sizeof(LiveNode);
  ::new (static_cast<void*>(block))
      LiveNode{static_cast<const std::byte*>(heap) + size_tag(block_size)};
  instrument::poison_header(block, sizeof(LiveNode));
  instrument::poison_free(payload, block_size - sizeof(LiveNode));
  instrument::on_malloc(payload, payload_size);
  instrument::mark_undefined(payload, payload_size);
  return payload;
}

/// The word before a payload. It may belong to a FreedNode, so it is read as bytes.
[[nodiscard]] inline const std::byte* read_tagged_heap(const std::byte* block) noexcept {
  const instrument::ScopedUnpoison window(block, sizeof(LiveNode));
  const std::byte* home = nullptr;
  __builtin_memcpy(static_cast<void*>(&home), block, sizeof(LiveNode));
  instrument::mark_initialised(static_cast<const void*>(&home), word_bytes);
  return home;
}

/// Ends a live block that goes back to the raw heap at once.
inline void end_live(std::byte* block, std::size_t block_size, const void* heap) noexcept {
  instrument::on_free(block + sizeof(LiveNode));
  instrument::mark_undefined(block, block_size);
  if constexpr (checks_enabled) {
    ::new (static_cast<void*>(block)) LiveNode{static_cast<const std::byte*>(heap) + freed_tag};
  }
}

/// Turns a live block into a FreedNode for the free queue and poisons the rest of it. The queue
/// poisons the node itself when it sets the link.
[[nodiscard]] inline FreedNode* make_freed(std::byte* block, std::size_t block_size) noexcept {
  instrument::on_free(block + sizeof(LiveNode));
  instrument::mark_undefined(block, block_size);
  auto* const freed = ::new (static_cast<void*>(block))
      FreedNode{nullptr, block_size | static_cast<std::size_t>(checks_enabled ? 1 : 0)};
  instrument::poison_free(block + sizeof(FreedNode), block_size - sizeof(FreedNode));
  return freed;
}

/// Returns a copy of the node.
[[nodiscard]] inline FreedNode load_freed(const FreedNode* freed) noexcept {
  const instrument::ScopedUnpoison window(freed, sizeof *freed);
  return *freed;
}

/// The block that holds a FreedNode.
[[nodiscard]] inline std::byte* block_of_freed(FreedNode* freed) noexcept {
  return reinterpret_cast<std::byte*>(freed);
}

/// Whether the bytes at `block` look like a FreedNode of a heap of `capacity` bytes. A heuristic,
/// for messages.
[[nodiscard]] inline bool looks_freed(const std::byte* block, std::size_t capacity) noexcept {
  const instrument::ScopedUnpoison window(block, sizeof(FreedNode));
  std::size_t marked = 0;
  __builtin_memcpy(&marked, block + offsetof(FreedNode, tagged_size), sizeof marked);
  instrument::mark_initialised(&marked, sizeof marked);
  return (marked & 1) != 0 && marked <= capacity + 1;
}

/// The heap address in a block's header, without its tag. It is not checked to be a heap.
[[nodiscard]] inline std::byte* heap_address(const std::byte* block) noexcept {
  const std::byte* const home = read_tagged_heap(block);
  return const_cast<std::byte*>(checks_enabled ? home - address_of(home) % tag_space : home);
}

/// The object that is known to be at `place`.
template <class T>
[[nodiscard]] T* as(std::byte* place) noexcept {
  return reinterpret_cast<T*>(place);
}

/// Updates the tag after a block was resized in place, and reports the new payload to the tools.
inline void resize_live(std::byte* block, std::size_t block_size, std::size_t old_payload_size,
                        std::size_t payload_size, const void* heap) noexcept {
  {
    const instrument::ScopedUnpoison window(block, sizeof(LiveNode));
    ::new (static_cast<void*>(block))
        LiveNode{static_cast<const std::byte*>(heap) + size_tag(block_size)};
  }
  std::byte* const payload = block + sizeof(LiveNode);
  instrument::on_resize(payload, old_payload_size, payload_size);
  if (payload_size > old_payload_size) {
    instrument::mark_undefined(payload + old_payload_size, payload_size - old_payload_size);
  }
  instrument::poison_free(payload + payload_size, block_size - sizeof(LiveNode) - payload_size);
}

/// Begins an object in raw storage: the one placement new for objects of users and for a heap's
/// control block.
template <class T, class... Args>
[[nodiscard]] T* begin_object(void* place, Args&&... args) {
  instrument::begin_reuse(place, sizeof(T));
  return ::new (place) T(std::forward<Args>(args)...);
}

}  // namespace node
}  // namespace mneme::inline MNEME_SETTINGS
