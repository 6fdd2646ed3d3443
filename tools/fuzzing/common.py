"""Where things are, what harnesses there are, and the one way to say what is wrong."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from plain_path import is_plain, plain_path

# libFuzzer starts its processes by a shell, and does not quote their paths.
ROOT = plain_path(Path(__file__).resolve().parents[2])
SEEDS = ROOT / "fuzz/seeds"
FINDINGS = ROOT / "fuzz/findings"  # inputs of bugs that were fixed: they run in every smoke
MNEME = ROOT / "build/asan/mneme"
DICTIONARY = ROOT / "fuzz/script.dict"
CANARY = "canary"
LOOK_SECONDS = 0.1  # between two looks at whether to stop
LLVM = Path("/usr/lib/llvm-22/bin")

# Sanitizers end with a code of their own, so that a run of the driver tells its exit codes apart.
SANITIZER_EXIT = 99
ENVIRONMENT = os.environ | {
    # Fake stacks cost more than half of the time, as steps that make no sense are thrown.
    "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:detect_stack_use_after_return=0:"
                    "quarantine_size_mb=16:malloc_context_size=4",
    "UBSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:print_stacktrace=1",
    # Where a failed check ends, libFuzzer's handler allocates: a report on that would never end.
    "TSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1:report_signal_unsafe=0",
    "ASAN_SYMBOLIZER_PATH": str(LLVM / "llvm-symbolizer"),
    "TSAN_SYMBOLIZER_PATH": str(LLVM / "llvm-symbolizer"),
    "LC_ALL": "C.UTF-8",
}


class Problem(Exception):
    """What the user has to know, in one line."""


class Stopped(Exception):
    """The user wants to go home; what was begun is left for the next run."""


class Stop:
    """The wish to stop: an Event that a signal's handler may set.

    A real one has a lock, which the wait that the signal interrupts may hold.
    """

    def __init__(self):
        self.wished = False

    def set(self):
        self.wished = True

    def clear(self):
        self.wished = False

    def is_set(self):
        return self.wished

    def wait(self, seconds):
        """Whether it was wished for in that time, or before."""
        end = time.monotonic() + seconds
        while not self.wished and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
        return self.wished


STOPPING = Stop()  # set by signals; what waits for others looks at it


def harnesses():
    """All but the canary, by name."""
    return sorted(file.stem for file in (ROOT / "fuzz").glob("*.cpp") if file.stem != CANARY)


def program(harness, build="fuzz"):
    if build == "fuzz" and harness == "threads":
        build = "fuzz-threads"
    return ROOT / "build" / build / harness


def check_path(path):
    """Raises Problem for a folder that libFuzzer cannot pass on."""
    if not is_plain(path):
        raise Problem(f"libFuzzer does not quote the paths in its commands: choose a folder without blanks "
                      f"and special characters instead of '{path}'")


def check_harness(name):
    if name not in [*harnesses(), CANARY]:
        raise Problem(f"no harness '{name}'; there are {', '.join([*harnesses(), CANARY])}")
    return name


def build(target="fuzz"):
    """Builds what is out of date. Raises Stopped once STOPPING is set."""
    if not (ROOT / "build.ninja").exists():
        if subprocess.run([ROOT / "configure.py"], cwd=ROOT).returncode != 0:
            raise Problem("configure.py failed; what is above says why")
    if not (ROOT / "build" / target).exists():
        print(f"builds '{target}' for the first time, which takes a few minutes", flush=True)
    with subprocess.Popen(["ninja", "--quiet", target], cwd=ROOT) as ninja:
        try:
            while ninja.poll() is None and not STOPPING.wait(LOOK_SECONDS):
                pass
        finally:
            ninja.terminate()  # and it ends what it started; one that is done does not hear of it
    if STOPPING.is_set():
        raise Stopped
    if ninja.returncode != 0:
        raise Problem(f"the target '{target}' does not build; what is above says why")


def options_of(harness):
    """What libFuzzer is told for one harness, here and by tools/oss-fuzz/build.sh."""
    # A text grows by words, an input of bytes rarely gains by more than a few hundred steps.
    options = {"script": [f"-dict={DICTIONARY}", "-max_len=2048"],
               "trace_import": ["-max_len=2048"], "layout": ["-max_len=32"],
               "coroutines": ["-max_len=400"], "schedule": ["-max_len=400"],
               "threads": ["-max_len=300"]}
    return ["-timeout=20", "-rss_limit_mb=2048", *options.get(harness, ["-max_len=1000"])]


def inputs_of(harness):
    """The folders of committed inputs that a harness has."""
    return [folder / harness for folder in (SEEDS, FINDINGS) if (folder / harness).is_dir()]


def run(command, seconds=60, stdin=subprocess.DEVNULL):
    """A program's run, output captured; a run out of time counts as one that failed.

    It does not hear of the terminal's Ctrl-C: its end by that would look like a finding. Raises
    Stopped once STOPPING is set. Either way, what it started ends with it.
    """
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=ENVIRONMENT, start_new_session=True) as process:
        try:
            said = _hear(process, time.monotonic() + seconds)
            return subprocess.CompletedProcess(command, process.returncode, *said)
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(command, 124, late.stdout or b"", late.stderr or b"")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _hear(process, deadline):
    """What a process says until it ends."""
    while not STOPPING.is_set():
        left = max(0, deadline - time.monotonic())
        try:
            return process.communicate(timeout=min(left, LOOK_SECONDS))
        except subprocess.TimeoutExpired:
            if left <= LOOK_SECONDS:
                raise
    raise Stopped


def text_of(path, instead=""):
    """What a file says, whatever was done to it; `instead` if it cannot be read."""
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return instead


def write_atomically(path, data):
    """Writes a file that is never seen half-written, and is not lost if the disk is full."""
    data = data.encode() if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".half")
    try:
        half.write_bytes(data)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def is_cut(path):
    """Whether a file does not hold what libFuzzer named it by, which hears of no full disk."""
    return (re.fullmatch("[0-9a-f]{40}", path.name) is not None and path.is_file() and
            hashlib.sha1(path.read_bytes()).hexdigest() != path.name)


def check_writable(folder):
    """Makes a folder if need be. Raises OSError if nothing can be written there."""
    write_atomically(folder / ".probe", "written")
    (folder / ".probe").unlink()


def check_room(folder, reserve_mb):
    free_mb = shutil.disk_usage(folder).free >> 20
    if free_mb < reserve_mb:
        raise Problem(f"only {free_mb} MB are free in {folder}, and {reserve_mb} MB are to be kept "
                      "free (--reserve-mb); all that was found so far is kept")
