// purpose: tries changes, ranks those that help, and describes them.
// layer: explore; includes advice, fit, mend, verdict, diagnostic.
// threads: one owner.
// invariants: see advice.hpp.
#include "advice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "driver/language/diagnostic.hpp"
#include "explain.hpp"
#include "fit.hpp"
#include "mend.hpp"
#include "verdict.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t helps_max = 6;
constexpr std::size_t moves_max = 400;
// One change may use up this part of the limit on states; so may all larger heaps together.
constexpr std::uint64_t parts_of_one = 5;
constexpr std::uint64_t parts_of_heaps = 2;

enum class Outcome : std::uint8_t { helps, fails, undecided, impossible };

class Adviser {
 public:
  Adviser(const Program& program, const WorldOptions& options, const SearchLimits& limits)
      : program_{program}, options_{options}, limits_{limits}, most_{limits.states} {
    limits_.stops_at_deadlock = true;
    limits_.on_progress = {};
  }

  [[nodiscard]] Advice advise() {
    try_all(structural_mends(program_));
    for (const auto& part :
         {&Adviser::try_larger_heap, &Adviser::try_raw_heaps, &Adviser::try_queues}) {
      for (options_.varied = 0; options_.varied < options_.heaps.size(); ++options_.varied) {
        (this->*part)();
      }
    }
    options_.varied = 0;
    try_all(reorderings(program_, moves_max));
    summarise();
    rank();
    return std::move(advice_);
  }

 private:
  struct Count {
    std::size_t helps = 0;
    std::size_t fails = 0;
    std::size_t undecided = 0;
  };

  [[nodiscard]] Count& count(MendKind kind) { return counts_[static_cast<std::size_t>(kind)]; }

  Outcome note(MendKind kind, const std::string& text, Outcome outcome) {
    if (outcome == Outcome::helps) {
      ++count(kind).helps;
      found_[static_cast<std::size_t>(kind)].push_back(text);
    }
    count(kind).fails += outcome == Outcome::fails ? 1 : 0;
    count(kind).undecided += outcome == Outcome::undecided ? 1 : 0;
    return outcome;
  }

  [[nodiscard]] Outcome explore(const Program& program, const WorldOptions& options) {
    if (is_over()) return Outcome::undecided;
    try {
      World world{program, options};
      limits_.states = std::min(left_, most_ / parts_of_one);
      const SearchResult result = search(world, limits_);
      left_ -= std::min<std::uint64_t>(left_, result.graph.size());
      switch (judge(result, program).kind) {
        case VerdictKind::no_deadlock: return Outcome::helps;
        case VerdictKind::not_decided: return Outcome::undecided;
        default: return Outcome::fails;
      }
    } catch (const ScriptError&) {
      return Outcome::impossible;  // no room for a request, or for the steps before the tasks
    }
  }

  [[nodiscard]] bool is_over() const {
    return left_ == 0 || (limits_.interrupted != nullptr && *limits_.interrupted != 0);
  }

  [[nodiscard]] const std::string& heap_name() const {
    return program_.heaps[options_.varied].name;
  }
  /// ` dma`, `heap dma `, `dma ` and ` in dma`; empty for the first heap.
  [[nodiscard]] std::string name_of_heap() const {
    return heap_name().empty() ? std::string() : ' ' + heap_name();
  }
  [[nodiscard]] std::string prefix() const {
    return heap_name().empty() ? std::string() : "heap " + heap_name() + ' ';
  }
  [[nodiscard]] std::string prefix_name() const {
    return heap_name().empty() ? std::string() : heap_name() + ' ';
  }
  [[nodiscard]] std::string where() const {
    return heap_name().empty() ? std::string() : " in " + heap_name();
  }

  /// No other raw heap has two regions, or takes the size of one.
  void try_raw_heaps() {
    if (ScriptRawHeaps::names[options_.heap().raw_row] == ChainRow::name) return;
    for (std::size_t row = 0; row < RawHeaps::names.size(); ++row) {
      const bool has_room = options_.heap().bytes >= RawHeaps::min_region_bytes[row] &&
                            options_.heap().bytes <= RawHeaps::max_region_bytes[row];
      if (row == options_.heap().raw_row || !has_room) continue;
      WorldOptions options = options_;
      options.heap().raw_row = row;
      options.heap().raw_arguments = {};
      const std::string text = fmt::format("{}raw={}", prefix(), RawHeaps::names[row]);
      const Outcome outcome = note(MendKind::raw_heap, text, explore(program_, options));
      if (outcome == Outcome::fails) advice_.fails.push_back(text);
      if (outcome == Outcome::undecided) advice_.undecided.push_back(text);
    }
  }

