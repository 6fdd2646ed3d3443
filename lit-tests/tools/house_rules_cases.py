"""Builds a clean little tree, then trees with one violation each; house_rules.test runs it.

Usage: house_rules_cases.py HOUSE_RULES EMPTY_FOLDER
"""

import re
import subprocess
import sys
from pathlib import Path

CARD = "// purpose: p.\n// layer: {}; includes nothing.\n// threads: none.\n// invariants: none.\n"
WORD, QUEUE, MAIN = "include/mneme/word.hpp", "include/mneme/queue.hpp", "src/driver/commands/main.cpp"
ADAPTER = "include/mneme/adapters/near.hpp"
QUEUE_TEXT = CARD.format("L1") + """#include <atomic>
#include "word.hpp"
class Queue {
 public:
  void push(int* node) {
    int* head = nullptr;
    // (q.push) release: pairs with acquire (q.drain), acq_rel (q.swap); publishes the node.
    // (q.retry) relaxed: publishes nothing.
    while (!head_.compare_exchange_weak(head, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {}
  }
  int* drain() {
    // (q.drain) acquire: pairs with release (q.push); sees the node.
    return head_.exchange(nullptr, std::memory_order_acquire);
  }
  int* swap(int* node) {
    // (q.swap) acq_rel: pairs with release (q.push), acq_rel (q.swap); publishes the node.
    return head_.exchange(node, std::memory_order_acq_rel);
  }

 private:
  std::atomic<int*> head_{nullptr};
};
namespace m {
}  // namespace m
#include "mneme.hpp"
"""
CLEAN = {
    "tools/layers.toml": """
[[layer]]
name = "L0"
about = "low"
files = ["include/mneme/word.hpp"]
includes = []
[[layer]]
name = "L1"
about = "high"
files = ["include/mneme/queue.hpp", "include/mneme/mneme.hpp"]
includes = ["L0"]
[[layer]]
name = "adapters"
about = "a"
files = ["include/mneme/adapters/*"]
includes = ["L0", "L1"]
[[layer]]
name = "testing"
about = "u"
files = ["include/mneme/testing/*"]
includes = ["L0", "L1"]
[[layer]]
name = "driver"
about = "d"
files = ["src/driver/*"]
includes = ["L0", "L1"]
libraries = ["fmt"]
[[layer]]
name = "tests"
about = "t"
files = ["lit-tests/*"]
includes = ["L0", "L1", "testing"]
[core]
std = ["atomic"]
hosted = { "include/mneme/word.hpp" = ["cstdio"] }
casts = ["include/mneme/word.hpp"]
""",
    WORD: CARD.format("L0") + "#include <cstdio>\n"
                              "inline auto* p = reinterpret_cast<int*>(1);  // new (cast)\n",
    QUEUE: QUEUE_TEXT,
    "include/mneme/mneme.hpp": CARD.format("L1") + '#include "queue.hpp"\n',
    ADAPTER: CARD.format("adapters") + '#include <vector>\n#include "../queue.hpp"\n',
    "include/mneme/testing/far.hpp": CARD.format("testing") + "#include <vector>\n",
    "lit-tests/testing/some_test.cpp": CARD.format("tests") + "#include <mneme/testing/far.hpp>\n",
    MAIN: CARD.format("driver") + '#include <fmt/core.h>\n#include <string>\n'
                           '#include <mneme/queue.hpp>\nint main() { return "union"[0]; }\n',
    "lit-tests/unit/core/word_test.cpp": "// RUN: true\n" + CARD.format("tests"),
    "lit-tests/unit/core/queue_test.cpp": CARD.format("tests"),
    "lit-tests/unit/core/mneme_test.cpp": CARD.format("tests"),
    "lit-tests/adapters/near.test": "# RUN: true\n",
}
LONG_BODY = "  f();\n" * 59

