// purpose: shows that the oracle names the promise that a wrong result would break.
// layer: tests; includes the driver's oracle.
// threads: one.
// invariants: none; each case reports to the oracle a result that the real heap never has.
// RUN: %runner %build/tests/oracle_test
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "driver/model/oracle.hpp"

using mneme::driver::Answer;
using mneme::driver::BlockId;
using mneme::driver::Figures;
using mneme::driver::Gap;
using mneme::driver::Grant;
using mneme::driver::Mismatch;
using mneme::driver::Oracle;
using mneme::driver::OracleMemory;
using mneme::driver::OracleQueue;

namespace {

/// A heap of 128 bytes with a block of 104 at 0, for which two of 56 wait.
struct Queue {
  Oracle oracle{128};
  BlockId hog = oracle.add(96, 8);
  BlockId first = oracle.add(48, 8);
  BlockId second = oracle.add(48, 8);

  Queue() {
    CHECK(!oracle.request(hog, Answer::granted, 0, {}));
    CHECK(!oracle.request(first, Answer::waiting, 0, {}));
    CHECK(!oracle.request(second, Answer::waiting, 0, {}));
  }
};

TEST_CASE("grants in arrival order and in free memory are accepted") {
  Queue queue;
  const std::array grants{Grant{queue.first, 0}, Grant{queue.second, 56}};
  CHECK(!queue.oracle.release(queue.hog, false, grants));
  CHECK(queue.oracle.used_bytes() == 112);
  CHECK(queue.oracle.waiting() == 0);
}

TEST_CASE("a grant out of order is detected (P2)") {
  Queue queue;
  const std::array grants{Grant{queue.second, 0}, Grant{queue.first, 56}};
  CHECK(queue.oracle.release(queue.hog, false, grants) ==
        "a request was granted out of order (P2)");
}

/// A heap of 128 bytes with a block of 88 at 0, for which two of 104 wait, the second with level 1.
struct Passed {
  Oracle oracle;
  BlockId hog = oracle.add(80, 8);
  BlockId first = oracle.add(96, 8);
  BlockId second = oracle.add(96, 8, 1);

