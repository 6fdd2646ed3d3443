"""From a crashing input to something to read: what it is, a short script, a test, a command."""

import hashlib
import itertools
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from .common import (MNEME, ROOT, SANITIZER_EXIT, Stopped, program, run, text_of,
                     write_atomically)
from .shrink import shortest

_STORY = re.compile(r"^== finding: (.*?)\n(.*?)^== end$", re.MULTILINE | re.DOTALL)
# ThreadSanitizer gives no addresses.
_FRAME = re.compile(r"^\s+#\d+ (?:0x[0-9a-f]+ in )?(.+?) "
                    r"(?:\S*/)?((?:include/mneme|src|fuzz)/\S+?):(\d+)", re.MULTILINE)
# What a tool's own report calls it, the most telling first.
_SIDE = re.compile(r"^ +(previous )?(atomic )?(read|write) of size", re.I | re.M)  # of a race
_ADDRESSES = re.compile(r" (?:on|for|of) (?:(?:unknown )?address |0x).*")
_NAMED = [re.compile(r"(?:ERROR|WARNING): (\S+Sanitizer: [^\n(]*)"),
          re.compile(r"(runtime error: [^\n]*|corruption: [^\n]*|mneme: fatal[^\n]*)"),
          re.compile(r"ERROR: (libFuzzer: [^\n]*)")]
AS_BYTES = {"heap_ops", "raw_heaps", "canary"}  # whose inputs are scripts by the codec
AS_TEXT = {"script": 0, "trace_import": 1}      # whose inputs are text, behind so many bytes
BESIDE_ANOTHER = 2  # the flag in heap_ops' first byte, which scripts do not have
FRAMES = 3
MENDED = "does not fail any more"
ONCE = "-once-"  # in the names of findings that did not fail again
RUNS = {"threads": 200}  # to see again what depends on how threads happen to meet
REPORT_SECONDS = 10  # between an input and its report
ALSO_MAX = 5  # inputs kept of a known finding, as another bug may hide behind it
SHRINK_SECONDS = 5  # for one try to make an input shorter


@dataclass
class Failure:
    """One way to fail. Failures with the same key are one finding."""
    what: str
    frames: list
    story: str
    log: str

    @property
    def key(self):
        # Where a run happened to be when its time or its memory was over says little.
        where = [] if re.search("timeout|out-of-memory", self.what) else self.frames
        text = re.sub(r"0x[0-9a-f]+|\d+|'[^']*'", "#", self.what) + "|".join(where)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def failure_of(done, log=None):
    """The Failure that a finished run shows, or None if it went well."""
    log = done.stderr.decode(errors="replace") if log is None else log
    if done.returncode == 0:
        return None
    story = _STORY.search(log)
    what = story[1] if story else ""
    if not what or what.endswith("see the report"):
        named = next(filter(None, (pattern.search(log) for pattern in _NAMED)), None)
        what = named[1] if named else what or f"exit code {done.returncode}"
    what = _ADDRESSES.sub("", what).strip()  # which differ from run to run
    frames = frames_of(log)[:FRAMES]
    if "data race" in what:  # either of the two may have come first
        frames = sorted({stack[0] for side in log.split("\n\n") if _SIDE.search(side)
                         if (stack := frames_of(side))})
    return Failure(what, frames, story[2] if story else "", log)


def frames_of(log):
    """The functions of ours that a report names, the innermost first."""
    return [f"{re.sub('<.*>', '<>', name)} ({file})" for name, file, _ in _FRAME.findall(log)
            if not file.startswith("fuzz/support/")]


def replay(harness, data, scratch, seconds=20):
    """Runs a harness on some bytes."""
    write_atomically(scratch / "try", data)
    return failure_of(run([program(harness), *options_to_replay(harness, seconds),
                           "-rss_limit_mb=2048", scratch / "try"]))


def options_to_replay(harness, seconds=20):
    return [f"-timeout={seconds}", *([f"-runs={RUNS[harness]}"] if harness in RUNS else [])]


def driver_failure(script, failure, scratch):
    """How `mneme run` fails on a script by more than the script's own fault, or None.

    That it takes long counts only if the harness failed by that: the machine may be busy.
    """
    write_atomically(scratch / "try.mn", script)
    done = run([MNEME, "run", "--keep-going", scratch / "try.mn"], seconds=2 * SHRINK_SECONDS)
    late = done.returncode == 124 and is_late(failure)
    if late or done.returncode in (4, SANITIZER_EXIT) or done.returncode < 0:
        return failure_of(done)
    return None


def is_late(failure):
    """Whether it is that a run takes too long: then one more try is dear."""
    return "timeout" in failure.what


def encoded(script, scratch):
    write_atomically(scratch / "try.mn", script)
    done = run([MNEME, "fuzz", "encode", scratch / "try.mn"])
    return done.stdout if done.returncode == 0 else None