  /// Of the bounds, only the smallest that helps.
  void try_queues() {
    using Kind = OracleQueue::Kind;
    struct Candidates {
      std::string_view words;
      std::vector<OracleQueue> queues;
    };
    const std::array<Candidates, 2> all{{{"bounded overtaking (1, 2, 4, 8)",
                                          {{Kind::overtaking, 1},
                                           {Kind::overtaking, 2},
                                           {Kind::overtaking, 4},
                                           {Kind::overtaking, 8}}},
                                         {"holders first", {{Kind::holders_first, 0}}}}};
    if (options_.heap().queue.kind != Kind::fifo) return;
    for (const Candidates& candidates : all) {
      const std::string words = std::string(candidates.words) + where();
      Outcome outcome = Outcome::fails;
      for (const OracleQueue queue : candidates.queues) {
        WorldOptions options = options_;
        options.heap().queue = queue;
        const Outcome seen = note(MendKind::queue, prefix() + "queue=" + queue_text(queue),
                                  explore(program_, options));
        if (seen != Outcome::fails) outcome = seen;
        if (seen == Outcome::helps) break;
      }
      if (outcome == Outcome::fails) advice_.fails.push_back(words);
      if (outcome == Outcome::undecided) advice_.undecided.push_back(words);
    }
  }

  void try_larger_heap() {
    if (is_over()) {
      advice_.undecided.push_back("a larger heap" + name_of_heap());
      return;
    }
    limits_.states = std::min(left_, most_ / parts_of_heaps);
    const LargerHeap larger = smallest_larger(program_, options_, limits_);
    left_ -= std::min(left_, larger.states);
    if (larger.bytes) {
      (void)note(MendKind::larger_heap,
                 fmt::format("heap {}{} (+{})", prefix_name(), *larger.bytes,
                             *larger.bytes - options_.heap().bytes),
                 Outcome::helps);
    } else {
      (larger.is_decided ? advice_.fails : advice_.undecided)
          .push_back("any larger heap" + name_of_heap());
    }
  }

  void try_all(const std::vector<Alternatives>& all) {
    for (const Alternatives& alternatives : all) {
      for (const Mend& mend : alternatives) {
        if (is_over()) {
          ++count(mend.kind).undecided;
          break;
        }
        Program changed = program_;
        mend.apply(changed);
        if (note(mend.kind, mend.text, explore(changed, options_)) == Outcome::helps) break;
      }
    }
  }

  /// Names the kinds of which no change helps.
  void summarise() {
    constexpr std::array<std::pair<MendKind, std::string_view>, 6> words{
        {{MendKind::fewer_tasks, "fewer tasks at a time"},
         {MendKind::smaller_box, "a smaller mailbox"},
         {MendKind::fewer_blocks, "credits for blocks in mailboxes"},
         {MendKind::merge, "two requests in one"},
         {MendKind::order, "any single reordering"},
         {MendKind::earlier_frees, "any single earlier free"}}};
    for (const auto& [kind, text] : words) {
      const Count& seen = count(kind);
      if (seen.helps > 0 || seen.fails + seen.undecided == 0) continue;
      if (seen.undecided > 0) {
        advice_.undecided.emplace_back(text);
      } else {
        advice_.fails.push_back(seen.fails > 1 ? fmt::format("{} ({} tried)", text, seen.fails)
                                               : std::string{text});
      }
    }
  }

  /// Takes the best of each kind first, then the second best, until there are enough.
  void rank() {
    std::array<std::size_t, found_kinds> shown{};
    std::size_t sum = 0;
    for (bool is_more = true; is_more && sum < helps_max;) {
      is_more = false;
      for (std::size_t kind = 0; kind < found_kinds && sum < helps_max; ++kind) {
        if (shown[kind] == found_[kind].size()) continue;
        ++shown[kind];
        ++sum;
        is_more = true;
      }
    }
    for (std::size_t kind = 0; kind < found_kinds; ++kind) {
      for (std::size_t at = 0; at < shown[kind]; ++at) advice_.helps.push_back(found_[kind][at]);
    }
  }

  static constexpr auto found_kinds = static_cast<std::size_t>(MendKind::count);

  const Program& program_;
  WorldOptions options_;
  SearchLimits limits_;  // of the current exploration
  std::uint64_t most_;   // states of all explorations
  std::uint64_t left_ = most_;
  Advice advice_;
  std::array<Count, found_kinds> counts_{};
  std::array<std::vector<std::string>, found_kinds> found_;
};

}  // namespace

Advice advise(const Program& program, const WorldOptions& options, const SearchLimits& limits) {
  return Adviser{program, options, limits}.advise();
}

std::string text_of(const Advice& advice) {
  std::string text;
  if (!advice.helps.empty()) {
    text += "would help (each verified by exploration):\n";
    for (const std::string& help : advice.helps) text += "  " + help + '\n';
  }
  const auto put = [&](std::string_view what, const std::vector<std::string>& list) {
    if (!list.empty()) text += fmt::format("{}: {}\n", what, fmt::join(list, "; "));
  };
  put("does not help", advice.fails);
  put("not decided", advice.undecided);
  return text;
}

}  // namespace mneme::driver
