// purpose: doctest's own code and main, compiled once for all unit tests of a variant.
// room: tests; includes doctest.
// threads: none.
// invariants: signals are left to the sanitizers, whose reports say more than doctest's.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define MNEME_PLAIN_REPORTER
#endif
#endif

#ifndef MNEME_PLAIN_REPORTER
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#else
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

namespace {

/// Tells of failures by printf alone: MemorySanitizer takes the C++ library's streams, which are
/// not instrumented, for readers of uninitialized memory.
struct PlainReporter : doctest::IReporter {
  explicit PlainReporter(const doctest::ContextOptions& /*unused*/) {}

  void report_query(const doctest::QueryData& /*unused*/) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& run) override {
    std::printf("test cases: %u, failed %u, skipped %u\n", run.numTestCases, run.numTestCasesFailed,
                run.numTestCases - run.numTestCasesPassingFilters);
  }
  void test_case_start(const doctest::TestCaseData& test) override { test_ = test.m_name; }
  void test_case_reenter(const doctest::TestCaseData& /*unused*/) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& /*unused*/) override {}
  void test_case_exception(const doctest::TestCaseException& /*unused*/) override {
    std::printf("%s: an exception was not caught\n", test_);
  }
  void subcase_start(const doctest::SubcaseSignature& /*unused*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& data) override {
    if (data.m_failed) {
      std::printf("%s:%d: error: %s: %s\n", data.m_file, data.m_line, test_, data.m_expr);
    }
  }
  void log_message(const doctest::MessageData& data) override {
    std::printf("%s:%d: a message\n", data.m_file, data.m_line);
  }
  void test_case_skipped(const doctest::TestCaseData& /*unused*/) override {}

 private:
  const char* test_ = "";
};

DOCTEST_REGISTER_REPORTER("plain", 1, PlainReporter);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  context.setOption("reporters", "plain");
  return context.run();
}
#endif
