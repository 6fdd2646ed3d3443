// purpose: shows what the search sees of a small graph, and what the verdict makes of it.
// layer: tests; includes testing.
// threads: one.
// invariants: the world is a table, so that each number can be counted by hand.
// RUN: %build/tests/verdict_test
// REQUIRES: full || release
#include <mneme/testing/move.hpp>
#include <mneme/testing/search.hpp>
#include <mneme/testing/state_graph.hpp>
#include <mneme/testing/verdict.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace {

namespace t = mneme::testing;

/// One task; each place is a state, whose row says where its choices lead.
class TableWorld {
 public:
  struct Row {
    std::vector<std::size_t> to;
    bool waits = false;
    std::uint64_t blocking = 0;
    bool is_endless = false;
  };
  explicit TableWorld(std::vector<Row> rows) : rows_{std::move(rows)} {}

  struct Step {
    std::uint32_t lasting_grants = 0;
  };
  void restart() { at_ = 0; }
  static bool can_copy() { return false; }
  static std::size_t snapshot_bytes() { return 0; }
  static void save(std::byte* /*to*/) {}
  static void load(const std::byte* /*from*/) {}
  static std::size_t task_count() { return 1; }
  static std::uint8_t program_of(std::size_t /*task*/) { return 0; }
  [[nodiscard]] bool can_step(std::size_t /*task*/) const { return !rows_[at_].to.empty(); }
  [[nodiscard]] std::size_t choices(std::size_t /*task*/) const { return rows_[at_].to.size(); }
  static std::size_t twin_of(std::size_t task) { return task; }
  Step step(t::Move move) {
    at_ = rows_[at_].to[move.choice];
    return {};
  }
  std::span<const std::byte> identity() { return std::as_bytes(std::span(&at_, 1)); }
  [[nodiscard]] bool has_lasting_request() const { return rows_[at_].waits; }
  [[nodiscard]] bool has_unfinished() const {
    return !rows_[at_].to.empty() && !rows_[at_].is_endless;
  }
  [[nodiscard]] std::uint64_t blocking_objects() const { return rows_[at_].blocking; }
  static void observe(t::Observed& /*seen*/) {}

 private:
  std::vector<Row> rows_;
  std::size_t at_ = 0;
};

TEST_CASE("the shortest deadlock, the point of no return and the shares are those of the graph") {
  // 0 chooses between the good end 3, and 1, which leads to the deadlock 2.
  TableWorld world{{{.to = {1, 3}}, {.to = {2}}, {.to = {}, .waits = true}, {}}};
  const t::SearchResult result = t::search(world, {});
  CHECK(result.is_complete());
  CHECK(result.graph.size() == 4);
  CHECK(result.transitions == 3);
  CHECK(result.depth == 2);
  const t::Verdict verdict = t::judge(result, 0);
  CHECK(verdict.kind == t::VerdictKind::deadlock);
  CHECK(verdict.schedule == t::Path{{0, 0}, {0, 0}});
  CHECK(verdict.no_return == 1U);
  CHECK(verdict.bad_states == 1);
  REQUIRE(verdict.shares.has_value());
  CHECK(verdict.shares->chance == 0.5);
}

TEST_CASE("what waits for an object for ever is stuck, and what goes round is none of both") {
  TableWorld stuck{{{.to = {1}}, {.to = {}, .blocking = 1}}};
  CHECK(t::judge(t::search(stuck, {}), 0).kind == t::VerdictKind::stuck);
  TableWorld round{{{.to = {1}}, {.to = {0}}}};
  CHECK(t::judge(t::search(round, {}), 1).kind == t::VerdictKind::no_deadlock);
}

TEST_CASE("a cycle is a good end only if all endless programs move in it, and nothing blocks one") {
  const auto no_return_of = [](std::uint64_t blocking, std::uint64_t endless) {
    TableWorld world{
        {{.to = {0, 1}, .blocking = blocking, .is_endless = true}, {.to = {}, .waits = true}}};
    return t::judge(t::search(world, {}), endless).no_return;
  };
  CHECK(no_return_of(0, 1) == 1U);  // the deadlock can be avoided for ever
  CHECK(no_return_of(0, 3) == 0U);  // but not by the second program
  CHECK(no_return_of(1, 1) == 0U);
}

TEST_CASE("each choice is taken from its own state, however many the others have") {
  TableWorld world{{{.to = {1, 2, 3}}, {}, {}, {}}};
  const t::SearchResult result = t::search(world, {});
  CHECK(result.transitions == 3);
  CHECK(result.graph.edges_of(0).size() == 3);
}

TEST_CASE("a search that is cut off decides nothing, but for a deadlock that it saw") {
  TableWorld world{{{.to = {1}}, {.to = {2}}, {.to = {3}}, {}}};
  const t::SearchResult result = t::search(world, {.states = 2});
  CHECK(result.bound == t::Bound::states);
  CHECK(t::judge(result, 0).kind == t::VerdictKind::not_decided);
}

TEST_CASE("a search that is cut off tells the end of all tasks from a deadlock") {
  for (const bool waits : {false, true}) {
    TableWorld world{{{.to = {1, 2}}, {.to = {}, .waits = waits}, {.to = {3}}, {.to = {4}}, {}}};
    const t::SearchResult result = t::search(world, {.states = 4});
    CHECK(result.bound == t::Bound::states);
    CHECK(t::judge(result, 0).kind ==
          (waits ? t::VerdictKind::deadlock : t::VerdictKind::not_decided));
  }
}

}  // namespace
