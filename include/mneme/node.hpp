// purpose: the contents of a block: its header, and behind that the payload or, if freed, a link.
// layer: L1; includes L0.
// threads: a header belongs to its block's owner; a FreedNode to the thread that drained it.
// invariants: P10 (one word before the payload, blocks of two words or more), P12 (tags).
#pragma once

#include <bit>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "check.hpp"
#include "header.hpp"
#include "instrument.hpp"
#include "layout.hpp"

namespace mneme::inline MNEME_SETTINGS {

namespace node {

/// The header of a live block; see header.hpp. A deferred block keeps it.
struct LiveNode {
  std::size_t header;
};

/// A block in the free queue holds this in its payload: a link and, in blocks of more than two
/// words, the size behind it. The link's lowest bit marks blocks of two words, which have no room
/// for a size. The last block of a chain links to itself: a null pointer has no room for that bit.
struct FreedNode {
  std::byte* tagged_link;
};

/// Shows how the two overlap in a block. It is only used for sizes: each object begins with a
/// placement new of its own type, as no tool would report an access to the wrong member.
union Node {
  LiveNode live;
  struct {
    LiveNode header;
    FreedNode freed;
  } deferred;
};

static_assert(sizeof(LiveNode) == word_bytes, "the overhead is one word");
static_assert(sizeof(Node) == 2 * word_bytes, "the smallest node is two words");
static_assert(alignof(Node) == word_bytes);

[[nodiscard]] inline std::byte* block_of(void* payload) noexcept {
  return static_cast<std::byte*>(payload) - sizeof(LiveNode);
}
[[nodiscard]] inline const std::byte* block_of(const void* payload) noexcept {
  return static_cast<const std::byte*>(payload) - sizeof(LiveNode);
}

// Slack: the bytes, at most a word, that rounding up adds behind a payload. Hardened builds fill
// them with this pattern, and check it when the block is freed. None of its bytes is ASCII or 0, so
// that text which overflows cannot be equal to it.
inline constexpr std::size_t slack_pattern = static_cast<std::size_t>(0xC5F6'A7D8'B9EA'8BFC);

/// Fills the slack of a block with a payload of `payload_size` bytes.
inline void fill_slack(std::byte* block, std::size_t block_size,
                       std::size_t payload_size) noexcept {
  const std::size_t slack = block_size - sizeof(LiveNode) - payload_size;
  const std::size_t pattern = slack_pattern;
  const auto* const bytes = reinterpret_cast<const std::byte*>(&pattern);
  const instrument::ScopedUnpoison window(block + block_size - slack, slack);
  __builtin_memcpy(block + block_size - slack, bytes + word_bytes - slack, slack);
}
/// Whether the slack is still as it was filled.
[[nodiscard]] inline bool is_slack_intact(const std::byte* block, std::size_t block_size,
                                          std::size_t payload_size) noexcept {
  const std::size_t slack = block_size - sizeof(LiveNode) - payload_size;
  if (slack == 0) return true;
  const instrument::ScopedUnpoison window(block + block_size - slack, slack);
  std::size_t last = 0;
  __builtin_memcpy(&last, block + block_size - word_bytes, word_bytes);
  instrument::mark_initialised(&last, sizeof last);
  const auto unused = static_cast<unsigned>(8 * (word_bytes - slack));  // bits of the payload
  const std::size_t change = last ^ slack_pattern;
  return (std::endian::native == std::endian::little ? change >> unused : change << unused) == 0;
}

/// Turns a raw block, whose header is written, into a live one for a payload of `payload_size`
/// bytes and returns the payload.
[[nodiscard]] inline void* make_live(std::byte* block, std::size_t block_size,
                                     std::size_t payload_size) noexcept {
  std::byte* const payload = block + sizeof(LiveNode);
  if constexpr (is_hardened) {  // the whole last word, which is faster; the payload is still unused
    __builtin_memcpy(block + block_size - word_bytes, &slack_pattern, word_bytes);
  }
  instrument::poison_header(block, sizeof(LiveNode));
  instrument::poison_free(payload, block_size - sizeof(LiveNode));
  instrument::on_malloc(payload, payload_size);
  instrument::mark_undefined(payload, payload_size);
  return payload;
}

/// Ends a live block that is returned to the raw heap at once.
inline void end_live(std::byte* block, std::size_t block_size) noexcept {
  std::byte* const payload = block + sizeof(LiveNode);
  instrument::on_free(payload);
  instrument::mark_undefined(payload, block_size - sizeof(LiveNode));
}

/// Turns a live block into a FreedNode for the free queue and poisons its payload.
[[nodiscard]] inline FreedNode* make_freed(std::byte* block, std::size_t block_size) noexcept {
  std::byte* const payload = block + sizeof(LiveNode);
  instrument::on_free(payload);
  instrument::mark_undefined(payload, block_size - sizeof(LiveNode));
  const bool is_smallest = block_size == sizeof(Node);
  auto* const freed =
      ::new (static_cast<void*>(payload)) FreedNode{payload + (is_smallest ? 1 : 0)};
  if (!is_smallest) {
    ::new (static_cast<void*>(payload + sizeof(FreedNode))) std::size_t(block_size);
  }
  instrument::poison_free(payload, block_size - sizeof(LiveNode));
  return freed;
}

/// The contents of a FreedNode.
struct Freed {
  FreedNode* link;   // the next block of its chain, or nullptr
  std::size_t size;  // of the block, in bytes
};

/// Whether a node's block has only two words.
[[nodiscard]] inline bool is_smallest(const FreedNode* freed) noexcept {
  return (address_of(freed->tagged_link) & 1) != 0;
}

/// Links a freed node to the next one of its chain, or to none (nullptr).
inline void set_link(FreedNode* freed, FreedNode* next) noexcept {
  const instrument::ScopedUnpoison window(freed, sizeof *freed);
  auto* const to = reinterpret_cast<std::byte*>(next != nullptr ? next : freed);
  freed->tagged_link = to + (is_smallest(freed) ? 1 : 0);
}

/// Returns the contents of a node.
[[nodiscard]] inline Freed load_freed(FreedNode* freed) noexcept {
  const instrument::ScopedUnpoison window(freed, sizeof *freed);
  auto* const self = reinterpret_cast<std::byte*>(freed);
  std::byte* const link = freed->tagged_link - (is_smallest(freed) ? 1 : 0);
  std::size_t size = sizeof(Node);
  if (!is_smallest(freed)) {
    const instrument::ScopedUnpoison size_window(freed + 1, sizeof size);
    __builtin_memcpy(&size, freed + 1, sizeof size);
  }
  return {link == self ? nullptr : reinterpret_cast<FreedNode*>(link), size};
}

/// Overwrites the link and the size of a deferred block with zeros.
inline void wipe_freed(FreedNode* freed, std::size_t block_size) noexcept {
  const std::size_t nothing[2]{};
  const std::size_t size = block_size == sizeof(Node) ? word_bytes : 2 * word_bytes;
  const instrument::ScopedUnpoison window(freed, size);
  __builtin_memcpy(static_cast<void*>(freed), nothing, size);
}

/// The block that holds a FreedNode.
[[nodiscard]] inline std::byte* block_of_freed(FreedNode* freed) noexcept {
  return block_of(freed);
}

/// The object that begins at `place`; the caller knows its type.
template <class T>
[[nodiscard]] T* object_at(const void* place) noexcept {
  return static_cast<T*>(const_cast<void*>(place));
}

/// Updates a block's slack, and what the tools know of its payload, after a resize in place.
inline void resize_live(std::byte* block, std::size_t block_size, std::size_t old_payload_size,
                        std::size_t payload_size) noexcept {
  std::byte* const payload = block + sizeof(LiveNode);
  instrument::on_resize(payload, old_payload_size, payload_size);
  if constexpr (is_hardened) fill_slack(block, block_size, payload_size);
  if (payload_size > old_payload_size) {
    instrument::mark_undefined(payload + old_payload_size, payload_size - old_payload_size);
  }
  instrument::poison_free(payload + payload_size, block_size - sizeof(LiveNode) - payload_size);
}

/// Ends an object, of an array its elements, last first.
template <class T>
void end_object(T& object) noexcept {
  if constexpr (std::is_array_v<T>) {
    for (std::size_t i = std::extent_v<T>; i > 0; --i) end_object(object[i - 1]);
  } else {
    object.~T();
  }
}

// An aggregate may be built from its first members alone; g++ 12 warns of the others.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
/// Constructs an object in raw storage: the only placement new for objects of users and for a
/// heap's control block. Passes on what the constructor throws.
template <class T, class... Args>
[[nodiscard]] T* begin_object(void* place, Args&&... args) {
  instrument::begin_reuse(place, sizeof(T));
  if constexpr (std::is_array_v<T>)
    return object_at<T>(::new (place) T());
  else
    return ::new (place) T(std::forward<Args>(args)...);
}
#pragma GCC diagnostic pop

}  // namespace node
}  // namespace mneme::inline MNEME_SETTINGS
