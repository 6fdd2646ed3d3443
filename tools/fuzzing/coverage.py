"""What fuzzing alone reaches: lines of the library and of the parser, and why the rest is not."""

import re
import subprocess
import tomllib
from dataclasses import dataclass, field

from .common import LLVM, ROOT, Problem, harnesses, inputs_of, program, run, write_atomically
from .triage import failure_of

# The files that fuzzing answers for.
WATCHED = re.compile(r"include/mneme/|src/driver/(language/|execute/task_table\.)")
UNREACHED = ROOT / "fuzz/unreached.toml"
PART_MAX = 1000   # inputs by name on one command line
FAILING_MAX = 30  # inputs to find that fail; such a harness tells little


@dataclass
class FileCoverage:
    lines: int = 0
    reached: int = 0
    unexplained: list = field(default_factory=list)  # line numbers
    explained: dict = field(default_factory=dict)    # line number: why


@dataclass
class Row:
    """Why lines of a file that hold a text need not be reached; all, or those of a function."""
    file: str
    text: str
    why: str
    function: str = ""      # part of its name, as in `FirstFit::carve`
    by_chance: bool = False  # whether they are reached, as what depends on how threads meet
    explains: bool = False   # a line that nothing before it does

    def __str__(self):
        return ", ".join(filter(None, (self.file, self.function, self.text and f"`{self.text}`")))


@dataclass
class Seen:
    """What a tracefile says of one file."""
    counts: dict = field(default_factory=dict)  # line: how often it ran
    starts: dict = field(default_factory=dict)  # line: names of the functions that begin there

    def functions_at(self, line):
        """Names of the function that begins last before the line; a template has several."""
        start = max((start for start in self.starts if start <= line), default=0)
        return self.starts.get(start, [])


def explanations():
    """The Rows of fuzz/unreached.toml. One with a function needs no text."""
    try:
        rows = tomllib.loads(UNREACHED.read_text()).get("unreached", [])
        return [Row(**({"text": ""} if "function" in row else {}) | row) for row in rows]
    except (TypeError, ValueError) as error:
        raise Problem(f"{UNREACHED}: {error}") from error


