"""From a crashing input to something to read: what it is, a short script, a test, a command."""

import hashlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from .places import MNEME, ROOT, SANITIZER_EXIT, program, run, write_whole
from .shrink import shortest

_STORY = re.compile(r"^== finding: (.*?)\n(.*?)^== end$", re.MULTILINE | re.DOTALL)
_FRAME = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ in (.+?) (?:\S*/)?((?:include/mneme|src|fuzz)/\S+?):(\d+)",
                    re.MULTILINE)
AS_BYTES = {"heap_ops", "raw_heaps", "canary"}  # whose inputs are scripts by the codec
AS_TEXT = {"script": 0, "trace_import": 1}      # whose inputs are text, behind so many bytes
FRAMES = 3


@dataclass
class Failure:
    """One way to fail. Failures with the same key are one finding."""
    what: str
    frames: list
    story: str
    log: str

    @property
    def key(self):
        text = re.sub(r"\d+|'[^']*'", "#", self.what) + "|".join(self.frames)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def failure_of(done, log=None):
    """The Failure that a finished run shows, or None if it went well."""
    log = done.stderr.decode(errors="replace") if log is None else log
    if done.returncode == 0:
        return None
    story = _STORY.search(log)
    what = story[1] if story else ""
    if not what:
        named = re.search(r"(?:ERROR|WARNING): (\S+Sanitizer: [^\n(]*|libFuzzer: [^\n]*)", log)
        named = named or re.search(r"(runtime error: [^\n]*|corruption: [^\n]*|mneme: fatal[^\n]*)",
                                   log)
        what = named[1] if named else f"exit code {done.returncode}"
    frames = [f"{re.sub('<.*>', '<>', name)} ({file})" for name, file, _ in _FRAME.findall(log)
              if not file.startswith("fuzz/shared/")]
    return Failure(what.strip(), frames[:FRAMES], story[2] if story else "", log)


def replay(harness, data, scratch):
    """Runs a harness once on some bytes."""
    write_whole(scratch / "try", data)
    return failure_of(run([program(harness), "-timeout=20", "-rss_limit_mb=2048", scratch / "try"]))


def driver_failure(script, scratch):
    """How `mneme run` fails on a script by more than the script's own fault, or None."""
    write_whole(scratch / "try.mn", script)
    done = run([MNEME, "run", "--keep-going", scratch / "try.mn"])
    if done.returncode in (4, SANITIZER_EXIT, 124) or done.returncode < 0:
        return failure_of(done)
    return None


def encoded(script, scratch):
    write_whole(scratch / "try.mn", script)
    done = run([MNEME, "encode", scratch / "try.mn"])
    return done.stdout if done.returncode == 0 else None


def with_plain_names(script):
    """The names that the codec gives, n17 and so on, as a, b, c in their order."""
    names = {}

    def plain(match):
        at = len(names)
        return names.setdefault(match[0], chr(ord("a") + at) if at < 26 else f"a{at}")

    return re.sub(r"\bn\d+\b", plain, script)


@dataclass
class Told:
    """A finding as it is delivered."""
    harness: str
    failure: Failure
    data: bytes      # the input, minimised
    script: str      # or a text of another kind
    in_driver: bool  # the script fails in `mneme run` as well


def told(harness, failure, data, scratch):
    """Makes the finding short: as a script in `mneme run` if it fails there, else in its harness."""
    if harness in AS_BYTES:
        found = driver_failure(failure.story, scratch)
        if found:
            script = shortest(failure.story, lambda text: same(driver_failure(text, scratch), found))
            plain = with_plain_names(script)
            script = plain if same(driver_failure(plain, scratch), found) else script
            return Told(harness, found, encoded(script, scratch) or data, script, True)

        def fails(text):
            bytes_ = encoded(text, scratch)
            return bytes_ is not None and same(replay(harness, bytes_, scratch), failure)

        script = shortest(failure.story, fails) if fails(failure.story) else failure.story
        return Told(harness, failure, encoded(script, scratch) or data, script, False)
    if harness in AS_TEXT:
        head = data[:AS_TEXT[harness]]
        text = data[AS_TEXT[harness]:].decode("latin-1")
        text = shortest(text, lambda text: same(
            replay(harness, head + text.encode("latin-1"), scratch), failure))
        found = driver_failure(text.encode("latin-1"), scratch) if harness == "script" else None
        return Told(harness, found or failure, head + text.encode("latin-1"), text, bool(found))
    smaller = scratch / "smaller"
    smaller.unlink(missing_ok=True)
    write_whole(scratch / "try", data)
    run([program(harness), "-minimize_crash=1", "-max_total_time=30", "-timeout=20",
         f"-exact_artifact_path={smaller}", scratch / "try"], seconds=90)
    short = smaller.read_bytes() if smaller.exists() else data
    again = replay(harness, short, scratch)
    if not same(again, failure):
        short, again = data, failure
    return Told(harness, again, short, again.story, False)


def same(one, other):
    return one is not None and one.key == other.key


def deliver(found, folder):
    """Writes the finding's files and returns what the report says of it."""
    write_whole(folder / "input", found.data)
    write_whole(folder / "log.txt", found.failure.log)
    relative = program(found.harness).relative_to(ROOT)
    command = f"{relative} {shlex.quote(str(folder / 'input'))}"
    if found.script:
        write_whole(folder / "script.mn", found.script.encode("latin-1", errors="replace"))
    if found.in_driver:
        command = f"{MNEME.relative_to(ROOT)} run {shlex.quote(str(folder / 'script.mn'))}"
        # A deadlock at the end is no fault of the library's.
        write_whole(folder / "lit_test.mn",
                    f"# Found by fuzzing ({found.harness}): {found.failure.what}\n"
                    f"# RUN: %mneme run --quiet --keep-going %s || [ $? -eq 3 ]\n" + found.script)
    write_whole(folder / "what.txt", f"{found.harness}: {found.failure.what}\n"
                + "".join(f"  in {frame}\n" for frame in found.failure.frames)
                + f"to reproduce: {command}\n")


def triage(harness, path, findings, scratch):
    """Triages one input. Returns (folder, is_new), or None if it does not fail any more."""
    data = Path(path).read_bytes()
    scratch.mkdir(parents=True, exist_ok=True)
    failure = replay(harness, data, scratch)
    if failure is None:
        return None
    known = findings / f"{harness}-{failure.key}"
    if known.exists():
        count = int((known / "count").read_text()) if (known / "count").exists() else 1
        write_whole(known / "count", str(count + 1))
        return known, False
    deliver(told(harness, failure, data, scratch), known)
    return known, True