# (what is wrong, file, what to look for, what to put there, the violation); "" looks for the end.
CASES = [
    ("a layer above", WORD, "", '#include "queue.hpp"\n',
     r"include/mneme/word.hpp:7: layers: L0 may not include queue.hpp, which is in L1"),
    ("a circle", WORD, "", '#include "queue.hpp"\n',
     r"layers: includes itself: .*word.hpp"),
    ("no such file", QUEUE, "word.hpp", "gone.hpp", r'"gone.hpp" is no file'),
    ("a hosted header", QUEUE, "<atomic>", "<vector>",
     r"queue.hpp:5: layers: the core may not use <vector>"),
    ("hosted for another file", QUEUE, "<atomic>", "<cstdio>",
     r"the core may not use <cstdio>"),
    ("a foreign library", MAIN, "fmt/", "boost/", r"may not use <boost/core.h>"),
    ("no layer", "src/stray.cpp", "", CARD.format("driver"),
     r"src/stray.cpp:1: layers: is in no layer"),
    ("no card", MAIN, "// threads: none.\n", "",
     r"main.cpp:3: card: here must stand `// threads: …`"),
    ("an empty card", MAIN, "purpose: p.", "purpose: ", r"main.cpp:1: card"),
    ("an empty file", "src/driver/empty.cpp", "", "\n", r"empty.cpp:1: card: here must stand"),
    ("the wrong layer", MAIN, "layer: driver", "layer: L1",
     r"main.cpp:2: card: the file is in layer driver"),
    ("a long core header", WORD, "", "//\n" * 400, r"size: 406 lines, allowed 400"),
    ("a long adapter", ADAPTER, "", "//\n" * 145, r"near.hpp:151: size: 151 lines, allowed 150"),
    ("an atomic of an adapter", ADAPTER, "", "int f() { return a.load(std::memory_order_relaxed); }\n",
     r"near.hpp:7: atomics: load has no tag"),
    ("a long driver file", MAIN, "", "//\n" * 400, r"size: 408 lines, allowed 400"),
    ("a long line", "lit-tests/unit/core/word_test.cpp", "", "//" + "x" * 99 + "\n",
     r"word_test.cpp:6: size: 101 columns, allowed 100"),
    ("a long function", MAIN, "", f"template <class T>\nauto g(T a) -> int {{\n"
     f"{LONG_BODY}}}\n", r"main.cpp:9: size: a function of 62 lines, allowed 60"),
    ("a long constructor", MAIN, "", f"struct S {{\n  S() : a_{{1}}, b_(2) {{\n"
     f"{LONG_BODY}  }}\n}};\n", r"main.cpp:10: size: a function of 61 lines"),
    ("a big core", WORD, "", "using A = int;\n" * 3101,
     r"mneme.hpp:1: size: it includes 31\d\d lines of code, allowed 3100"),
    ("no tag", QUEUE, "(q.drain) acquire:", "drain:",
     r"queue.hpp:18: atomics: exchange has no tag for its order acquire"),
    ("no order", QUEUE, ", std::memory_order_acquire", "",
     r"queue.hpp:18: atomics: exchange does not state its memory order"),
    ("one order of two", QUEUE, ",\n" + " " * 40 + "std::memory_order_relaxed", "",
     r"compare_exchange_weak does not state its memory orders, of success and of failure"),
    ("another order", QUEUE, "nullptr, std::memory_order_acquire",
     "nullptr, std::memory_order_relaxed", r"exchange has no tag for its order relaxed"),
    ("two of one name", QUEUE, "(q.drain) acquire", "(q.push) acquire",
     r"tag \(q.push\) is also at"),
    ("a tag at nothing", QUEUE, "", "// (q.gone) relaxed: publishes nothing.\n",
     r"tag \(q.gone\) is at no operation"),
    ("no partner", QUEUE, "pairs with release (q.push); sees", "sees",
     r"tag \(q.drain\) must say `pairs with"),
    ("an unknown partner", QUEUE, "acquire (q.drain),", "acquire (q.gone),",
     r"tag \(q.push\) pairs with \(q.gone\), which is nowhere"),
    ("a one-sided pair", QUEUE, "acquire (q.drain), ", "",
     r"tag \(q.drain\) pairs with \(q.push\), which does not name it back"),
    ("a wrong name for the order", QUEUE, "with acquire (q.drain)",
     "with release (q.drain)", r"calls \(q.drain\) release, but it is acquire"),
    ("two acquiring sides", QUEUE, "(q.push) release: pairs with acquire (q.drain)"
     ", acq_rel (q.swap); publishes the node.", "(q.push) acquire: pairs with (q.drain), (q.swap);",
     r"\(q.push\) and \(q.drain\) are not a releasing and an acquiring side"),
    ("an unexplained relaxed", QUEUE, "publishes nothing", "why not",
     r"tag \(q.retry\) must say why it publishes nothing"),
    ("an unproved seq_cst", QUEUE, "", "// (q.all) seq_cst: pairs with (q.all);\n"
     "inline int all() { return x->load(std::memory_order_seq_cst); }\n", r"needs a written proof"),
    ("an atomic used bare", QUEUE, "int* head = nullptr", "int* head = head_",
     r"queue.hpp:10: atomics: head_ is atomic"),
    ("a fence", QUEUE, "int* head = nullptr;", "std::atomic_thread_fence(x);",
     r"queue.hpp:10: atomics: no fences"),
    *[(f"a cast: {cast}", MAIN, "", f"{cast};\n", r"main.cpp:9: casts: `" + name)
      for cast, name in [("reinterpret_cast<int>(p)", "reinterpret_cast"), ("union U {}", "union"),
                         ("const_cast<int*>(p)", "const_cast"), ("::new (p) int", "new"),
                         ("std::launder(p)", "launder"), ("std::construct_at(p)", "construct_at")]],
    *[(f"a mark: {mark}", file, "", f"# {mark}\n", rf"{file}:\d+: marks: `{mark}`")
      for file in ("lit-tests/unit/core/x.mn", "tools/x.sh")
      for mark in ("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK")],
    ("code switched off", MAIN, "", "#if" " 0\n#endif\n", r"main.cpp:9: marks: `#if"),
    ("a machine's path", "tools/x", "", "cd /ho" "me/me/x\n", r"tools/x:1: marks: `/ho"),
    ("a URL in a script", "tools/x.py", "", "SVG = 'http:/" "/www.w3.org/2000/svg'\nget('https:/" "/a.b')\n",
     r"x.py:2: marks: `https"),
    ("no test", "lit-tests/unit/core/queue_test.cpp", None, None,
     r"queue.hpp:1: tests: no lit-tests/unit/core/queue_test.cpp"),
    ("an adapter without a test", "lit-tests/adapters/near.test", None, None,
     r"near.hpp:1: tests: neither lit-tests/adapters/near_test.cpp nor lit-tests/adapters/near.test"),
    ("a part of testing without a test", "lit-tests/testing/some_test.cpp", "#include <mneme/testing/far.hpp>", "",
     r"far.hpp:1: tests: no test in lit-tests/testing includes it"),
    *[(f"a test in the wrong folder: {text}", "lit-tests/unit/core/word_test.cpp", "", f"{text}\n",
       rf"word_test.cpp:\d+: folders: {what}")
      for text, what in [("#define MNEME_" "CHECKED 0", "changes the library or the whole program: its place is a folder alone"),
                         ('#include "../src/driver/x.hpp"', "uses the driver: its place is a folder driver"),
                         ("std::jthread thread;", "has threads: its place is a folder adapters or driver or races or threads")]],
    ("a stray file at the top", "notes.txt", "", "x\n", r"notes.txt:1: top: does not belong"),
    ("a README without the picture", "include/mneme/README.md", "", "# x\n",
     r"include/mneme/README.md:1: readme: must show"),
]


def build(root, tree):
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def run(tool, root, *options):
    done = subprocess.run([tool, "--root", root, *options], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    tool, scratch = sys.argv[1], Path(sys.argv[2])
    failures = []
    build(scratch / "clean", CLEAN)
    _, picture = run(tool, scratch / "clean", "--picture")
    build(scratch / "clean", {"include/mneme/README.md": f"```\n{picture}```\n"})
    code, output = run(tool, scratch / "clean")
    if code != 0 or ": 0 violations" not in output or "may include L0" not in picture:
        failures.append(f"the clean tree: exit {code}\n{output}")
    for number, (name, file, old, new, violation) in enumerate(CASES):
        tree = dict(CLEAN)
        text = tree.pop(file, "")
        if new is not None:
            if old not in text:
                failures.append(f"{name}: the case itself is wrong, `{old}` is not in {file}")
            tree[file] = text.replace(old, new, 1) if old else text + new
        build(scratch / str(number), tree)
        code, output = run(tool, scratch / str(number))
        if code != 1 or not re.search(violation, output):
            failures.append(f"{name}: exit {code}, expected `{violation}` in\n{output}")
    print("\n".join(failures) or f"{len(CASES)} violations found")
    sys.exit(1 if failures else 0)


main()