def profiles_of(harness, store):
    """Profiles of all its inputs but those that fail, of which the notes tell."""
    folders = [folder for folder in (store.corpus(harness), *inputs_of(harness)) if folder.is_dir()]
    raw = store.scratch / f"{harness}.profraw"
    wrong = wrong_in_profile(harness, folders, raw)
    if not wrong:
        return [raw]
    inputs = sorted(path for folder in folders for path in folder.iterdir() if path.is_file())
    parts = [inputs[at:at + PART_MAX] for at in range(0, len(inputs), PART_MAX)]
    raws, failing = [], []
    while parts and len(failing) < FAILING_MAX:
        part = parts.pop()
        raw = store.scratch / f"{harness}-{len(raws)}.profraw"
        if not wrong_in_profile(harness, part, raw):
            raws.append(raw)
        elif len(part) == 1:
            failing += part
        else:
            parts += [part[:len(part) // 2], part[len(part) // 2:]]
    left_out = len(failing) + sum(map(len, parts))
    store.note(f"coverage: {harness} fails: {wrong}; {left_out} of its {len(inputs)} inputs do not "
               "count")
    return raws


def wrong_in_profile(harness, inputs, raw):
    """Runs a harness, which writes its counters at its end; says what is wrong if it does not."""
    raw.unlink(missing_ok=True)
    command = ["env", f"LLVM_PROFILE_FILE={raw}", program(harness, "fuzz-coverage"), "-runs=0",
               "-timeout=60", f"-artifact_prefix={raw.parent}/", *inputs]
    failure = failure_of(run(command, 1800))
    return failure.what if failure else "" if raw.exists() else "it writes no profile"


def parse_lcov(text):
    """{file: Seen} of an lcov tracefile."""
    files, seen = {}, Seen()
    for row in text.splitlines():
        kind, _, what = row.partition(":")
        if kind == "SF":
            seen = files.setdefault(what, Seen())
        elif kind == "DA":
            line, count = map(int, what.split(",")[:2])
            seen.counts[line] = max(seen.counts.get(line, 0), count)
        elif kind == "FN":
            line, name = what.split(",", 1)
            seen.starts.setdefault(int(line), []).append(plain(name))
    return files


def plain(name):
    """`mneme::A::f` of `void mneme::A::f<int>(mneme::B<int>) const`, and of a lambda in it."""
    name = name.replace("(anonymous namespace)::", "")
    while (shorter := re.sub("<[^<>]*>", "", name)) != name:
        name = shorter
    return name.partition("(")[0]


def judge(files, rows, read_lines):
    """{file: FileCoverage} of the watched files."""
    result = {}
    for file, seen in sorted(files.items()):
        if not WATCHED.search(file):
            continue
        name = file[WATCHED.search(file).start():]
        found = FileCoverage(len(seen.counts), sum(count > 0 for count in seen.counts.values()))
        texts = read_lines(name)
        for line in sorted(line for line, count in seen.counts.items() if count == 0):
            text = texts[line - 1] if line <= len(texts) else ""
            row = first_of([row for row in rows if row.file == name], text, seen.functions_at(line))
            if row:
                row.explains = True
                found.explained[line] = row.why
            elif text.strip() in ("}", "};", ""):
                found.explained[line] = "the end of a function that was left before"
            else:
                found.unexplained.append(line)
        result[name] = found
    return result


def first_of(rows, text, functions):
    """The first row that explains a line of a function, or None."""
    return next((row for row in rows if row.text in text and
                 (not row.function or any(row.function in name for name in functions))), None)


def checked(command, stdin=subprocess.DEVNULL):
    """The output of one of LLVM's tools."""
    done = run(command, 600, stdin)
    if done.returncode != 0:
        raise Problem(f"{command[0].name} failed: {done.stderr.decode(errors='replace')[-200:]}")
    return done.stdout.decode()


def demangled(lcov, scratch):
    """A tracefile with the names of functions as the sources have them."""
    write_atomically(scratch / "all.lcov", lcov)
    with open(scratch / "all.lcov") as file:
        return checked([LLVM / "llvm-cxxfilt"], file)


def coverage(store, names):
    """({file: FileCoverage} by all corpora, seeds and former findings, Rows that explain nothing).

    Of those the notes tell as well. Without some harness all may still be of use.
    """
    rows = explanations()
    store.scratch.mkdir(parents=True, exist_ok=True)
    raws = [raw for name in names for raw in profiles_of(name, store)]
    if not raws:
        raise Problem("no harness runs over its inputs")
    merged = store.scratch / "all.profdata"
    checked([LLVM / "llvm-profdata", "merge", "-sparse", *raws, "-o", merged])
    objects = [part for name in names for part in ("-object", program(name, "fuzz-coverage"))]
    lcov = checked([LLVM / "llvm-cov", "export", "-format=lcov", f"-instr-profile={merged}",
                    *objects])
    files = judge(parse_lcov(demangled(lcov, store.scratch)), rows,
                  lambda name: (ROOT / name).read_text().splitlines())
    stale = [row for row in rows if not (row.explains or row.by_chance)
             and set(names) >= set(harnesses())]
    if stale:
        store.note(f"coverage: rows of fuzz/unreached.toml that explain nothing: "
                   f"{'; '.join(map(str, stale))}")
    return files, stale


def ranges(numbers):
    """`3, 7–9` of [3, 7, 8, 9]."""
    parts = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in parts)


def table(files):
    """The rows of the report: file, share, lines without an explanation."""
    rows = []
    for name, found in files.items():
        share = 100 * found.reached / found.lines if found.lines else 100
        rows.append((name, f"{share:.1f} %", f"{found.reached} of {found.lines}",
                     ranges(found.unexplained) or "–",
                     "; ".join(sorted(set(found.explained.values()))) or "–"))
    return rows