  explicit Passed(OracleQueue queue)
      : oracle{OracleMemory{.parts = {{0, 128}}, .exact_align_max = SIZE_MAX}, queue} {
    CHECK(!oracle.request(hog, Answer::granted, 0, {}));
    CHECK(!oracle.request(first, Answer::waiting, 0, {}));
    CHECK(!oracle.request(second, Answer::waiting, 0, {}));
  }
  /// A new request of 16 bytes, which is queued, and granted at an offset if that is not 0.
  Mismatch ask(std::size_t offset, std::uint8_t level = 0) {
    const BlockId id = oracle.add(8, 8, level);
    const std::array grants{Grant{id, offset}};
    return oracle.request(id, Answer::waiting, 0, std::span(grants).first(offset == 0 ? 0 : 1));
  }
};

TEST_CASE("with overtaking, who passes too often, or does not pass, is detected (P1, P2)") {
  Passed queue{{OracleQueue::Kind::overtaking, 1}};
  Passed lazy = queue;
  CHECK(lazy.ask(0) == "a waiting request that may pass others fits but was not granted (P1)");
  CHECK(!queue.ask(88));
  Passed again = queue;
  CHECK(again.ask(104) == "a request was granted that should still wait");
  CHECK(!queue.ask(0));
  // The second was passed too, although it was not the head.
  CHECK(!queue.oracle.cancel(queue.first, {}));
  CHECK(queue.ask(104) == "a request was granted that should still wait");
}

TEST_CASE("with overtaking, who looks too far is detected (P2)") {
  Passed queue{{OracleQueue::Kind::overtaking, 100}};
  for (int more = 0; more < 14; ++more) {
    CHECK(!queue.oracle.request(queue.oracle.add(96, 8), Answer::waiting, 0, {}));
  }
  Passed last = queue;
  CHECK(!last.ask(88));  // the sixteenth behind the head
  CHECK(!queue.oracle.request(queue.oracle.add(96, 8), Answer::waiting, 0, {}));
  Passed far = queue;
  CHECK(far.ask(88) == "a request was granted that should still wait");
  CHECK(!queue.ask(0));
}

TEST_CASE("with levels, who passes one of its level or above is detected (P2)") {
  Passed queue{{OracleQueue::Kind::priority, 3}};
  CHECK(*queue.oracle.queue().begin() == queue.second);
  Passed same = queue;
  CHECK(same.ask(88, 1) == "a request was granted that should still wait");
  CHECK(!same.ask(0, 0));
  Passed higher = queue;
  CHECK(higher.ask(0, 2) == "the oldest waiting request fits but was not granted (P1)");
  Passed wrong = queue;
  CHECK(!queue.ask(88, 2));
  const std::array older{Grant{wrong.first, 0}};
  CHECK(wrong.oracle.release(wrong.hog, false, older) == "a request was granted out of order (P2)");
}

TEST_CASE("a request that fits but is not granted is detected (P1)") {
  Queue queue;
  const std::array grants{Grant{queue.first, 0}};
  CHECK(queue.oracle.release(queue.hog, false, grants) ==
        "the oldest waiting request fits but was not granted (P1)");
}

TEST_CASE("a grant without room is detected") {
  Queue queue;
  const std::array grants{Grant{queue.first, 0}};
  CHECK(queue.oracle.poll(grants) == "a request was granted that should still wait");
}

TEST_CASE("a newcomer that overtakes is detected (P2)") {
  Queue queue;
  CHECK(queue.oracle.request(queue.oracle.add(8, 8), Answer::granted, 104, {}) ==
        "the result is granted, expected waiting");
}

TEST_CASE("blocks that overlap, leave the region or are misaligned are detected (P8)") {
  Oracle oracle(128);
  CHECK(!oracle.request(oracle.add(40, 8), Answer::granted, 0, {}));
  const BlockId block = oracle.add(40, 16);
  Oracle inside = oracle;
  CHECK(inside.request(block, Answer::granted, 40, {}) ==
        "the block at 40 (48 bytes) is not in free memory");
  Oracle outside = oracle;
  CHECK(outside.request(block, Answer::granted, 88, {}) ==
        "the block at 88 (48 bytes) is not in free memory");
  CHECK(oracle.request(block, Answer::granted, 48, {}) == "the payload at 56 is not aligned to 16");
}

TEST_CASE("impossible requests that wait, and possible ones that are refused, are detected (P6)") {
  Oracle oracle(128);
  CHECK(oracle.request(oracle.add(128, 8), Answer::waiting, 0, {}) ==
        "the result is waiting, expected refused");
  CHECK(oracle.request(oracle.add(120, 8), Answer::refused, 0, {}) ==
        "the result is refused, expected granted");
}

TEST_CASE("an extension that grants not all that fits, or too much, is detected (P1, P2)") {
  const Queue queue;
  Oracle none = queue.oracle;
  CHECK(none.extend(32, {}) == "the oldest waiting request fits but was not granted (P1)");
  Oracle less = queue.oracle;
  CHECK(!less.extend(24, {}));  // 48 in one piece, with those that were free
  CHECK(less.free_bytes() == 48);
  CHECK(less.capacity_bytes() == 152);
  const std::array first{Grant{queue.first, 104}};
  Oracle one = queue.oracle;
  CHECK(!one.extend(32, first));
  const std::array second{Grant{queue.second, 104}};
  Oracle wrong = queue.oracle;
  CHECK(wrong.extend(88, second) == "a request was granted out of order (P2)");
  Oracle early = queue.oracle;
  CHECK(early.extend(24, first) == "a request was granted that should still wait");
}

TEST_CASE("a refusal is detected if the extended region could meet the request (P6)") {
  Oracle oracle(128);
  CHECK(!oracle.request(oracle.add(128, 8), Answer::refused, 0, {}));
  CHECK(!oracle.extend(8, {}));
  CHECK(oracle.request(oracle.add(128, 8), Answer::refused, 0, {}) ==
        "the result is refused, expected granted");
}

TEST_CASE("with slots, a block between two of them, and a wrong refusal, are detected") {
  // Three slots of 48 from 8 on, so that payloads are aligned to 16.
  const Oracle empty({.parts = {{8, 144}}, .slot_bytes = 48, .slot_align = 16});
  const auto answer_to = [&](std::size_t payload_bytes, std::size_t align, Answer answer) {
    Oracle oracle = empty;
    return oracle.request(oracle.add(payload_bytes, align), answer, 8, {});
  };
  CHECK(!answer_to(40, 16, Answer::granted));
  CHECK(answer_to(40, 16, Answer::refused) == "the result is refused, expected granted");
  CHECK(answer_to(41, 16, Answer::granted) == "the result is granted, expected refused");
  CHECK(answer_to(8, 32, Answer::granted) == "the result is granted, expected refused");
  Oracle oracle = empty;
  const BlockId block = oracle.add(8, 8);
  CHECK(Oracle(oracle).request(block, Answer::granted, 24, {}) ==
        "the block at 24 is not where a slot of 48 bytes begins");
  CHECK(!oracle.request(block, Answer::granted, 56, {}));
  CHECK(oracle.used_bytes() == 48);
  CHECK(Oracle(oracle).resize(block, 40, false, {}) ==
        "a block could have been resized but was not");
  CHECK(!oracle.resize(block, 40, true, {}));
  CHECK(oracle.used_bytes() == 48);
  CHECK(oracle.resize(block, 41, true, {}) == "a block was resized although it could not be");
}

TEST_CASE("in two parts, a block across the border, and one that grows over it, are detected") {
  Oracle oracle({.parts = {{0, 64}, {64, 128}}});
  const BlockId large = oracle.add(120, 8);
  CHECK(Oracle(oracle).request(large, Answer::granted, 32, {}) ==
        "the block at 32 (128 bytes) is not in free memory");
  const BlockId too_large = oracle.add(128, 8);
  CHECK(Oracle(oracle).request(too_large, Answer::waiting, 0, {}) ==
        "the result is waiting, expected refused");
  const BlockId low = oracle.add(56, 8);
  CHECK(!oracle.request(low, Answer::granted, 0, {}));
  CHECK(Oracle(oracle).resize(low, 64, true, {}) == "a block was resized although it could not be");
  CHECK(!oracle.request(large, Answer::granted, 64, {}));
  CHECK(oracle.extent_bytes() == 192);
  CHECK(!oracle.extend(16, {}));
  CHECK(Oracle(oracle).resize(large, 128, false, {}) ==
        "a block could have been resized but was not");
}

TEST_CASE("each part has its own end: a hole in another part does not matter to it") {
  Oracle oracle({.parts = {{0, 64}, {64, 128}}});
  const BlockId low = oracle.add(24, 8);
  CHECK(!oracle.request(low, Answer::granted, 0, {}));
  CHECK(Oracle(oracle).resize(low, 40, false, {}) == "a block could have been resized but was not");
  const BlockId high = oracle.add(40, 8);
  CHECK(!oracle.request(high, Answer::granted, 128, {}));  // 64 bytes before it, 16 behind
  CHECK(Oracle(oracle).resize(high, 48, true, {}) ==
        "a block was resized although it could not be");
  CHECK(!oracle.resize(high, 48, false, {}));
}

TEST_CASE("a close that misses a request, or changes the order, is detected (P13)") {
  const Queue queue;
  for (const auto& ended :
       {std::array{queue.second, queue.first}, std::array{queue.first, queue.first}}) {
    Oracle oracle = queue.oracle;
    CHECK(oracle.close(ended) == "close did not complete all waiting requests in order (P13)");
  }
}

TEST_CASE("a resize that should have failed, and one that should not, are detected") {
  Queue queue;
  CHECK(queue.oracle.resize(queue.hog, 112, true, {}) ==
        "a block was resized although it could not be");
  Oracle oracle(128);
  const BlockId low = oracle.add(40, 8);
  CHECK(!oracle.request(low, Answer::granted, 0, {}));
  CHECK(!oracle.request(oracle.add(40, 8), Answer::granted, 48, {}));
  Oracle grown = oracle;
  CHECK(grown.resize(low, 48, true, {}) == "a block was resized although it could not be");
  CHECK(oracle.resize(low, 8, false, {}) == "a block could have been resized but was not");
}

TEST_CASE(
    "with an alignment beyond the exact ones either answer is right, but not where room is sure") {
  Oracle oracle(512, 16);
  const BlockId low = oracle.add(40, 8);
  CHECK(
      !oracle.request(low, Answer::granted, 200, {}));  // 200 bytes are free before it, 264 behind
  const BlockId exact = oracle.add(200, 8);
  const BlockId sure = oracle.add(72, 128);  // 80 + 128 - 8 bytes are free
  const BlockId maybe = oracle.add(200, 128);
  CHECK(Oracle(oracle).request(exact, Answer::waiting, 0, {}) ==
        "the result is waiting, expected granted");
  CHECK(Oracle(oracle).request(sure, Answer::waiting, 0, {}) ==
        "the result is waiting, expected granted");
  Oracle waits = oracle;
  CHECK(!waits.request(maybe, Answer::waiting, 0, {}));
  CHECK(!waits.poll({}));
  CHECK(!waits.poll(std::array{Grant{maybe, 248}}));
  CHECK(!oracle.request(maybe, Answer::granted, 248, {}));
}

TEST_CASE("an empty heap grants whatever fits, whatever its alignment") {
  Oracle oracle(512, 16);
  CHECK(oracle.request(oracle.add(200, 256), Answer::waiting, 0, {}) ==
        "the result is waiting, expected granted");
}

/// The error for a result that was `granted` although it should be another.
constexpr const char* still_waits = "a request was granted that should still wait";

TEST_CASE("a try that fails although there is room and nothing waits is detected") {
  Oracle oracle(128);
  CHECK(oracle.try_now(oracle.add(96, 8), Answer::would_wait, 0, {}) ==
        "the result is would wait, expected granted");
  const BlockId block = oracle.add(96, 8);
  CHECK(!oracle.try_now(block, Answer::granted, 0, {}));
  CHECK(!oracle.release(block, true, {}));  // which a try reclaims first
  CHECK(oracle.try_now(oracle.add(96, 8), Answer::would_wait, 0, {}) ==
        "the result is would wait, expected granted");
}

TEST_CASE(
    "a try that should have failed is detected: past a queue, a lock, a close, a limit (P2)") {
  constexpr const char* too_much = "the result is granted, expected would wait";
  Queue queue;
  Oracle waits = queue.oracle;
  CHECK(waits.try_now(waits.add(8, 8), Answer::granted, 104, {}) == too_much);
  Oracle locked(128);
  locked.lock();
  CHECK(locked.try_now(locked.add(8, 8), Answer::granted, 0, {}) == too_much);
  Oracle closed(128);
  CHECK(!closed.close({}));
  CHECK(closed.try_now(closed.add(8, 8), Answer::granted, 0, {}) == too_much);
  Oracle small(128);
  CHECK(small.try_now(small.add(121, 8), Answer::granted, 0, {}) == too_much);
}

TEST_CASE("the grants that a try causes are checked, even if it fails") {
  Queue queue;
  CHECK(!queue.oracle.release(queue.hog, true, {}));
  const BlockId block = queue.oracle.add(96, 8);
  const std::array both{Grant{queue.first, 0}, Grant{queue.second, 56}};
  Oracle right = queue.oracle;
  CHECK(!right.try_now(block, Answer::would_wait, 0, both));
  CHECK(queue.oracle.try_now(block, Answer::would_wait, 0, {}) ==
        "the oldest waiting request fits but was not granted (P1)");
  Queue locked;
  locked.oracle.lock();
  const std::array one{Grant{locked.first, 104}};
  CHECK(locked.oracle.try_now(locked.oracle.add(8, 8), Answer::would_wait, 0, one) == still_waits);
}

TEST_CASE("a request that ignores a close or a lock is detected (P13)") {
  Oracle oracle(128);
  const BlockId block = oracle.add(8, 8);
  Oracle locked = oracle;
  locked.lock();
  CHECK(locked.request(block, Answer::granted, 0, {}) == "the result is granted, expected waiting");
  CHECK(!oracle.close({}));
  Oracle closed = oracle;
  CHECK(closed.request(block, Answer::granted, 0, {}) == "the result is granted, expected closed");
  closed = oracle;
  CHECK(closed.request(block, Answer::waiting, 0, {}) == "the result is waiting, expected closed");
  CHECK(!oracle.request(block, Answer::closed, 0, {}));
  CHECK(oracle.waiting() == 0);
  CHECK(oracle.request(oracle.add(121, 8), Answer::closed, 0, {}) ==
        "the result is closed, expected refused");
}

TEST_CASE("a request that waits although it is first and deferred frees made room is detected") {
  Oracle oracle(128);
  const BlockId hog = oracle.add(120, 8);
  CHECK(!oracle.request(hog, Answer::granted, 0, {}));
  CHECK(!oracle.release(hog, true, {}));
  CHECK(oracle.request(oracle.add(120, 8), Answer::waiting, 0, {}) ==
        "the result is waiting, expected granted");
}

TEST_CASE("the grants that a request causes to others are checked, locked or not") {
  Queue queue;
  const BlockId third = queue.oracle.add(8, 8);
  const std::array one{Grant{queue.first, 0}};
  Oracle open = queue.oracle;
  CHECK(open.request(third, Answer::waiting, 0, one) == still_waits);
  queue.oracle.lock();
  CHECK(queue.oracle.request(third, Answer::waiting, 0, one) == still_waits);
}

TEST_CASE("a guard gets any block that fits, and none of a closed heap") {
  Queue queue;
  queue.oracle.lock();
  const BlockId small = queue.oracle.add(8, 8);
  Oracle oracle = queue.oracle;
  CHECK(!oracle.through_guard(small, Answer::granted, 104));
  oracle = queue.oracle;
  CHECK(oracle.through_guard(small, Answer::would_wait, 0) ==
        "the result is would wait, expected granted");
  oracle = queue.oracle;
  CHECK(oracle.through_guard(oracle.add(24, 8), Answer::granted, 104) ==
        "the result is granted, expected would wait");
  oracle = queue.oracle;
  CHECK(oracle.through_guard(oracle.add(121, 8), Answer::granted, 0) ==
        "the result is granted, expected would wait");
  oracle = queue.oracle;
  CHECK(!oracle.release(oracle.live_by_offset().front(), false, {}));
  CHECK(oracle.through_guard(oracle.add(96, 8), Answer::would_wait, 0) ==
        "the result is would wait, expected granted");  // it reclaims first
  const std::array ended{queue.first, queue.second};
  CHECK(!queue.oracle.close(ended));
  CHECK(queue.oracle.through_guard(small, Answer::granted, 104) ==
        "the result is granted, expected would wait");
}

TEST_CASE("while the heap is locked nothing is granted, and at the unlock all that fits") {
  Queue queue;
  queue.oracle.lock();
  const std::array both{Grant{queue.first, 0}, Grant{queue.second, 56}};
  for (const auto& step :
       {+[](Queue& at, std::span<const Grant> grants) {
          return at.oracle.release(at.hog, false, grants);
        },
        +[](Queue& at, std::span<const Grant> grants) {
          return at.oracle.release(at.hog, true, grants);
        },
        +[](Queue& at, std::span<const Grant> grants) { return at.oracle.poll(grants); },
        +[](Queue& at, std::span<const Grant> grants) {
          return at.oracle.cancel(at.second, grants);
        },
        +[](Queue& at, std::span<const Grant> grants) {
          return at.oracle.resize(at.hog, 8, false, grants);
        }}) {
    Queue copy = queue;
    CHECK(step(copy, both) == still_waits);
    copy = queue;
    CHECK(!step(copy, {}));
  }
  CHECK(!queue.oracle.release(queue.hog, false, {}));
  CHECK(queue.oracle.deferred() == 1);
  Oracle forgets = queue.oracle;
  CHECK(forgets.unlock({}) == "the oldest waiting request fits but was not granted (P1)");
  CHECK(!queue.oracle.unlock(both));
  CHECK(queue.oracle.deferred() == 0);
  CHECK(!queue.oracle.locked());
}

TEST_CASE("the lock is granted in its turn, whatever the room, and ends the grants") {
  Oracle oracle{128};
  const BlockId hog = oracle.add(96, 8);
  const BlockId big = oracle.add(96, 8);
  CHECK(!oracle.request(hog, Answer::granted, 0, {}));
  CHECK(!oracle.request(big, Answer::waiting, 0, {}));
  const BlockId lock = oracle.add_lock(0);
  CHECK(!oracle.request(lock, Answer::waiting, 0, {}));
  const BlockId small = oracle.add(8, 8);
  CHECK(!oracle.request(small, Answer::waiting, 0, {}));
  Oracle other = oracle;
  const std::array ignored{Grant{big, 0}, Grant{small, 104}};
  CHECK(other.release(hog, false, ignored) == "a request was granted out of order (P2)");
  other = oracle;
  const std::array beyond{Grant{big, 0}, Grant{lock, 0}, Grant{small, 104}};
  CHECK(other.release(hog, false, beyond) == still_waits);
  CHECK(!oracle.release(hog, false, std::span(beyond).first(2)));
  CHECK(oracle.locked());
  const BlockId again = oracle.add_lock(0);
  other = oracle;
  CHECK(other.request(again, Answer::granted, 0, {}) == "the result is granted, expected waiting");
  const std::array last{Grant{small, 104}};
  CHECK(!oracle.unlock(last));
  CHECK(!oracle.request(again, Answer::granted, 0, {}));
  CHECK(oracle.locked());
}

TEST_CASE("a block freed by the deferring form makes room at the next poll, and no earlier") {
  Queue queue;
  const std::array both{Grant{queue.first, 0}, Grant{queue.second, 56}};
  Oracle early = queue.oracle;
  CHECK(early.release(queue.hog, true, both) == still_waits);
  CHECK(!queue.oracle.release(queue.hog, true, {}));
  Oracle late = queue.oracle;
  CHECK(late.poll({}) == "the oldest waiting request fits but was not granted (P1)");
  CHECK(!queue.oracle.poll(both));
}

TEST_CASE("a cancel that strands the next request, or keeps granted memory, is detected (P5)") {
  Oracle oracle(128);
  const BlockId hog = oracle.add(56, 8);
  const BlockId large = oracle.add(96, 8);
  const BlockId small = oracle.add(48, 8);
  CHECK(!oracle.request(hog, Answer::granted, 0, {}));
  CHECK(!oracle.request(large, Answer::waiting, 0, {}));
  CHECK(!oracle.request(small, Answer::waiting, 0, {}));
  Oracle strands = oracle;
  CHECK(strands.cancel(large, {}) == "the oldest waiting request fits but was not granted (P1)");
  const std::array next{Grant{small, 64}};
  CHECK(!oracle.cancel(large, next));
  CHECK(oracle.waiting() == 0);
  CHECK(oracle.used_bytes() == 120);
  CHECK(!oracle.cancel(small, {}));  // it had its memory already
  CHECK(oracle.used_bytes() == 64);
  CHECK(oracle.live() == 1);
}

TEST_CASE("a close that completes too few or too many requests is detected (P13)") {
  const Queue queue;
  const std::array ended{queue.first, queue.second, queue.hog};
  for (std::size_t count = 0; count <= 3; ++count) {
    Oracle oracle = queue.oracle;
    const bool is_good = !oracle.close(std::span(ended).first(count));
    CHECK(is_good == (count == 2));
  }
}

TEST_CASE("a close reclaims deferred blocks, unless the heap is locked") {
  for (const bool is_locked : {false, true}) {
    Oracle oracle(128);
    const BlockId hog = oracle.add(96, 8);
    CHECK(!oracle.request(hog, Answer::granted, 0, {}));
    CHECK(!oracle.release(hog, true, {}));
    if (is_locked) oracle.lock();
    CHECK(!oracle.close({}));
    CHECK(oracle.used_bytes() == (is_locked ? 104 : 0));
  }
}

TEST_CASE("a resize that ignores a queue, a close, a lock or its room is detected") {
  constexpr const char* too_much = "a block was resized although it could not be";
  Queue queue;  // 24 bytes are free behind the block of 104
  Oracle oracle = queue.oracle;
  CHECK(oracle.resize(queue.hog, 104, true, {}) == too_much);
  oracle = queue.oracle;
  const std::array ended{queue.first, queue.second};
  CHECK(!oracle.close(ended));
  Oracle closed = oracle;
  CHECK(closed.resize(queue.hog, 104, true, {}) == too_much);
  CHECK(!oracle.resize(queue.hog, 90, true, {}));  // a shorter one is no request
  CHECK(oracle.resize(queue.hog, 121, true, {}) == too_much);
  oracle.lock();
  CHECK(oracle.resize(queue.hog, 80, true, {}) == too_much);
}

TEST_CASE("a block that shrinks must do so even while others wait, and makes room for them") {
  Queue queue;
  Oracle oracle = queue.oracle;
  CHECK(oracle.resize(queue.hog, 40, false, {}) == "a block could have been resized but was not");
  oracle = queue.oracle;
  CHECK(oracle.resize(queue.hog, 40, true, {}) ==
        "the oldest waiting request fits but was not granted (P1)");
  const std::array next{Grant{queue.first, 48}};
  CHECK(!queue.oracle.resize(queue.hog, 40, true, next));
  CHECK(queue.oracle.used_bytes() == 48 + 56);
}

TEST_CASE("a block that grows takes exactly what it needs of the gap behind it") {
  Oracle oracle(128);
  const BlockId low = oracle.add(24, 8);
  const BlockId middle = oracle.add(24, 8);
  CHECK(!oracle.request(low, Answer::granted, 0, {}));
  CHECK(!oracle.request(middle, Answer::granted, 32, {}));
  CHECK(oracle.resize(middle, 97, true, {}) == "a block was resized although it could not be");
  Oracle all = oracle;
  CHECK(!all.resize(middle, 88, true, {}));  // down to the last byte
  CHECK(all.free_bytes() == 0);
  CHECK(all.gaps().empty());
  CHECK(!oracle.resize(middle, 48, true, {}));
  CHECK(oracle.free_bytes() == 40);
  CHECK(oracle.largest_bytes() == 40);
  CHECK(oracle.gaps().front().offset == 88);
  CHECK(!oracle.release(low, true, {}));
  CHECK(!oracle.resize(middle, 56, true, {}));  // what was deferred is reclaimed first
  CHECK(oracle.deferred() == 0);
}

TEST_CASE("a block grows into the gap at the end only if no gap in front takes all of it (P15)") {
  Oracle oracle(128);
  const BlockId first = oracle.add(24, 8);
  const BlockId last = oracle.add(8, 8);
  CHECK(!oracle.request(first, Answer::granted, 0, {}));
  CHECK(!oracle.request(last, Answer::granted, 32, {}));
  CHECK(!oracle.release(first, false, {}));
  Oracle other = oracle;
  CHECK(other.resize(last, 24, true, {}) == "a block was resized although it could not be");
  CHECK(!other.resize(last, 24, false, {}));
  CHECK(oracle.resize(last, 32, false, {}) == "a block could have been resized but was not");
  CHECK(!oracle.resize(last, 32, true, {}));
}

TEST_CASE("whether a gap in front takes a block of a large alignment may not be known") {
  for (const bool done : {false, true}) {
    Oracle oracle(512, 16);
    const BlockId middle = oracle.add(56, 8);
    const BlockId last = oracle.add(24, 32);
    CHECK(!oracle.request(oracle.add(16, 8), Answer::granted, 0, {}));
    CHECK(!oracle.request(middle, Answer::granted, 24, {}));
    CHECK(!oracle.request(last, Answer::granted, 88, {}));
    CHECK(!oracle.release(middle, false, {}));  // just the room for an aligned payload of 56
    CHECK(!oracle.resize(last, 56, done, {}));
  }
}

TEST_CASE("any counter that differs from the oracle's is detected") {
  Queue queue;
  const BlockId block = queue.oracle.live_by_offset().front();
  CHECK(!queue.oracle.release(block, true, {}));
  const Figures right{.free_bytes = 24, .used_bytes = 104, .live = 0, .waiting = 2, .deferred = 1};
  CHECK(!queue.oracle.compare(right));
  const auto mismatch = [&](std::size_t Figures::* figure, std::size_t seen) {
    Figures wrong = right;
    wrong.*figure = seen;
    return queue.oracle.compare(wrong);
  };
  CHECK(mismatch(&Figures::free_bytes, 32) == "free is 32, expected 24");
  CHECK(mismatch(&Figures::used_bytes, 96) == "used is 96, expected 104");
  CHECK(mismatch(&Figures::live, 1) == "live is 1, expected 0");
  CHECK(mismatch(&Figures::waiting, 1) == "waiting is 1, expected 2");
  CHECK(mismatch(&Figures::deferred, 0) == "deferred is 0, expected 1");
}

TEST_CASE("gaps merge with both neighbours, and no two touch (P9)") {
  Oracle oracle(128);
  std::array<BlockId, 4> blocks{};
  for (std::size_t at = 0; at < blocks.size(); ++at) {
    blocks[at] = oracle.add(24, 8);
    CHECK(!oracle.request(blocks[at], Answer::granted, 32 * at, {}));
  }
  CHECK(oracle.gaps().empty());
  CHECK(!oracle.release(blocks[0], false, {}));
  CHECK(!oracle.release(blocks[2], false, {}));
  CHECK(oracle.gaps().size() == 2);
  CHECK(oracle.largest_bytes() == 32);
  CHECK(!oracle.release(blocks[1], false, {}));
  CHECK(oracle.gaps().size() == 1);
  CHECK(oracle.largest_bytes() == 96);
  CHECK(!oracle.release(blocks[3], false, {}));
  CHECK(oracle.gaps().size() == 1);
  CHECK(oracle.largest_bytes() == 128);
}

TEST_CASE("a block that begins with a gap and ends after it is detected (P8)") {
  Oracle oracle(128);
  const BlockId low = oracle.add(24, 8);
  CHECK(!oracle.request(low, Answer::granted, 0, {}));
  CHECK(!oracle.request(oracle.add(24, 8), Answer::granted, 32, {}));
  CHECK(!oracle.release(low, false, {}));
  CHECK(oracle.request(oracle.add(32, 8), Answer::granted, 0, {}) ==
        "the block at 0 (40 bytes) is not in free memory");
  CHECK(oracle.request(oracle.add(8, 8), Answer::granted, 4, {}) ==
        "the payload at 12 is not aligned to 8");
}

TEST_CASE("the payload is what is aligned, and room is counted from there") {
  CHECK(Oracle::fits(Gap{8, 16}, 16, 16));
  CHECK_FALSE(Oracle::fits(Gap{0, 16}, 16, 16));
  CHECK(Oracle::fits(Gap{0, 24}, 16, 16));
  CHECK_FALSE(Oracle::fits(Gap{8, 8}, 16, 8));
  Oracle oracle(128);
  CHECK(oracle.request(oracle.add(64, 64), Answer::granted, 56, {}) == std::nullopt);
  CHECK(oracle.request(oracle.add(64, 128), Answer::waiting, 0, {}) ==
        "the result is waiting, expected refused");
}

TEST_CASE("the smallest block is two words, and sizes that overflow fit nowhere") {
  Oracle oracle(128);
  const BlockId nothing = oracle.add(0, 1);
  CHECK(oracle.size_of(nothing) == 16);
  CHECK(oracle.size_of(oracle.add(8, 1)) == 16);
  CHECK(oracle.size_of(oracle.add(9, 1)) == 24);
  CHECK(oracle.align_of(nothing) == 8);
  for (std::size_t less = 0; less < 20; ++less) {
    CHECK(oracle.request(oracle.add(SIZE_MAX - less, 8), Answer::waiting, 0, {}) ==
          "the result is waiting, expected refused");
  }
}

}  // namespace
