// purpose: the header of a block: what a live and what a freed block hold in the same bytes.
// layer: L1; includes L0.
// threads: a header is its block owner's; a freed node is whose who has it off the free queue.
// invariants: P10 (a word before the payload, two words the smallest block), P12 (the marks).
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "check.hpp"
#include "instrument.hpp"
#include "layout.hpp"

namespace mneme {

namespace node {

/// Checked builds use the addresses [heap, heap + tag_space) as marks.
inline constexpr std::size_t tag_space = 64;
inline constexpr std::size_t freed_tag = tag_space - 1;

/// A live block: the way back to its heap, then the payload. In checked builds the pointer leads
/// not to the heap's first byte but to one of the next 61, chosen by the block's size: so a wrong
/// size at the free is seen without a second word. A block that was freed leads to `freed_tag`.
struct LiveNode {
  const std::byte* tagged_heap;
};

/// A freed block on the free queue: the link, and the size it goes back with. Checked builds set
/// the size's lowest bit as a mark, so that a second free can be told from a smashed header.
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

/// The mark for a block of `size` bytes: 0 in unchecked builds.
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

/// The word before a payload, as it stands: which may be a freed node's, so it is read as bytes.
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

/// Ends a live block that has to wait on the free queue. Its bytes are closed to everybody, but the
/// node, which the queue closes as it sets the link.
[[nodiscard]] inline FreedNode* make_freed(std::byte* block, std::size_t block_size) noexcept {
  instrument::on_free(block + sizeof(LiveNode));
  instrument::mark_undefined(block, block_size);
  auto* const freed = ::new (static_cast<void*>(block))
      FreedNode{nullptr, block_size | static_cast<std::size_t>(checks_enabled ? 1 : 0)};
  instrument::poison_free(block + sizeof(FreedNode), block_size - sizeof(FreedNode));
  return freed;
}

/// What a freed node says.
[[nodiscard]] inline FreedNode load_freed(const FreedNode* freed) noexcept {
  const instrument::ScopedUnpoison window(freed, sizeof *freed);
  return *freed;
}

/// The block that a freed node stands in.
[[nodiscard]] inline std::byte* block_of_freed(FreedNode* freed) noexcept {
  return reinterpret_cast<std::byte*>(freed);
}

/// Whether the bytes at `block` look like a node on the free queue of a heap of `capacity` bytes. A
/// guess, for messages.
[[nodiscard]] inline bool looks_freed(const std::byte* block, std::size_t capacity) noexcept {
  const instrument::ScopedUnpoison window(block, sizeof(FreedNode));
  std::size_t marked = 0;
  __builtin_memcpy(&marked, block + offsetof(FreedNode, tagged_size), sizeof marked);
  instrument::mark_initialised(&marked, sizeof marked);
  return (marked & 1) != 0 && marked <= capacity + 1;
}

/// The heap that a payload's header leads to, whether or not there is one.
[[nodiscard]] inline std::byte* heap_address(const std::byte* block) noexcept {
  const std::byte* const home = read_tagged_heap(block);
  return const_cast<std::byte*>(checks_enabled ? home - address_of(home) % tag_space : home);
}

/// The object that is known to be at `place`.
template <class T>
[[nodiscard]] T* as(std::byte* place) noexcept {
  return reinterpret_cast<T*>(place);
}

/// After a block was resized where it stands: a new mark, and the tools told of the new payload.
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
}  // namespace mneme
