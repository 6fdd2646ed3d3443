// purpose: doctest's own code and main, compiled once for all unit tests of a variant.
// layer: tests; includes doctest.
// threads: none.
// invariants: a run of no test fails; signals are left to the sanitizers, whose reports say more.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>

namespace {

/// Counts the test cases that ran.
struct Counter : doctest::IReporter {
  static inline int started = 0;

  explicit Counter(const doctest::ContextOptions& /*unused*/) {}

  void report_query(const doctest::QueryData& /*unused*/) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& /*unused*/) override {}
  void test_case_start(const doctest::TestCaseData& /*unused*/) override { ++started; }
  void test_case_reenter(const doctest::TestCaseData& /*unused*/) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& /*unused*/) override {}
  void test_case_exception(const doctest::TestCaseException& /*unused*/) override {}
  void subcase_start(const doctest::SubcaseSignature& /*unused*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& /*unused*/) override {}
  void log_message(const doctest::MessageData& /*unused*/) override {}
  void test_case_skipped(const doctest::TestCaseData& /*unused*/) override {}
};

/// Reports failures by printf alone: the streams of the C++ library are not instrumented, so they
/// cause false reports of uninitialised memory by MemorySanitizer, and of wrong types by
/// TypeSanitizer.
struct PlainReporter : Counter {
  using Counter::Counter;

  void test_run_end(const doctest::TestRunStats& run) override {
    std::printf("test cases: %u, failed %u, skipped %u\n", run.numTestCases, run.numTestCasesFailed,
                run.numTestCases - run.numTestCasesPassingFilters);
  }
  void test_case_start(const doctest::TestCaseData& test) override { test_ = test.m_name; }
  void test_case_exception(const doctest::TestCaseException& /*unused*/) override {
    std::printf("%s: an exception was not caught\n", test_);
  }
  void log_assert(const doctest::AssertData& data) override {
    if (data.m_failed) {
      std::printf("%s:%d: error: %s: %s\n", data.m_file, data.m_line, test_, data.m_expr);
    }
  }
  void log_message(const doctest::MessageData& data) override {
    std::printf("%s:%d: a message\n", data.m_file, data.m_line);
  }

 private:
  const char* test_ = "";
};

REGISTER_LISTENER("counter", 1, Counter);
DOCTEST_REGISTER_REPORTER("plain", 1, PlainReporter);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context;
  // A folder's tests may be one program, called by the name of each of its files: see configure.py.
  const char* const slash = std::strrchr(argv[0], '/');
  char file[256];  // no string of the library, which MemorySanitizer cannot look into
  std::snprintf(file, sizeof file, "*/%s.cpp", slash == nullptr ? argv[0] : slash + 1);
  context.setOption("source-file", file);
#if defined(__has_feature)
#if __has_feature(memory_sanitizer) || __has_feature(type_sanitizer)
  context.setOption("reporters", "plain");
#endif
#endif
  context.applyCommandLine(argc, argv);
  const int code = context.run();
  if (!context.shouldExit() && Counter::started == 0) {
    std::fputs("error: no test case ran\n", stderr);
    return 1;
  }
  return code;
}
