"""Checks that what `mneme explore` proves for any raw heap holds, on random small scripts with tasks.

    any_raw_heap.py MNEME COUNT SEED QUEUE [FEATURE...]

The model is that of brute_force.py, but a block may lie at the start of any hole that is long enough: all such places
are tried. If the tasks could end badly on some raw heap, which decides by all that has happened, `explore` must not
have a proof. With a proof, no raw heap of the driver may have a deadlock. Printed is how often `explore` had a proof,
and how often it had none though no place is bad: it counts bytes and holes, and does not know what lies beside what.
"""

import random
import subprocess
import sys

from brute_force import Model, random_script, text_of, with_queue


class Anywhere(Model):
    """A step has a state after it for each place that its blocks may have."""

    def place(self, blocks, size, heap):
        places, at = [], 0
        for offset, length, _ in sorted(blocks):
            if offset - at >= size:
                places.append(at)
            at = offset + length
        if self.heaps[heap] - at >= size:
            places.append(at)
        if not places:
            return None
        if len(self.plan) == self.asked:
            self.plan.append((0, len(places)))
        chosen = self.plan[self.asked][0]
        self.asked += 1
        return places[chosen]

    def steps(self, state, task):
        self.plan = []
        while True:
            self.asked = 0
            yield self.step(state, task)
            while self.plan and self.plan[-1][0] + 1 == self.plan[-1][1]:
                self.plan.pop()
            if not self.plan:
                return
            self.plan[-1] = (self.plan[-1][0] + 1, self.plan[-1][1])

    def explore(self, most):
        """For each state the outcomes of each task's step; None if there are more states than that."""
        first = self.first()
        outcomes, order = {}, [first]
        known = {first}
        for state in order:
            outcomes[state] = [list(self.steps(state, task)) for task in range(len(self.programs))
                               if self.can_step(state, task)]
            for after in (after for nexts in outcomes[state] for after, _ in nexts):
                if after not in known:
                    known.add(after)
                    order.append(after)
            if len(order) > most:
                return None
        return outcomes

    def may_be_bad(self, outcomes):
        """Whether a request may wait for ever, or a task for a signal or a mailbox, whatever the others do."""
        for task in range(len(self.programs)):
            if (self.has_trap(outcomes, lambda state: state[0][task][2], lambda granted: task not in granted)
                    or self.has_trap(outcomes, lambda state: self.is_blocked_task(state, task), lambda _: True)):
                return True
        return False

    def is_blocked_task(self, state, task):
        return (not self.isrs[task] and state[0][task][0] < len(self.programs[task]) and not state[0][task][2]
                and not self.can_step(state, task))

    @staticmethod
    def has_trap(outcomes, is_candidate, remains):
        trap = {state for state in outcomes if is_candidate(state)}
        while True:
            left = {state for state in trap
                    if all(any(after in trap and remains(granted) for after, granted in nexts)
                           for nexts in outcomes[state])}
            if left == trap:
                return bool(trap)
            trap = left


def explored(mneme, text, *options):
    run = subprocess.run([*mneme.split(), "explore", "-", "--no-advice", *options], input=text, capture_output=True,
                         text=True)
    if run.returncode not in (0, 3):
        sys.exit(f"{text}\n{run.stdout}{run.stderr}")
    return run.stdout


def main():
    mneme, count, seed, queue, *features = sys.argv[1:]
    rng = random.Random(int(seed))
    Model.policy = queue.partition(":")[0]
    proofs = gaps = bad = 0
    while proofs + gaps + bad < int(count):
        script = random_script(rng, features)
        if not script[3]:
            continue
        model = Anywhere(script)
        outcomes = model.explore(2000)
        if outcomes is None:
            continue
        may_be_bad = model.may_be_bad(outcomes)
        text = with_queue(text_of(script), queue)
        has_proof = "no deadlock on any raw heap" in explored(mneme, text)
        if has_proof and may_be_bad:
            sys.exit(f"{text}\nis bad for some places of its blocks")
        for raw in ("first-fit", "best-fit", "bounded") if has_proof else ():
            out = explored(mneme, text, "--this-raw-heap", f"--raw={raw}")
            if not out.startswith("no deadlock ("):
                sys.exit(f"{text}\n{out}")
        proofs += has_proof
        bad += may_be_bad
        gaps += not has_proof and not may_be_bad
    print(f"proofs: {proofs}")
    print(f"may be bad: {bad}")
    print(f"no proof, though no place is bad: {gaps}")


main()
