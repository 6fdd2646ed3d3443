"""The layers that faults are held against: variants of the build, and the checks of the text.

A variant's tests are what lit made of them: after one run with every fault switched off, each has a
shell script of its own, and the faults that it reaches are known; then the scripts are run again and
again, with one fault switched on.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import threading
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import processes
from faults import Fault
from fuzzing.common import write_atomically

LIT = ["/usr/bin/python3", "/usr/lib/llvm-22/bin/lit"]
# Tests of the text and of the tools, which read sources or build on their own, and of bare metal, which has none of the
# headers that the switches need.
NOT_SWITCHED = re.compile(r"^(tools|fuzz|firmware)/|^scenarios/the_readme_is_accurate|^examples/bare_build|"
                          r"/a_free_is_nonblocking_by_its_type|/results_may_not_be_ignored|every_order_is_shown_to_be_needed|"
                          r"/compilers_that_are_too_old_get_a_clear_error")
TOOL_SPOKE = re.compile(
    r"(ERROR|WARNING): \w+Sanitizer|runtime error: |==\d+== +(Invalid |Conditional jump|Use of "
    r"uninit|Mismatched|Possible data race|[\d,]+ bytes in .* lost)|DATA RACE|DEADLOCK|LIVELOCK|"
    r"USER ASSERT FAILED|ACCESS TO FREED MEMORY|DOUBLE FREE|(MEMORY|RESOURCE) LEAK|ACCESS TO UNINIT|"
    r"(Syscall param|Jump to the invalid|Source and destination overlap) ")
CHECK_SPOKE = re.compile(r"mneme: fatal: |error: corruption")
CANARY = re.compile(r"/\w+_sees_")  # which shows what the tools say; when it fails, they said too little
# What a verdict of a variant, and one of the text, rests on.
TESTED = ("include", "src", "lit-tests", "configure.py", "build.ninja.in")
READ = ("include", "src", "lit-tests/sanitizers/Inputs", "tools/house-rules", "tools/atomic_tags.py", "tools/cpp_text.py",
        "tools/layers.toml", "configure.py", ".clang-tidy")
LIMIT_S, LIMIT_TIMES, LIMIT_MAX_S = 5, 5, 40
LIMIT_ALONE_S = 600
ENOUGH_S = 20  # of tests, for a fault that another layer's tests have seen
ATTEMPTS = {"tsan": 3}  # a race is seen when threads happen to meet


class LayerError(Exception):
    """Why a layer cannot be used."""


@dataclass
class Test:
    name: str
    script: Path
    seconds: float
    reached: set = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)  # its files are its own


@dataclass
class Verdict:
    test: str  # "" if the fault survived
    # "tool": the layer's own spoke; "check": mneme's; "test": an expectation; "time". Without a test:
    # "enough", if not all were asked; "unreached", if there was none to ask.
    by: str = ""


def hash_of(root, names):
    """Of all files there, but for the tests of the tools, which are not asked."""
    found = hashlib.sha256()
    for top in names:
        for file in sorted([root / top, *(root / top).rglob("*")]):
            name = file.relative_to(root).as_posix()
            if file.is_file() and "__pycache__" not in file.parts \
                    and not name.startswith("lit-tests/tools/"):
                found.update(name.encode() + file.read_bytes())
    return found.hexdigest()


def version_of(compiler):
    try:
        return subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return "gone"


def configure_of(root):
    """configure.py's tables."""
    spec = importlib.util.spec_from_file_location("configure", root / "configure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def layers_of(configure):
    """All layers, cheapest first. Those that see nothing that release does not are left out."""
    suites = [name for name in configure.CHECKS["check-full"] if name not in ("debug", "gcc")]
    return ["static", *sorted(suites, key=lambda name: name not in ("release", "model"))]


class Variant:
    """One variant of the copied tree, with all faults switched off."""

    def __init__(self, tree, name, jobs):
        self.tree, self.name, self.jobs = tree, name, jobs
        self.lit = tree / "build" / name / "lit"
        # What the tests reach is kept as long as nothing changes.
        stamp = tree / f"build/{name}.json"
        key = hash_of(tree, TESTED) + version_of("clang++-22")
        known = json.loads(stamp.read_text()) if stamp.is_file() else {}
        if known.get("key") != key:
            stamp.unlink(missing_ok=True)
            known = {"key": key, "tests": self._learn()}
            write_atomically(stamp, json.dumps(known))
        self.environment = self._environment()
        self.tests = [Test(test, self._script(test), seconds, set(reached))
                      for test, seconds, reached in known["tests"]]

    def _learn(self):
        """[(a test's name, how many seconds it takes, which faults it reaches)]"""
        shutil.rmtree(self.lit, ignore_errors=True)
        said = self._must(["./configure.py"])
        if lacking := re.search(rf"\b{self.name} is unsupported, because .*", said):
            raise LayerError(lacking[0])
        self._must(["ninja", "-j", self.jobs, "--quiet", self.name])
        report = self.lit / "mutants.xml"
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MNEME_")}
        full = ["--param", "full" if self.name == "model" else "repeated"]
        processes.run([*LIT, "-q", *full, "-j", self.jobs, "--xunit-xml-output", report, self.lit],
                      self.tree, environment=environment)
        self.environment = self._environment()
        tests = []
        try:
            cases = list(xml.parse(report).iter("testcase"))
        except (OSError, xml.ParseError) as error:
            raise LayerError(f"{self.name}: no report of lit's: {error}") from error
        for case in cases:
            suite, *folders = case.get("classname").split(".")
            # lit names the suite twice for a test at its top: those of the models.
            folder = self.name if folders == [suite] else "/".join(folders)
            name = f"{folder}/{case.get('name')}"
            if case.get("name").startswith("environment") or case.find("skipped") is not None \
                    or NOT_SWITCHED.search(name):
                continue
            if case.find("failure") is not None:
                raise LayerError(f"{self.name}: {name} fails although no fault is switched on:\n"
                                 + case.find("failure").text[-2000:])
            reached = self._script(name).with_suffix(".tmp.reached")
            lines = reached.read_text().split() if reached.is_file() else []
            tests.append((name, float(case.get("time")), sorted({int(line) for line in lines})))
        if not tests:
            raise LayerError(f"{self.name}: no test ran")
        return tests

    def _script(self, name):
        folder = Path(name).parent
        return (self.lit / ("" if str(folder) == self.name else folder) / "Output"
                / f"{Path(name).name}.script")

    def _environment(self):
        pairs = (self.lit / "environment").read_text().split("\0")
        variables = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        for name in ("TMPDIR", "TEMPDIR", "TMP", "TEMP"):  # a folder that ended with lit
            variables.pop(name, None)
        return variables

    def _must(self, command):
        code, output = processes.run(command, self.tree)
        if code != 0:
            raise LayerError(f"`{' '.join(map(str, command))}` failed:\n{output[-3000:]}")
        return output

    def run(self, test, limit_s, fault=None):
        """(exit code, or None if it took too long; output; how many seconds it took)"""
        variables = {"MNEME_REACHED": ""} | ({"MNEME_FAULT": str(fault.number)} if fault else {})
        # A fault may make a program write without end.
        command = ["bash", "-c", 'ulimit -f 400000; exec bash "$0"', test.script]
        with test.lock:
            begin = time.monotonic()
            code, output = processes.run(command, test.script.parent.parent, limit_s,
                                         self.environment | variables)
            return code, output, time.monotonic() - begin

    def judge(self, fault, likely, seen):
        """Runs the tests that reach the fault, likely ones first, until one fails, or it is enough, as
        another layer has `seen` it. What only hung elsewhere takes its time to do so again, and goes
        last."""
        spent = 0.0
        stem = Path(fault.file).stem
        tests = sorted((test for test in self.tests if fault.number in test.reached),
                       key=lambda test: (likely.get(test.name) == "time", test.name not in likely,
                                         stem not in test.name, test.seconds))
        if not tests:
            return Verdict("", "unreached")
        for test in tests:
            if seen and spent > ENOUGH_S:
                return Verdict("", "enough")
            limit = max(2 * test.seconds,
                        min(LIMIT_MAX_S, LIMIT_S + LIMIT_TIMES * test.seconds))
            for _ in range(ATTEMPTS.get(self.name, 1)):
                code, output, seconds = self.run(test, limit, fault)
                spent += seconds
                if code != 0:
                    break
            if code == 0:
                continue
            # It counts only if the fault is to blame: not chance, nor a machine that is too busy.
            well, said, seconds = self.run(test, 2 * limit)
            if doubtful := well != 0:
                well, said, seconds = self.run(test, LIMIT_ALONE_S)
                if well != 0:  # each verdict of such a test would be that nothing was seen
                    raise LayerError(f"{self.name}: {test.name} fails outside lit, although no fault "
                                     f"is switched on:\n{said[-2000:]}")
            if code is None or doubtful or self.name not in ATTEMPTS:
                limit = max(limit, min(LIMIT_ALONE_S, LIMIT_TIMES * seconds))
                code, output, _ = self.run(test, limit, fault)
            if code is None and self.name == "model":
                continue  # a search is longer, as by one more step, which says nothing
            if code is None:
                return Verdict(test.name, "time")
            if code != 0:
                # FileCheck shows what it looked for, too.
                output = re.sub(r"^\s*(//|#).*$", "", output, flags=re.MULTILINE)
                by = "test" if CANARY.search(test.name) else "tool" if TOOL_SPOKE.search(output) \
                    else "check" if CHECK_SPOKE.search(output) else "test"
                return Verdict(test.name, by)
        return Verdict("")


class Text:
    """The checks that run nothing: both compilers' warnings, house-rules, clang-tidy."""

    name = "static"

    def __init__(self, root, folder, files, jobs):
        self.root, self.folder, self.configure = root, folder, configure_of(root)
        with ThreadPoolExecutor(jobs) as pool:
            for _ in pool.map(self._must_be_well, sorted(files)):
                pass

    def _must_be_well(self, file):
        for name, command in self._checks(Fault("", file, 0, 0, "")):
            code, output = processes.run(command, self.root)
            if code != 0:
                raise LayerError(f"static: {name} complains although nothing is broken:\n{output}")

    def judge(self, fault, _likely, _seen):
        tree = self.folder / f"static-{threading.get_ident()}"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(self.root, tree, ignore=shutil.ignore_patterns("build", "seeds", ".git"))
        try:
            for name, command in self._checks(fault):
                self._put_in(tree, fault, lambda change: change.new)
                if processes.run(command, tree)[0] == 0:
                    continue
                # What it says of the braces or parentheses around the fault is no verdict.
                self._put_in(tree, fault, lambda change: (self.root / change.file).read_text()
                             [change.start:change.end])
                if processes.run(command, tree)[0] == 0:
                    return Verdict(name, "tool")
            return Verdict("")
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    def _put_in(self, tree, fault, text_of):
        """Writes the files of a fault with a text in each of its places, as it means where it is
        switched on."""
        for file in {change.file for change in fault.changes()}:
            shutil.copyfile(self.root / file, tree / file)
        for change in sorted(fault.changes(), key=lambda change: -change.start):
            text, new = (tree / change.file).read_text(), text_of(change)
            if change.statement:
                new = f"{{ {new} }}"
            elif fault.switched and not re.search(r"memory_order|^\w+$", new):
                new = f"({new})"
            (tree / change.file).write_text(text[:change.start] + new + text[change.end:])

    def _checks(self, fault):
        """(name, command), cheapest first; the flags are configure.py's own."""
        # The parentheses around what was put in are nobody's mistake.
        common = [*self.configure.COMMON.split(), "-Wno-parentheses-equality", "-Isrc",
                  "-fsyntax-only"]
        # What was put in is not formatted.
        yield "house-rules", ["tools/house-rules", "--without-sizes"]
        if fault.file.endswith(".hpp"):
            for name, (compiler, flags) in self.configure.HEADER_CHECKS.items():
                yield f"headers {name}", [compiler, *common, *flags.split(), "-x", "c++",
                                          "-include", fault.file, "/dev/null"]
            yield "function effects", ["clang++-22", *common,
                                       "lit-tests/sanitizers/Inputs/nonblocking_heaps.cpp"]
        else:
            for name in ("debug", "gcc"):
                compiler, flags = self.configure.VARIANTS[name]
                yield f"warnings of {compiler}", [compiler, *common, *flags.split(), fault.file]
        yield "clang-tidy", ["clang-tidy-22", "--quiet",
                             "--checks=-readability-redundant-parentheses", fault.file, "--", "-x", "c++", *common,
                             "-Wno-pragma-once-outside-header"]
