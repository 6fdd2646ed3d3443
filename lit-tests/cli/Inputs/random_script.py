#!/usr/bin/python3
"""Writes random scripts that are valid by construction, the same for the same seed.

Usage: random_script.py DIRECTORY FIRST_SEED COUNT STEPS   writes DIRECTORY/SEED.mn

A script is valid if every step makes sense whatever the heap did so far: whether a request was
granted, waits, was refused, cancelled or closed. So the generator has no model of the heap. It
knows of each name what a step on it may be, in the order of the script, which is also the order in
which the driver carries the steps of one name out.
"""

import random
import sys
from pathlib import Path

HUGE = [2**61, 2**61 + 1, 2**63, 2**64 - 8, 2**64 - 1]


class Name:
    def __init__(self, kind):
        self.kind = kind  # alloc, array, vec, arc
        self.leaked = False


class Script:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.size = self.random.choice([256, 1000, 1024, 4096, 65536, 2**20])
        poll = self.random.choice(["", "", " poll=auto"])
        self.lines = [f"heap {self.size}{poll} align=8"]
        self.used = {}     # names that were made and not given back
        self.spare = []    # names that were given back
        self.count = 0
        self.locked = False
        self.closed = False

    def say(self, line):
        self.lines.append(line)

    def new_name(self, reuse=True):
        if reuse and self.spare and self.random.random() < 0.3:
            return self.spare.pop(self.random.randrange(len(self.spare)))
        self.count += 1
        return f"n{self.count}"

    def pick(self, *kinds, leaked=False):
        """A name in use of one of these kinds, or None."""
        names = [name for name, what in self.used.items()
                 if what.leaked == leaked and (not kinds or what.kind in kinds)]
        return self.random.choice(names) if names else None

    def some_size(self):
        largest = self.size * 2
        return self.random.choice([0, 1, 7, 8, 9, 16, 24, 100, self.random.randrange(self.size // 8),
                                   self.random.randrange(self.size // 8),
                                   self.random.randrange(self.size // 2),
                                   self.random.randrange(largest), self.random.choice(HUGE)])

    def request(self):
        kind = self.random.choice(["alloc"] * 6 + ["array", "vec", "arc"])
        # A step that is held behind another use of its name would come too late for the guard.
        guard = kind == "alloc" and self.locked and self.random.random() < 0.5
        name = self.new_name(reuse=not guard)
        if kind == "alloc":
            align = self.random.choice([1, 2, 8, 8, 8, 16, 64, 1024, 2**20, 2**63])
            how = " guard" if guard else self.random.choice(["", "", "", "", " try"])
            self.say(f"alloc {name} {self.some_size()} align={align}{how}")
        elif kind == "arc":
            self.say(f"arc {name}")
        else:
            self.say(f"{kind} {name} {self.random.choice([self.some_size() // 8, 5, 2**61 + 1])}")
        self.used[name] = Name(kind)

    def give_back(self):
        name = self.pick()
        if not name:
            return
        defer = self.used[name].kind == "alloc" and self.random.random() < 0.25
        verb = self.random.choice(["free", "drop"]) if not defer else "free"
        self.say(f"{verb} {name}{' defer' if defer else ''}")
        del self.used[name]
        self.spare.append(name)

    def change(self):
        """A step on a name that keeps it."""
        what = self.random.choice(["resize", "resize", "push", "clone", "leak", "unleak", "cancel"])
        kinds = {"resize": ["alloc"], "push": ["vec"], "clone": ["arc"]}.get(what, [])
        name = self.pick(*kinds, leaked=what == "unleak")
        if not name:
            return
        if what == "resize":
            self.say(f"resize {name} {self.some_size()}")
        elif what == "clone":
            clone = self.new_name(reuse=False)  # a clone is not held behind its new name's free
            self.say(f"clone {name} {clone}")
            self.used[clone] = Name("arc")
        else:
            self.say(f"{what} {name}")
            if what in ("leak", "unleak"):
                self.used[name].leaked = what == "leak"

    def look(self):
        name = self.random.choice([*self.used, *self.spare[-100:], "-"])
        state = self.random.choice(["waiting", "granted", "freed", "cancelled", "refused", "closed"])
        checks = ["stat", "map", f"expect deferred {self.random.randrange(3)} waiting 0",
                  f"expect live {self.random.randrange(9)} used 0", "expect free 8 largest 8"]
        if name != "-":
            checks += [f"expect {name} {state}", f"cancel {name}"]
        self.say(self.random.choice(checks))

    def hold_heap(self):
        self.say("unlock" if self.locked else "lock")
        self.locked = not self.locked

    def close(self):
        if self.random.random() < 0.02:
            self.say("close")

    def write(self, steps):
        what = ([self.request] * 35 + [self.give_back] * 30 + [self.change] * 15 + [self.look] * 8
                + [self.hold_heap] * 4 + [self.close] * 2 + [lambda: self.say("poll")] * 8)
        while len(self.lines) < steps:
            self.random.choice(what)()
        return "\n".join(self.lines) + "\n"


def main():
    directory, first, count, steps = sys.argv[1], *map(int, sys.argv[2:])
    for seed in range(first, first + count):
        Path(directory, f"{seed}.mn").write_text(Script(seed).write(steps))


main()
