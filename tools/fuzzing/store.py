"""The folder that the tool manages: one corpus for each harness, what was found, how it grew."""

import fcntl
import json
import os
import shutil
import time
from pathlib import Path

from .common import Problem, check_room, text_of, write_atomically
from .triage import is_whole

# FOLDER/corpus/HARNESS/  inputs            FOLDER/artifacts/HARNESS/  crashes not looked at yet
# FOLDER/findings/KEY/    see triage.py     FOLDER/not-reproduced/HARNESS/  did not fail again
# FOLDER/damaged/HARNESS/ inputs cut short   FOLDER/state.json, growth.csv, report.*

OLD = ".old"  # behind the name of a corpus while a smaller one takes its place


def _is_sound(value, kind):
    """Whether a part of the state is notes, or numbers by the names of harnesses."""
    if not isinstance(value, kind):
        return False
    if kind is list:
        return all(isinstance(note, str) for note in value)
    return all(isinstance(number, (int, float)) and abs(number) < 1e15  # NaN is not
               for number in value.values())


class Store:
    """Opened by one process at a time; all that is in it survives whatever ends that process."""

    def __init__(self, folder, reserve_mb):
        self.folder = Path(folder).absolute()
        self.reserve_mb = reserve_mb
        self.lock = None
        self.state = {"seconds": {}, "gain": {}, "executions": {}, "notes": []}

    def __enter__(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = open(self.folder / "lock", "a+", errors="replace")
        except OSError as error:
            raise Problem(f"cannot write into {self.folder}: {error.strerror}") from error
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock.seek(0)
            owner = self.lock.read().strip() or "unknown"
            raise Problem(f"process {owner} works on {self.folder} already; nothing was changed. "
                          "Give another folder by --corpus, or wait") from None
        self.lock.seek(0)
        self.lock.truncate()
        self.lock.write(f"{os.getpid()}\n")
        self.lock.flush()
        check_room(self.folder, self.reserve_mb)
        self.read_state()
        self.take_back()
        return self

    def __exit__(self, *_):
        self.lock.close()

    def corpus(self, harness):
        return self.folder / "corpus" / harness

    def artifacts(self, harness):
        return self.folder / "artifacts" / harness

    @property
    def findings(self):
        return self.folder / "findings"

    def found(self):
        """The folders of findings that are whole, by name."""
        return [folder for folder in sorted(self.findings.glob("[!.]*")) if is_whole(folder)]

    def waiting(self):
        """How many inputs are no findings: not looked at yet, and those that did not fail again."""
        return [sum(path.is_file() for path in (self.folder / name).glob("*/*-*"))
                for name in ("artifacts", "not-reproduced")]

    @property
    def scratch(self):
        return self.folder / "scratch"

    def take_back(self):
        """Takes back the inputs of a minimisation that was killed."""
        for old in self.folder.glob(f"corpus/*{OLD}"):
            corpus = old.with_suffix("")
            corpus.mkdir(exist_ok=True)
            for path in old.iterdir():
                path.replace(corpus / path.name)
            shutil.rmtree(old)

    def read_state(self):
        path = self.folder / "state.json"
        if not path.exists():
            return
        try:
            state = json.loads(path.read_text())
            for key in self.state:
                if not _is_sound(state[key], type(self.state[key])):
                    raise ValueError(key)
            self.state = state
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            kept = path.with_name("state.json.damaged")
            path.replace(kept)
            self.note(f"state.json was damaged ({error}) and is now {kept.name}: the clocks start "
                      "anew, corpus and findings are kept")

    def write_state(self):
        try:
            write_atomically(self.folder / "state.json", json.dumps(self.state, indent=1))
        except OSError as error:
            raise Problem(f"cannot write into {self.folder}: {error.strerror}; "
                          "all that was found so far is kept") from error

    def note(self, text):
        """Something that the morning's reader should know."""
        self.state["notes"] = [*self.state["notes"], f"{time.strftime('%F %T')} {text}"][-50:]

    def record(self, slice_):
        """Adds what a slice did to the clocks and to the growth."""
        name, pulse = slice_.harness, slice_.pulse
        for key, more in (("seconds", slice_.seconds), ("executions", pulse.executions)):
            self.state[key][name] = self.state[key].get(name, 0) + more
        # The mean of the last few slices, the latest counting most.
        gain = slice_.gained / max(slice_.seconds, 1)
        self.state["gain"][name] = (self.state["gain"].get(name, gain) + gain) / 2
        self.write_state()
        if not slice_.first:  # it ended before it said anything
            return
        with open(self.folder / "growth.csv", "a") as growth:
            growth.write(f"{sum(self.state['seconds'].values()):.0f},{name},{pulse.coverage},"
                         f"{pulse.features},{pulse.corpus},{pulse.executions},{slice_.rate:.0f}\n")

    def growth(self):
        """[(seconds, harness, coverage, features, corpus, executions, rate)] of whole lines."""
        rows = []
        for line in text_of(self.folder / "growth.csv").splitlines():
            parts = line.split(",")
            if len(parts) == 7 and all(part.isdecimal() for part in [parts[0], *parts[2:]]):
                rows.append((int(parts[0]), parts[1], *map(int, parts[2:])))
        return rows