def decoded(data, scratch):
    write_atomically(scratch / "try", data)
    done = run([MNEME, "fuzz", "decode", scratch / "try"])
    return done.stdout.decode() if done.returncode == 0 else ""


def with_plain_names(script):
    """The names that the codec gives, n17 and so on, as those of a, b, c that are free, in order."""
    taken = set(re.findall(r"[\w.-]+", script))
    free = (name for at in itertools.count()
            if (name := chr(ord("a") + at) if at < 26 else f"a{at}") not in taken)
    names = {}

    def plain(match):
        if match[0] not in names:
            names[match[0]] = next(free)
        return names[match[0]]

    return re.sub(r"\bn\d+\b", plain, script)


@dataclass
class Told:
    """A finding as it is delivered."""
    harness: str
    failure: Failure
    data: bytes      # the input, minimised and seen to fail
    script: str      # or a text of another kind
    in_driver: bool  # the script fails in `mneme run` as well


def minimise(harness, failure, data, scratch):
    """Makes the finding short: a script for `mneme run` if it fails there, else for its harness."""
    def fails_as(bytes_):
        return same(replay(harness, bytes_, scratch, SHRINK_SECONDS), failure)

    if harness in AS_BYTES:
        return _told_as_script(harness, failure, data, scratch, fails_as)
    if harness in AS_TEXT:
        head = data[:AS_TEXT[harness]]
        text = data[AS_TEXT[harness]:].decode("latin-1")
        found = (driver_failure(text.encode("latin-1"), failure, scratch)
                 if harness == "script" else None)

        def fails(text):  # without its `heap` a script may fail in the harness alone
            bytes_ = text.encode("latin-1")
            return ((not found or same(driver_failure(bytes_, failure, scratch), found))
                    and (found and is_late(failure) or fails_as(head + bytes_)))

        text = shortest(text, fails)
        return Told(harness, found or failure, head + text.encode("latin-1"), text, bool(found))
    return _told_as_bytes(harness, failure, data, scratch)


def _told_as_bytes(harness, failure, data, scratch):
    smaller = scratch / "smaller"
    smaller.unlink(missing_ok=True)
    write_atomically(scratch / "try", data)
    run([program(harness), "-minimize_crash=1", "-max_total_time=30", "-timeout=20",
         f"-exact_artifact_path={smaller}", scratch / "try"], 90)
    short = smaller.read_bytes() if smaller.exists() else data
    again = replay(harness, short, scratch)
    if not same(again, failure):
        short, again = data, failure
    return Told(harness, again, short, again.story, False)


def _told_as_script(harness, failure, data, scratch, fails_as):
    beside = data[0] & BESIDE_ANOTHER if harness == "heap_ops" and data else 0

    def input_of(text):
        bytes_ = encoded(text, scratch)
        return bytes_ and bytes([bytes_[0] | beside]) + bytes_[1:]

    def fails(text):
        bytes_ = input_of(text)
        return bytes_ is not None and fails_as(bytes_)

    # libFuzzer's own alarms end a run that then tells no story, and that of one heap of two tells
    # half of it.
    whole = decoded(data, scratch)
    story = failure.story or whole
    found = driver_failure(story, failure, scratch)

    def shows(text):
        return same(driver_failure(text, failure, scratch), found)

    if found:
        # What fails in both is the same bug, and not another that the driver meets first.
        both = not is_late(failure) and fails(story)
        script = shortest(story, lambda text: shows(text) and (not both or fails(text)))
        plain = with_plain_names(script)
        script = plain if shows(plain) else script
    elif fails(story):
        script = shortest(story, fails)
    elif fails(whole):
        script = shortest(whole, fails)
    else:  # what the codec leaves out matters
        return _told_as_bytes(harness, failure, data, scratch)
    return Told(harness, found or failure, input_of(script) if fails(script) else data, script,
                bool(found))


def same(one, other):
    return one is not None and one.key == other.key


