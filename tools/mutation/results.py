"""What is known of each fault and layer, one line of JSON a verdict, kept as it is found.

A verdict holds as long as what it rests on stays as it was: that a fault survives, all sources and
tests; that a test caught it, all sources, that test, and what all tests share; that a check of the text
did, all that such checks read. `--again` forgets them all.
"""

import hashlib
import json
import threading

from layers import READ, TESTED, Verdict, hash_of

class Results:
    def __init__(self, root, file):
        self.root, self.file, self.lock = root, file, threading.Lock()
        self.all_tested, self.all_read = hash_of(root, TESTED), hash_of(root, READ)
        self.shared = hash_of(root, [
            "include", "src", "configure.py", "build.ninja.in", "lit-tests/lit.cfg.py",
            *(file.relative_to(root).as_posix() for pattern in ("Inputs", "lit.local.cfg")
              for file in (root / "lit-tests").rglob(pattern))])
        self.entries = {}  # (fault, layer): entry
        known = file.read_text() if file.is_file() else ""
        self.torn = known[-1:] not in ("", "\n")
        for line in known.splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line of a run that was killed
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
        return verdict if entry["key"] == self._key(fault, layer, verdict) else None

    def add(self, fault, layer, verdict):
        entry = {"fault": fault.name, "layer": layer, "test": verdict.test, "by": verdict.by,
                 "key": self._key(fault, layer, verdict)}
        with self.lock:
            self.entries[fault.name, layer] = entry
            with self.file.open("a") as out:
                out.write("\n" * self.torn + json.dumps(entry) + "\n")
                self.torn = False

    def likely(self, fault):
        """{test: how} of those that caught it in other layers."""
        return {entry["test"]: entry["by"] for (name, layer), entry in list(self.entries.items())
                if name == fault.name and layer != "static" and entry["test"]}
