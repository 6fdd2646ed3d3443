"""A copy of the tree in which every fault is present and switched off.

Each place becomes `(!on(7) ? (old) : (new))` or `if (!on(7)) { old } else { new }`, so one build of a
variant serves all faults; the environment's MNEME_FAULT=7 switches one on (mutant schemata: Untch,
Offutt, Harrold, ISSTA 1993). In constant evaluation every switch is off.
"""

import re
import shutil

COPIED = ("include", "src", "fuzz", "lit-tests", "tools", "configure.py", "build.ninja.in",
          "README.md", "LICENSE")
SWITCH = "include/mneme/fault_switch.hpp"
ENVIRONMENTS = ("lit-tests/environment_test.cpp", "lit-tests/models/environment.test")
SWITCH_TEXT = """#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#include <sanitizer/rtsan_interface.h>
#endif
#endif

namespace mneme::faults {

inline int number_in(const char* name) noexcept {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : std::atoi(text);
}
inline int opened(const char* name) noexcept {
  const char* const file = std::getenv(name);
  if (file == nullptr) return -1;
  const int low = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  const int high = ::fcntl(low, F_DUPFD_CLOEXEC, 100);  // a test may have closed its own output
  ::close(low);
  return high;
}
inline const int chosen = number_in("MNEME_FAULT");
inline const int reached = opened("MNEME_REACHED");
inline std::atomic<unsigned char> seen[@count@];

[[gnu::noinline]] inline void note(int id) noexcept {
  if (seen[id].exchange(1, std::memory_order_relaxed) != 0) return;
#ifdef SANITIZER_RTSAN_INTERFACE_H
  __rtsan::ScopedDisabler off;
#endif
  char line[16];
  const int length = std::snprintf(line, sizeof line, "%d\\n", id);
  if (::write(reached, line, static_cast<std::size_t>(length)) == length) return;
  if (*__errno_location() != EFBIG) std::abort();  // a test may limit the size of files
}

constexpr bool on(int id) noexcept {
  if consteval {
    return false;
  } else {
    if (reached >= 0) note(id);
    return chosen == id;
  }
}

}  // namespace mneme::faults
"""


class _Place:
    """A replaced stretch of text, with the stretches inside of it."""

    def __init__(self, fault):
        self.start, self.end, self.statement = fault.start, fault.end, fault.statement
        self.faults, self.inner = [fault], []

    def render(self, text):
        """Each fault has a line of its own, which begins with its number: so a compiler's complaint
        tells which fault it is about."""
        old = _render(text, self.start, self.end, self.inner)
        for fault in reversed(self.faults):
            new = " ".join(re.sub(r"//[^\n]*", "", fault.new).split())
            mark, off = f"\n/*{fault.number}*/", f"!::mneme::faults::on({fault.number})"
            # The old text goes first, as the models look for an operation behind its tag.
            old = (f"{mark} if ({off}) {{\n{old} }}{mark} else {{ {new} }}\n" if self.statement
                   else f"({mark} {off} ? (\n{old}) :{mark} ({new})\n)")
        return f"{{ {old} }}" if self.statement else old


def _render(text, start, end, places):
    parts, at = [], start
    for place in places:
        parts += [text[at:place.start], place.render(text)]
        at = place.end
    return "".join([*parts, text[at:end]])


def with_switches(text, faults):
    """The text with all faults switched in. Places are disjoint, nested, or the same."""
    top, open_places = [], []
    for fault in sorted(faults, key=lambda fault: (fault.start, -fault.end, not fault.statement)):
        while open_places and open_places[-1].end <= fault.start:
            open_places.pop()
        around = open_places[-1] if open_places else None
        if around and (around.start, around.end) == (fault.start, fault.end):
            around.faults.append(fault)
            continue
        if around and fault.end > around.end:
            raise ValueError(f"fault {fault.name} overlaps fault {around.faults[0].name}")
        place = _Place(fault)
        (around.inner if around else top).append(place)
        open_places.append(place)
    return _render(text, 0, len(text), top)


def numbered(faults):
    """Numbers those that can be switched; {file: its faults}."""
    by_file = {}
    for number, fault in enumerate((fault for fault in faults if fault.switched), 1):
        for change in fault.changes():
            change.number = number
            by_file.setdefault(change.file, []).append(change)
    return by_file


def _write_if_changed(file, text):
    if not file.is_file() or file.read_bytes() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)


def snapshot(root, tree):
    """Copies what a run reads, so that nobody's edits get into it while it lasts."""
    wanted = set()
    for top in (*COPIED, ".clang-tidy"):
        for file in [root / top, *(root / top).rglob("*")]:
            if file.is_file() and "__pycache__" not in file.parts:
                name = file.relative_to(root)
                wanted.add(name)
                _write_if_changed(tree / name, file.read_bytes())
                shutil.copymode(file, tree / name)
    for file in tree.rglob("*"):
        if file.is_file() and file.relative_to(tree) not in wanted:
            file.unlink()
    return tree


def copy_tree(root, tree, faults):
    """Writes `tree`, touching only files that change, so that ninja rebuilds no more than needed."""
    by_file = numbered(faults)
    wanted = {SWITCH, *ENVIRONMENTS}
    for top in COPIED:
        for file in [root / top, *sorted((root / top).rglob("*"))]:
            if not file.is_file() or "__pycache__" in file.parts:
                continue
            name = file.relative_to(root).as_posix()
            wanted.add(name)
            text = file.read_bytes()
            if name in by_file:
                switched = with_switches(text.decode(), by_file[name])
                include = "#include <mneme/fault_switch.hpp>\n"
                text = (switched.replace("#pragma once\n", "#pragma once\n" + include, 1)
                        if "#pragma once\n" in switched else include + switched).encode()
            if name == "configure.py":  # a switched fault is not what warnings are for
                text = text.replace(b" -Werror", b" -Wno-everything").replace(
                    b"-Wno-everything=", b"-W")
            if name.endswith(".test"):  # nor where a test compiles something itself
                text = re.sub(rb" -Werror(?!=)", b" -w", text)
            if name == "lit-tests/lit.cfg.py":  # each test notes which faults it reaches
                text += (b'config.test_format.preamble_commands = '
                         b'["export MNEME_REACHED=${MNEME_REACHED-%t.reached}"]\n')
            if name.startswith("lit-tests/models/"):  # a mutation on top of a fault tells nothing
                text = re.sub(rb"^// RUN: .*%fails\b.*\n", b"", text, flags=re.MULTILINE)
                # Nor does how many interleavings a fault leaves: what counts is what one of them does.
                text = re.sub(rb"\{\{\(\[0-9\]\{\d+,\}\)\}\}", b"{{[0-9]+}}", text)
            _write_if_changed(tree / name, text)
            shutil.copymode(file, tree / name)
    # The variables that lit gives its tests, for those who run a test without lit.
    for name in ENVIRONMENTS:
        _write_if_changed(tree / name, b"// RUN: env -0 > %build/lit/environment\n")
    _write_if_changed(tree / SWITCH,
                      SWITCH_TEXT.replace("@count@", str(len(faults) + 1)).encode())
    for top in COPIED:
        for file in (tree / top).rglob("*") if (tree / top).is_dir() else ():
            if file.is_file() and file.relative_to(tree).as_posix() not in wanted:
                file.unlink()
