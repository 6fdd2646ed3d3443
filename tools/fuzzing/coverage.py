"""What fuzzing alone reaches: lines of the library and of the parser, and why the rest is not."""

import re
import threading
import tomllib
from dataclasses import dataclass, field

from .places import LLVM, ROOT, Problem, inputs_of, program, run

# The files that fuzzing answers for.
WATCHED = re.compile(r"include/mneme/|src/driver/(canonical|codec|diagnostic|format_script|language|"
                     r"line|malloclab|names|op|parser|source)\.[ch]pp$")
UNREACHED = ROOT / "fuzz/unreached.toml"


@dataclass
class FileCoverage:
    lines: int = 0
    reached: int = 0
    unexplained: list = field(default_factory=list)  # line numbers
    explained: dict = field(default_factory=dict)    # line number: why


def explanations():
    """[(file, text, why)]: a line of the file that holds the text need not be reached."""
    if not UNREACHED.exists():
        return []
    return [(row["file"], row["text"], row["why"])
            for row in tomllib.loads(UNREACHED.read_text()).get("unreached", [])]


def profiles_of(harness, store, stopping):
    """[a profile of all its inputs], or of the committed ones, or none. The notes say which."""
    for corpora, instead in (([store.corpus(harness)], "only its seeds count"),
                             ([], "nothing of it counts")):
        try:
            return [profile_of(harness, corpora, store.scratch, stopping)]
        except Problem as problem:
            store.note(f"coverage: {problem}; {instead}")
    return []


def profile_of(harness, corpora, scratch, stopping):
    """Runs a harness over its inputs, so that its counters are written at its end."""
    raw = scratch / f"{harness}.profraw"
    raw.unlink(missing_ok=True)
    folders = [str(folder) for folder in [*corpora, *inputs_of(harness)] if folder.is_dir()]
    command = ["env", f"LLVM_PROFILE_FILE={raw}", program(harness, "fuzz-coverage"), "-runs=0",
               "-timeout=60", *folders]
    done = run(command, 1800, stopping)
    if done.returncode != 0 or not raw.exists():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Problem(f"{harness} does not run over its own corpus; triage what it says: "
                      f"{said[-1] if said else done.returncode}")
    return raw


def parse_lcov(text):
    """{file: {line: count}} of an lcov tracefile."""
    files, lines = {}, {}
    for row in text.splitlines():
        if row.startswith("SF:"):
            lines = files.setdefault(row[3:], {})
        elif row.startswith("DA:"):
            line, count = row[3:].split(",")[:2]
            lines[int(line)] = max(lines.get(int(line), 0), int(count))
    return files


def judge(files, rows, read_lines):
    """{file: FileCoverage} of the watched files."""
    result = {}
    for file, lines in sorted(files.items()):
        if not WATCHED.search(file):
            continue
        name = file[WATCHED.search(file).start():]
        found = FileCoverage(lines=len(lines), reached=sum(count > 0 for count in lines.values()))
        texts = read_lines(name)
        for line in sorted(line for line, count in lines.items() if count == 0):
            text = texts[line - 1] if line <= len(texts) else ""
            why = next((why for where, part, why in rows if name == where and part in text), None)
            if why or text.strip() in ("}", "};", ""):
                found.explained[line] = why or "the end of a function that was left before"
            else:
                found.unexplained.append(line)
        result[name] = found
    return result


def checked(command, stopping):
    """The output of one of LLVM's tools."""
    done = run(command, 600, stopping)
    if done.returncode != 0:
        raise Problem(f"{command[0].name} failed: {done.stderr.decode(errors='replace')[-200:]}")
    return done.stdout.decode()


def coverage(store, names, stopping=threading.Event()):
    """{file: FileCoverage} by all corpora, seeds and former findings."""
    store.scratch.mkdir(parents=True, exist_ok=True)
    raws = [raw for name in names for raw in profiles_of(name, store, stopping)]
    if not raws:
        raise Problem("no harness runs over its inputs")
    merged = store.scratch / "all.profdata"
    checked([LLVM / "llvm-profdata", "merge", "-sparse", *raws, "-o", merged], stopping)
    objects = [part for name in names for part in ("-object", program(name, "fuzz-coverage"))]
    lcov = checked([LLVM / "llvm-cov", "export", "-format=lcov", f"-instr-profile={merged}",
                    *objects], stopping)
    return judge(parse_lcov(lcov), explanations(),
                 lambda name: (ROOT / name).read_text().splitlines())


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
