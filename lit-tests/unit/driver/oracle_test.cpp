// purpose: shows that the oracle names the promise that an answer of the library would break.
// layer: tests; includes the driver's oracle.
// threads: one.
// invariants: none; each case tells the oracle something that the real heap never does.
// RUN: %runner %build/tests/oracle_test
#include <doctest/doctest.h>

#include <array>

#include "driver/model/oracle.hpp"

using mneme::driver::Answer;
using mneme::driver::BlockId;
using mneme::driver::Grant;
using mneme::driver::Mismatch;
using mneme::driver::Oracle;

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

TEST_CASE("grants in arrival order, in free memory, are as they should be") {
  Queue queue;
  const std::array grants{Grant{queue.first, 0}, Grant{queue.second, 56}};
  CHECK(!queue.oracle.release(queue.hog, false, grants));
  CHECK(queue.oracle.used_bytes() == 112);
  CHECK(queue.oracle.waiting() == 0);
}

TEST_CASE("a grant out of order is told (P2)") {
  Queue queue;
  const std::array grants{Grant{queue.second, 0}, Grant{queue.first, 56}};
  CHECK(queue.oracle.release(queue.hog, false, grants) ==
        "a request was granted out of order (P2)");
}

TEST_CASE("a request that fits and is not granted is told (P1)") {
  Queue queue;
  const std::array grants{Grant{queue.first, 0}};
  CHECK(queue.oracle.release(queue.hog, false, grants) ==
        "the oldest waiting request fits, and was not granted (P1)");
}

TEST_CASE("a grant that nothing made room for is told") {
  Queue queue;
  const std::array grants{Grant{queue.first, 0}};
  CHECK(queue.oracle.poll(grants) == "a request was granted that should still wait");
}

TEST_CASE("a newcomer that overtakes is told (P2)") {
  Queue queue;
  CHECK(queue.oracle.request(queue.oracle.add(8, 8), Answer::granted, 104, {}) ==
        "the request should be waiting, and is granted");
}

TEST_CASE("blocks that overlap, leave the region or are not aligned are told (P8)") {
  Oracle oracle(128);
  CHECK(!oracle.request(oracle.add(40, 8), Answer::granted, 0, {}));
  const BlockId block = oracle.add(40, 16);
  Oracle inside = oracle;
  CHECK(inside.request(block, Answer::granted, 40, {}) ==
        "the block at 40 of 48 bytes does not lie in free memory");
  Oracle outside = oracle;
  CHECK(outside.request(block, Answer::granted, 88, {}) ==
        "the block at 88 of 48 bytes does not lie in free memory");
  CHECK(oracle.request(block, Answer::granted, 48, {}) == "the payload at 56 is not aligned to 16");
}

TEST_CASE("impossible requests that wait, and possible ones that are refused, are told (P6)") {
  Oracle oracle(128);
  CHECK(oracle.request(oracle.add(128, 8), Answer::waiting, 0, {}) ==
        "the request should be refused, and is waiting");
  CHECK(oracle.request(oracle.add(120, 8), Answer::refused, 0, {}) ==
        "the request should be granted, and is refused");
}

TEST_CASE("a close that ends not all, or in another order, is told (P13)") {
  const Queue queue;
  for (const auto& ended :
       {std::array{queue.second, queue.first}, std::array{queue.first, queue.first}}) {
    Oracle oracle = queue.oracle;
    CHECK(oracle.close(ended) == "close did not end all who wait, in order (P13)");
  }
}

TEST_CASE("a block that grew though it could not, and one that did not though it could, are told") {
  Queue queue;
  CHECK(queue.oracle.resize(queue.hog, 112, true, {}) == "a block was resized that could not be");
  Oracle oracle(128);
  const BlockId low = oracle.add(40, 8);
  CHECK(!oracle.request(low, Answer::granted, 0, {}));
  CHECK(!oracle.request(oracle.add(40, 8), Answer::granted, 48, {}));
  Oracle grown = oracle;
  CHECK(grown.resize(low, 48, true, {}) == "a block was resized that could not be");
  CHECK(oracle.resize(low, 8, false, {}) == "a block could be resized, and was not");
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
        "the request should be granted, and is waiting");
  CHECK(Oracle(oracle).request(sure, Answer::waiting, 0, {}) ==
        "the request should be granted, and is waiting");
  Oracle waits = oracle;
  CHECK(!waits.request(maybe, Answer::waiting, 0, {}));
  CHECK(!waits.poll({}));
  CHECK(!waits.poll(std::array{Grant{maybe, 248}}));
  CHECK(!oracle.request(maybe, Answer::granted, 248, {}));
}

TEST_CASE("an empty heap grants whatever fits, whatever its alignment") {
  Oracle oracle(512, 16);
  CHECK(oracle.request(oracle.add(200, 256), Answer::waiting, 0, {}) ==
        "the request should be granted, and is waiting");
}

}  // namespace
