"""The night: slices of all harnesses in turn, more for those that still find something."""

import contextlib
import shutil
import sys
import time
from dataclasses import dataclass, field

from .engine import kept_in, run_slice
from .common import STOPPING, Problem, Stopped, check_room, harnesses
from .triage import RUNS, ask_again, reports_by_input, seen_once, triage, what_of

SLICE_SECONDS_MAX = 120
SHARE_MIN = 0.25  # of a harness that finds nothing new, as seen from one that does


def weight(gains, names, name):
    """How much time a harness is worth, by what each found in its last slices."""
    best = max((gains.get(other, 0.0) for other in names), default=0.0)
    return SHARE_MIN + (gains.get(name, 0.0) / best if best > 0 else 0)


def next_harness(clocks, seconds, names):
    """The one whose clock is furthest behind; at the start, the one that had least of all nights.

    Clocks go slower for those that are worth more (stride scheduling). What a slice once cost
    stays as it was, however much its harness is worth later.
    """
    return min(names, key=lambda name: (clocks.get(name, 0), seconds.get(name, 0), name))


@dataclass
class Night:
    """One run of `tools/fuzz overnight`."""
    store: object
    names: list
    jobs: int
    seconds: float
    slice_seconds: float
    began: float = field(default_factory=time.monotonic)
    told: float = 0.0
    new_findings: list = field(default_factory=list)
    clocks: dict = field(default_factory=dict)  # see next_harness
    problem: str = ""  # what ended the night before its time

    @property
    def left(self):
        return max(0.0, self.began + self.seconds - time.monotonic())

    def progress(self, slice_):
        """One live line on a terminal, a plain one each minute elsewhere."""
        pulse = slice_.pulse
        line = (f"{slice_.harness:12} {slice_.rate:6.0f}/s  coverage {pulse.coverage:5}  "
                f"corpus {pulse.corpus:5}  findings {len(self.store.found()):2}  "
                f"left {int(self.left) // 3600}:{int(self.left) // 60 % 60:02}:{int(self.left) % 60:02}")
        if sys.stdout.isatty():
            self.say(line, end="")
        elif time.monotonic() - self.told >= 60:
            self.told = time.monotonic()
            self.say(line)

    def say(self, text, end="\n"):
        start = "\r\033[K" if sys.stdout.isatty() else time.strftime("%T ")
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(start + text, end=end, flush=True)

    def ask_findings(self):
        """What was found before may be mended by now."""
        for folder in self.store.found():
            harness = folder.name.partition("-")[0]
            if harness in harnesses():
                try:
                    ask_again(harness, folder, self.store.scratch)
                except OSError as error:  # what somebody did to it ends no night
                    self.store.note(f"{folder.name} was not asked again: {error}")

    def look_at_artifacts(self, harness):
        """What a slice left behind becomes findings. An artifact goes only when it is one."""
        folder, findings = self.store.artifacts(harness), self.store.findings
        paths = kept_in(folder)
        reports = reports_by_input(paths, list(folder.glob("reports/*")))
        for path in paths:
            try:
                result = triage(harness, path, findings, self.store.scratch)
                if result is None and harness in RUNS:
                    result = seen_once(harness, path, reports.get(path), findings)
            except (OSError, Stopped):  # the next run looks at it
                raise
            except Exception as error:  # and at this: what one input does to us ends no night
                self.store.note(f"{harness}: {path.name} could not be looked at: "
                                f"{type(error).__name__}: {error}")
                continue
            if result is None:
                kept = self.store.folder / "not-reproduced" / harness / path.name
                kept.parent.mkdir(parents=True, exist_ok=True)
                path.replace(kept)
                self.store.note(f"{harness}: {path.name} did not fail again; kept as {kept}")
                continue
            found, is_new = result
            if is_new:
                self.new_findings.append(found)
                self.say(f"finding: {what_of(found)[0]}")
            path.unlink()
        shutil.rmtree(folder / "reports", ignore_errors=True)

    def run(self):
        """Runs to the night's end. What ends it early is kept in `problem`, never raised.

        What a stop leaves, the next run looks at.
        """
        try:
            self.ask_findings()
            for name in self.names:  # what an earlier run was stopped over
                self.look_at_artifacts(name)
            self.run_slices()
        except (Problem, OSError) as error:
            self.problem = str(error)
        except Stopped:
            pass
        if self.problem:
            self.store.note(self.problem)

    def run_slices(self):
        failed = {}  # slices that ended at once, in a row
        while self.left > 0 and not STOPPING.is_set():
            check_room(self.store.folder, self.store.reserve_mb)
            able = [name for name in self.names if failed.get(name, 0) < 3]
            if not able:
                self.problem = "no harness runs any more"
                break
            name = next_harness(self.clocks, self.store.state["seconds"], able)
            seconds = max(1, round(min(self.slice_seconds, self.left)))
            slice_ = run_slice(name, self.store.corpus(name), self.store.artifacts(name),
                               self.jobs, seconds, self.progress)
            if slice_.trouble:
                self.store.note(f"{name}: {slice_.trouble}; the night goes on")
                self.say(f"{name}: {slice_.trouble}")
            at_once = bool(slice_.trouble) and slice_.seconds < seconds / 2
            failed[name] = failed.get(name, 0) + 1 if at_once else 0
            self.store.record(slice_)
            cost = slice_.seconds / weight(self.store.state["gain"], self.names, name)
            self.clocks[name] = self.clocks.get(name, 0) + cost
            self.look_at_artifacts(name)


def overnight(store, hours, jobs, names):
    """Returns the Night when its time is over, or when it was told to stop."""
    seconds = hours * 3600
    names = names or harnesses()
    night = Night(store, names, jobs, seconds,
                  min(SLICE_SECONDS_MAX, max(2, seconds / (3 * len(names)))))
    if store.state["seconds"]:
        night.say(f"goes on behind {sum(store.state['seconds'].values()) / 3600:.1f} hours")
    night.run()
    night.say(night.problem or ("stopped" if STOPPING.is_set() else "the time is over"))
    return night
