// purpose: shows that each proposed change of a script with tasks gives the expected script.
// layer: tests; includes the driver.
// threads: one.
// invariants: the expected scripts are parsed from text.
// RUN: %build/tests/mend_test
#include "driver/explore/mend.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "driver/language/parser.hpp"

namespace {

using namespace mneme::driver;

Program program_of(const std::string& text) {
  const std::string whole = "heap 4K align=8\n" + text;
  Source source{whole, "mend.mn"};
  Parser parser{source, {}};
  ProgramBuilder builder;
  Op op;
  while (parser.next(op)) builder.add(op);
  return builder.finish();
}

/// The steps without their texts and lines.
std::string steps_of(const Program& program) {
  std::string text;
  const auto put = [&](std::uint64_t number) { text += ' ' + std::to_string(number); };
  for (const MailboxSpec& mailbox : program.mailboxes) {
    text += mailbox.name;
    put(mailbox.capacity);
    text += '\n';
  }
  for (const TaskProgram& task : program.tasks) {
    text += task.name + '\n';
    for (const ProgramStep& step : task.steps) {
      put(static_cast<std::uint64_t>(step.kind));
      const bool has_name = step.kind == OpKind::alloc || step.kind == OpKind::free ||
                            step.kind == OpKind::send || step.kind == OpKind::receive;
      text += has_name ? ' ' + task.names[step.name] : "";
      if (step.kind == OpKind::wait || step.kind == OpKind::signal) {
        put(program.semaphores[step.object].start);
      }
      if (step.kind == OpKind::alloc) {
        put(step.size_bytes);
        put(step.align_bytes);
      }
      if (step.kind == OpKind::end) put(step.jump);
      text += '\n';
    }
  }
  return text;
}

struct Named {
  MendKind kind;
  std::string text;
};

void check_mend(const std::vector<Alternatives>& all, const std::string& before, const Named& mend,
                const std::string& after) {
  for (const Alternatives& alternatives : all) {
    for (const Mend& each : alternatives) {
      if (each.text != mend.text) continue;
      CHECK(each.kind == mend.kind);
      Program program = program_of(before);
      each.apply(program);
      CHECK(steps_of(program) == steps_of(program_of(after)));
      return;
    }
  }
  FAIL("no change is called ", mend.text);
}

TEST_CASE("steps move to other places, and earlier frees are distinguished") {
  const std::string before =
      "task t\nrepeat 2\nalloc a 8\nalloc b 16\nfree a\nfree b\nend\nyield\nend\n";
  const auto all = reorderings(program_of(before), 100);
  check_mend(all, before, {MendKind::order, "t: 'alloc b 16' before 'alloc a 8'"},
             "task t\nrepeat 2\nalloc b 16\nalloc a 8\nfree a\nfree b\nend\nyield\nend\n");
  check_mend(
      all, before,
      {MendKind::earlier_frees, "t: 'free a' before 'alloc b 16' (if it can be freed earlier)"},
      "task t\nrepeat 2\nalloc a 8\nfree a\nalloc b 16\nfree b\nend\nyield\nend\n");
  // No step moves past another step of its name or out of its loop; moving only frees is pointless.
  CHECK(all.size() == 2);
}

TEST_CASE("the nearest places come first, as many as requested") {
  const std::string before =
      "task t\nalloc a 8\nalloc b 8\nalloc c 8\nfree a\nfree b\nfree c\nend\n";
  const auto all = reorderings(program_of(before), 3);
  REQUIRE(all.size() == 3);
  CHECK(all[0].front().text == "t: 'alloc b 8' before 'alloc a 8'");
  CHECK(all[1].front().text == "t: 'alloc c 8' before 'alloc b 8'");
}

TEST_CASE("steps that a semaphore orders keep their order") {
  const std::string before = "semaphore s 1\ntask t\nwait s\nalloc a 8\nsignal s\nfree a\nend\n";
  for (const Alternatives& each : reorderings(program_of(before), 100)) {
    CHECK(each.front().text.find("'wait s' after 'signal s'") == std::string::npos);
    CHECK(each.front().text.find("'signal s' before 'wait s'") == std::string::npos);
  }
}

TEST_CASE("a turn is taken around the whole task, or in each round") {
  const std::string before =
      "task t x3\nalloc a 8\nfree a\nend\ntask u\nalloc x 8\nrepeat forever\nalloc a 8\nfree "
      "a\nend\nend\n";
  const auto all = structural_mends(program_of(before));
  check_mend(all, before, {MendKind::fewer_tasks, "at most 2 of t1 to t3 at a time"},
             "semaphore turns 2\ntask t x3\nwait turns\nalloc a 8\nfree a\nsignal turns\nend\n"
             "task u\nalloc x 8\nrepeat forever\nalloc a 8\nfree a\nend\nend\n");
  check_mend(all, before, {MendKind::fewer_tasks, "at most 1 of all tasks at a time"},
             "semaphore turns 1\ntask t x3\nwait turns\nalloc a 8\nfree a\nsignal turns\nend\n"
             "task u\nalloc x 8\nrepeat forever\nwait turns\nalloc a 8\nfree a\nsignal "
             "turns\nend\nend\n");
}

TEST_CASE("a credit is taken before the request and returned after the free") {
  const std::string before =
      "mailbox m 2\ntask t\nrepeat 3\nalloc a 8\nsend m a\nend\nend\n"
      "task u\nrepeat 3\nreceive m b\nyield\nfree b\nend\nend\n";
  const auto all = structural_mends(program_of(before));
  check_mend(
      all, before,
      {MendKind::fewer_blocks, "at most 1 block on the way through mailbox m at a time (credits)"},
      "semaphore credits 1\nmailbox m 2\ntask t\nrepeat 3\nwait credits\nalloc a 8\nsend m "
      "a\nend\nend\n"
      "task u\nrepeat 3\nreceive m b\nyield\nfree b\nsignal credits\nend\nend\n");
  check_mend(all, before, {MendKind::smaller_box, "mailbox m 1"},
             "mailbox m 1\ntask t\nrepeat 3\nalloc a 8\nsend m a\nend\nend\n"
             "task u\nrepeat 3\nreceive m b\nyield\nfree b\nend\nend\n");
}

TEST_CASE("two requests become one, freed with the later of the two") {
  const std::string before =
      "task t\nrepeat 2\nalloc a 20\nalloc b 16 align=16\nfree a\nyield\nfree b\nend\nend\n";
  const auto all = structural_mends(program_of(before));
  check_mend(all, before, {MendKind::merge, "t: one request of 48 for a and b"},
             "task t\nrepeat 2\nalloc a 48 align=16\nyield\nfree a\nend\nend\n");
}

}  // namespace
