"""One slice of one harness: a libFuzzer process in fork mode, watched while it runs."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from .places import (ENVIRONMENT, SANITIZER_EXIT, check_writable, inputs_of, options_of,
                     program)

# `#86: cov: 512 ft: 1833 corp: 402 exec/s: 1043 oom/timeout/crash: 0/0/1 time: 12s job: 3 …`
_PULSE = re.compile(rb"^#(\d+): cov: (\d+) ft: (\d+) corp: (\d+) exec/s:? (\d+)"
                    rb" oom/timeout/crash: (\d+)/(\d+)/(\d+)")
GRACE_SECONDS = 15
# libFuzzer ends as its last job did: well, out of time or memory, or by a bug that was kept.
EXPECTED_EXITS = {0, 70, 71, 77, SANITIZER_EXIT}


@dataclass
class Pulse:
    """What the process said last."""
    executions: int = 0
    coverage: int = 0
    features: int = 0
    corpus: int = 0
    rate: int = 0
    failures: int = 0


@dataclass
class Slice:
    harness: str
    pulse: Pulse = field(default_factory=Pulse)
    first: Pulse | None = None  # the pulse after the corpus was read
    seconds: float = 0.0
    trouble: str = ""  # why it ended, if not by its clock

    @property
    def gained(self):
        """Features that were not there when the slice began."""
        return self.pulse.features - self.first.features if self.first else 0


def command_of(harness, corpus, artifacts, jobs, seconds):
    return [program(harness), f"-fork={jobs}", f"-max_total_time={seconds}", "-ignore_crashes=1",
            "-ignore_ooms=1", "-ignore_timeouts=1", f"-artifact_prefix={artifacts}/",
            *options_of(harness), corpus, *inputs_of(harness)]


def run_slice(harness, corpus, artifacts, jobs, seconds, on_pulse, stopping):
    """Runs until the time is over or `stopping` (an Event) is set; never raises for the process."""
    result, start = Slice(harness), time.monotonic()
    scratch, reports = artifacts / "scratch", artifacts / "reports"
    try:
        for folder in (corpus, artifacts, scratch, reports):
            check_writable(folder)
        take_over(scratch, corpus)  # of a run that was killed
    except OSError as error:  # libFuzzer would go on, and keep nothing
        result.trouble = f"cannot write into {folder}: {error.strerror}"
        return result
    scratch.mkdir()
    before = kept_in(artifacts)
    process = subprocess.Popen(
        list(map(str, command_of(harness, corpus, artifacts, jobs, seconds))),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        # libFuzzer throws away what its jobs say, and a race may not show again.
        env=ENVIRONMENT | {"TMPDIR": str(scratch), "TSAN_OPTIONS":
                           f'{ENVIRONMENT["TSAN_OPTIONS"]}:log_path="{reports}/race"'},
        start_new_session=True)
    tail = []

    def read():
        for line in process.stderr:
            if match := _PULSE.match(line):
                numbers = list(map(int, match.groups()))
                result.pulse = Pulse(*numbers[:5], sum(numbers[5:]))
                result.first = result.first or result.pulse
            else:
                tail[:] = [*tail[-20:], line.decode(errors="replace").rstrip()]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    deadline = start + seconds + GRACE_SECONDS
    while process.poll() is None and time.monotonic() < deadline and not stopping.is_set():
        stopping.wait(1)
        result.seconds = time.monotonic() - start
        on_pulse(result)
    if process.poll() is None:
        if not stopping.is_set():
            result.trouble = f"had to be ended {GRACE_SECONDS} s behind its time"
        end(process)
    elif process.returncode not in EXPECTED_EXITS and not stopping.is_set():
        how = f"signal {-process.returncode}" if process.returncode < 0 else \
            f"exit code {process.returncode}"
        said = next((line for line in reversed(tail) if "ERROR" in line or "error" in line),
                    tail[-1] if tail else "")
        result.trouble = f"ended by {how}" + (f": {said}" if said else "")
        end(process)
    reader.join(GRACE_SECONDS)
    process.stderr.close()
    if result.pulse.failures and kept_in(artifacts) == before and not result.trouble:
        result.trouble = f"{result.pulse.failures} workers died and left no input"
    take_over(scratch, corpus)
    result.seconds = time.monotonic() - start
    return result


def kept_in(artifacts):
    """The inputs that failed and were not looked at yet."""
    return sorted(path for path in artifacts.glob("*-*") if path.is_file())


def take_over(scratch, corpus):
    """What jobs had found when they were ended goes into the corpus, and their folders go."""
    for path in scratch.glob("libFuzzerTemp*/C*/*"):
        path.replace(corpus / path.name)
    shutil.rmtree(scratch)


def end(process):
    """Ends the process and all that it forked: asked first, then told."""
    for how, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, how)
            process.wait(patience)
            if how == signal.SIGTERM:
                os.killpg(process.pid, signal.SIGKILL)  # whoever outlived its parent
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return
