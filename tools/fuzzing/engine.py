"""One slice of one harness: a libFuzzer process in fork mode, watched while it runs."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from .common import (ENVIRONMENT, SANITIZER_EXIT, STOPPING, check_writable, inputs_of, is_cut, options_of,
                     program)

# `#86: cov: 512 ft: 1833 corp: 402 exec/s: 1043 oom/timeout/crash: 0/0/1 time: 12s job: 3 …`
_PULSE = re.compile(rb"^#(\d+): cov: (\d+) ft: (\d+) corp: (\d+) exec/s:? \d+"
                    rb" oom/timeout/crash: (\d+)/(\d+)/(\d+)")
# Longer than a hang goes on until libFuzzer keeps it: up to 31 s by -timeout=20.
GRACE_SECONDS = 40
END_SECONDS = 15  # to wait for what was killed
# libFuzzer ends as its last job did: well, out of time or memory, or by a bug that was kept.
EXPECTED_EXITS = {0, 70, 71, 77, SANITIZER_EXIT}
# Becomes the program behind it, and leaves somebody in its group who ends them all, the program
# first, once the other end of standard input is gone: so not even a kill -9 of tools/fuzz leaves
# anybody behind.
WATCHED = ["sh", "-c", "exec 3<&0; { read -r _ <&3; kill -KILL $$; kill -KILL 0; } 2>/dev/null & "
                       'exec "$@" 3<&- </dev/null', "sh"]


@dataclass
class Pulse:
    """What the process said last."""
    executions: int = 0
    coverage: int = 0
    features: int = 0
    corpus: int = 0
    failures: int = 0


@dataclass
class Slice:
    harness: str
    pulse: Pulse = field(default_factory=Pulse)
    first: Pulse | None = None  # the pulse after the corpus was read
    seconds: float = 0.0
    trouble: str = ""  # why it ended, if not by its clock

    @property
    def rate(self):
        """Executions a second; those that libFuzzer tells are 0 until the first jobs end."""
        return self.pulse.executions / max(self.seconds, 1)

    @property
    def gained(self):
        """Features that were not there when the slice began."""
        return self.pulse.features - self.first.features if self.first else 0


def command_of(harness, corpus, artifacts, jobs, seconds):
    return [program(harness), f"-fork={jobs}", f"-max_total_time={seconds}", "-ignore_crashes=1",
            "-ignore_ooms=1", "-ignore_timeouts=1", f"-artifact_prefix={artifacts}/",
            *options_of(harness), corpus, *inputs_of(harness)]


def run_slice(harness, corpus, artifacts, jobs, seconds, on_pulse):
    """Runs until the time is over or STOPPING is set; never raises for the process."""
    result, start = Slice(harness), time.monotonic()
    scratch, reports = artifacts / "scratch", artifacts / "reports"
    try:
        for folder in (corpus, artifacts, scratch, reports):
            check_writable(folder)
        cut = take_over(scratch, corpus)  # of a run that was killed
    except OSError as error:  # libFuzzer would go on, and keep nothing
        result.trouble = f"cannot write into {folder}: {error.strerror}"
        return result
    scratch.mkdir(exist_ok=True)
    before = kept_in(artifacts)
    process = subprocess.Popen(
        [*WATCHED, *map(str, command_of(harness, corpus, artifacts, jobs, seconds))],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        # libFuzzer throws away what its jobs say, and a race may not show again.
        env=ENVIRONMENT | {"TMPDIR": str(scratch), "MNEME_REPORTS": str(reports), "TSAN_OPTIONS":
                           f'{ENVIRONMENT["TSAN_OPTIONS"]}:log_path="{reports}/race"'},
        start_new_session=True)
    tail = []

    def read():
        for line in process.stderr:
            if match := _PULSE.match(line):
                numbers = list(map(int, match.groups()))
                result.pulse = Pulse(*numbers[:4], sum(numbers[4:]))
                result.first = result.first or result.pulse
            else:
                tail[:] = [*tail[-20:], line.decode(errors="replace").rstrip()]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    deadline = start + seconds + GRACE_SECONDS
    while process.poll() is None and time.monotonic() < deadline and not STOPPING.is_set():
        STOPPING.wait(1)
        result.seconds = time.monotonic() - start
        on_pulse(result)
    code = process.poll()
    end(process)
    reader.join(END_SECONDS)
    process.stderr.close()
    if not STOPPING.is_set():
        result.trouble = trouble_of(code, tail)
        died = result.pulse.failures and kept_in(artifacts) == before
        if died and not result.trouble:
            result.trouble = f"{result.pulse.failures} workers died and left no input"
    cut += take_over(scratch, corpus)
    if cut and not result.trouble:
        result.trouble = (f"{cut} inputs are not what they were, as on a full disk, and are in "
                          f"{damaged(corpus)} now")
    result.seconds = time.monotonic() - start
    return result


def trouble_of(code, tail):
    """What is wrong with an exit code, or with None, by the last lines; nothing if as expected."""
    if code is None:
        return f"had to be ended {GRACE_SECONDS} s behind its time"
    if code in EXPECTED_EXITS:
        return ""
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    said = next((line for line in reversed(tail) if "ERROR" in line or "error" in line),
                tail[-1] if tail else "")
    return f"ended by {how}" + (f": {said}" if said else "")


def kept_in(artifacts):
    """The inputs that failed and were not looked at yet."""
    return sorted(path for path in artifacts.glob("*-*") if path.is_file())


def take_over(scratch, corpus):
    """What jobs had found when they were ended goes into the corpus, and their folders go.

    What is cut leaves both; returns how many that were.
    """
    found = list(scratch.glob("libFuzzerTemp*/C*/*"))
    cut = [path for path in [*found, *corpus.iterdir()] if is_cut(path)]
    for path in cut:
        damaged(corpus).mkdir(parents=True, exist_ok=True)
        path.replace(damaged(corpus) / path.name)
    for path in set(found) - set(cut):
        path.replace(corpus / path.name)
    shutil.rmtree(scratch, ignore_errors=True)  # one may be dying still; the next slice tries again
    return len(cut)


def damaged(corpus):
    """Where inputs go that do not hold what they are named by: some may be of use as they are."""
    return corpus.parent.parent / "damaged" / corpus.name


def end(process):
    """Ends the process and all that it forked, whether it has ended itself or not.

    Unasked, and before its jobs: else libFuzzer would remove what they have found.
    """
    process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    process.stdin.close()