def deliver(found, original, folder):
    """Writes the finding's folder, whole or not at all."""
    new = folder.with_name(f".new-{folder.name}")
    if is_whole(new / "before") and not folder.exists():  # of a run that was killed
        (new / "before").rename(folder)
    shutil.rmtree(new, ignore_errors=True)
    write_atomically(new / "input", found.data)
    write_atomically(new / "original", original)
    write_atomically(new / "log.txt", found.failure.log)
    write_atomically(new / "standing", "new")
    replaying = " ".join([str(program(found.harness).relative_to(ROOT)),
                          *options_to_replay(found.harness)])
    command = f"{replaying} {shlex.quote(str(folder / 'input'))}"
    script = found.script.encode("latin-1", errors="replace")
    if script:
        write_atomically(new / "script.mn", script)
    keep = ""
    if found.in_driver:
        command = (f"{MNEME.relative_to(ROOT)} run --keep-going "
                   f"{shlex.quote(str(folder / 'script.mn'))}")
        # A wrong expectation, or a deadlock at the end, is no fault of the library's. What only a
        # sanitizer sees ends a program of the variant asan by a signal.
        title = (f"# Found by fuzzing ({found.harness}): {found.failure.what}\n"
                 + "# REQUIRES: asan\n" * ("Sanitizer" in found.failure.log)
                 + "# RUN: env ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1 "
                 "%mneme run --quiet --keep-going %s || [ $? -le 3 ]\n")
        write_atomically(new / "lit_test.mn", title.encode("latin-1", errors="replace") + script)
    else:  # lit runs before the harnesses are built
        keep = f"to keep: copy input to fuzz/findings/{found.harness}, which every smoke runs\n"
    write_atomically(new / "what.txt", f"{found.harness}: {found.failure.what}\n"
                + "".join(f"  in {frame}\n" for frame in found.failure.frames)
                + f"{keep}to reproduce: {command}\n")
    if is_whole(folder):  # of a bug that was mended, or of another that fails in the same way
        folder.rename(new / "before")
    shutil.rmtree(folder, ignore_errors=True)  # half of one, by a run that was killed
    new.rename(folder)


def what_of(folder):
    """The lines that tell a finding: the first what it is, the last how to see it again."""
    return text_of(folder / "what.txt").splitlines()


def is_whole(folder):
    return len(what_of(folder)) >= 2 and (folder / "input").is_file()


def times(folder):
    """How often a finding was met."""
    try:
        return int(text_of(folder / "count"))
    except ValueError:
        return 1


def standing(folder):
    """Whether a finding is new, and still one."""
    return text_of(folder / "standing", "of an earlier run").strip()


def ask_again(harness, folder, scratch):
    """Runs a former finding's inputs again, and notes how it stands."""
    scratch.mkdir(parents=True, exist_ok=True)
    inputs = (folder / "input", folder / "original", *folder.glob("also/*"))
    failing = next((path for path in inputs
                    if path.exists() and replay(harness, path.read_bytes(), scratch)), None)
    if failing == inputs[0]:
        how = "still fails"
    elif failing:
        how = f"still fails by {failing.relative_to(folder)}, by its short input no more"
    else:
        how = "did not fail again" if ONCE in folder.name else MENDED
    write_atomically(folder / "standing", how)


def group(harness, failure):
    """The name of the finding. The last step tells bugs apart that the same check notices."""
    steps = failure.story.split("\n")[:-1] if harness in AS_BYTES else []
    return "-".join([harness, *(step.split()[0] for step in steps[-1:]), failure.key])


def triage(harness, path, findings, scratch):
    """Triages one input. Returns (folder, is_new), or None if it does not fail any more."""
    data = Path(path).read_bytes()
    scratch.mkdir(parents=True, exist_ok=True)
    failure = replay(harness, data, scratch)
    if failure is None:
        return None
    known = findings / group(harness, failure)
    if met_again(known, path, data):
        return known, False
    try:
        found = minimise(harness, failure, data, scratch)
    except (OSError, Stopped):
        raise
    except Exception as error:  # it fails, whatever keeps us from making it short
        log = f"{failure.log}\nnot made short: {type(error).__name__}: {error}\n"
        found = Told(harness, replace(failure, log=log), data, "", False)
    deliver(found, data, known)
    return known, True


def met_again(known, path, data):
    """Whether a finding is there already, and not mended; if so, it is counted."""
    if not is_whole(known) or standing(known) == MENDED:
        return False
    write_atomically(known / "count", str(times(known) + 1))
    if ONCE in known.name:
        write_atomically(known / "standing", "seen again")
    if times(known) <= ALSO_MAX + 1:
        write_atomically(known / "also" / Path(path).name, data)
    return True


def reports_by_input(inputs, reports):
    """{input: the report that was written with it}, of those that crashed; each belongs to one."""
    pairs = sorted((abs(one.stat().st_mtime - report.stat().st_mtime), one, report)
                   for one in inputs if one.name.startswith("crash-")
                   for report in reports if report.suffix != ".half")
    found, used = {}, set()
    for apart, one, report in pairs:
        if apart < REPORT_SECONDS and one not in found and report not in used:
            found[one] = report
            used.add(report)
    return found


def seen_once(harness, path, report, findings):
    """Delivers what failed in the night and not again, by the report written with it. Returns as
    triage() does; None without a report, as a busy machine makes inputs late."""
    log = text_of(report) if report else ""
    failure = failure_of(subprocess.CompletedProcess([], SANITIZER_EXIT), log)
    if failure.what.startswith("exit code"):  # it names nothing
        return None
    data = path.read_bytes()
    failure.what = f"{failure.what}, seen once"
    known = findings / f"{harness}{ONCE}{failure.key}"
    if met_again(known, path, data):
        return known, False
    deliver(Told(harness, failure, data, "", False), data, known)
    return known, True
