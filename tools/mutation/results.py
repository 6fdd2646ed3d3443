"""What is known of each fault and layer, one line of JSON a verdict, kept as it is found.

A verdict holds as long as what it rests on stays as it was: that a fault survives, all sources and
tests; that a test caught it, all sources, that test, and what all tests share; that a check of the text
did, all that such checks read. `--again` forgets those of the chosen faults and layers.
"""

import hashlib
import json
import threading
from pathlib import Path

from fuzzing.common import write_atomically
from layers import READ, TESTED, Verdict, hash_of, version_of

OWN = ("layers.py", "switches.py")  # by which a verdict comes about


class Results:
    def __init__(self, root, file):
        self.root, self.file, self.lock = root, file, threading.Lock()
        tools = hash_of(Path(__file__).parent, OWN) + version_of("clang++-22")
        self.all_tested = hash_of(root, TESTED) + tools
        self.all_read = hash_of(root, READ) + tools
        self.shared = tools + hash_of(root, [
            "include", "src", "configure.py", "build.ninja.in",
            *(file.relative_to(root).as_posix() for file in (root / "lit-tests").glob("*")
              if file.is_file()),
            *(file.relative_to(root).as_posix() for pattern in ("*.hpp", "Inputs", "lit.local.cfg", "*.xz")
              for file in (root / "lit-tests").rglob(pattern))])
        self.entries = {}  # (fault, layer): entry
        known = file.read_text() if file.is_file() else ""
        self.torn = known[-1:] not in ("", "\n")
        for line in known.splitlines():
            try:
                entry = json.loads(line)
                names = [entry[key] for key in ("fault", "layer", "test", "by", "key")]
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a run that was killed
            if all(isinstance(name, str) for name in names):
                self.entries[entry["fault"], entry["layer"]] = entry

    def _key(self, fault, layer, verdict):
        parts = [part for pair in fault.texts(self.root) for part in pair]
        if layer == "static":
            parts.append(self.all_read)
        elif verdict.test:
            test = self.root / "lit-tests" / verdict.test
            parts += [test.read_text() if test.is_file() else "gone", self.shared]
        else:
            parts.append(self.all_tested)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def get(self, fault, layer):
        """The verdict, or None if it is not known, or not any more."""
        entry = self.entries.get((fault.name, layer))
        if entry is None:
            return None
        verdict = Verdict(entry["test"], entry["by"])
        if verdict.by == "enough" and not self.is_seen(fault):
            return None
        return verdict if entry["key"] == self._key(fault, layer, verdict) else None

    def add(self, fault, layer, verdict):
        entry = {"fault": fault.name, "layer": layer, "test": verdict.test, "by": verdict.by,
                 "key": self._key(fault, layer, verdict)}
        with self.lock:
            self.entries[fault.name, layer] = entry
            with self.file.open("a") as out:
                out.write("\n" * self.torn + json.dumps(entry) + "\n")
                self.torn = False

    def forget(self, faults, layers):
        gone = {(fault.name, layer) for fault in faults for layer in layers}
        self.entries = {key: entry for key, entry in self.entries.items() if key not in gone}
        write_atomically(self.file, "".join(json.dumps(entry) + "\n" for entry in self.entries.values()))
        self.torn = False

    def is_seen(self, fault):
        """Whether tests of any layer see it, as all is now."""
        return any(entry["test"] and self.get(fault, layer)
                   for (name, layer), entry in list(self.entries.items())
                   if name == fault.name and layer != "static")

    def likely(self, fault):
        """{test: how} of those that caught it in other layers, or did so before something changed."""
        return {entry["test"]: entry["by"] for (name, layer), entry in list(self.entries.items())
                if name == fault.name and layer != "static" and entry["test"]}
