"""Compares `mneme explore` with a search that has nothing in common with it, on random small scripts with tasks.

    brute_force.py MNEME COUNT [SEED [RAW [QUEUE [FEATURE...]]]]

The model here is first fit on a list of blocks (RAW is first-fit), or a number of blocks that fit, whatever their
places (pool; chain, with blocks of one size), a queue with direct hand-off, and a search of all states with no
reduction. The queue is FIFO, or of the policy QUEUE, such as overtaking:2; a request has the priority that its name
says. Compared are the verdict, the number of states (identical tasks exchanged), that of dead ones, the length of a
shortest deadlock, and the schedules and the chance that lead to one; of scripts that go on for ever the verdict, by its
definition: a request that can never be granted, whatever is done. The FEATURES are `resize`, `heaps`: a second one,
and `lock`: tasks that lock a heap.
"""

import functools
import random
import re
import subprocess
import sys


def block_bytes(size):
    return max(16, (size + 8 + 7) // 8 * 8)


# A task is a list of steps: (kind, argument, name). Loops are ("repeat", N or None) … ("end",). A name with a d is that
# of a block in the second heap.

def random_task(rng, signals, boxes, is_isr, features):
    steps, held, count = [], [], 0
    kinds = {"alloc": 8, "free": 4, "signal": 2, "wait": 1, "send": 2, "receive": 2, "yield": 1}
    if "resize" in features:
        kinds["resize"] = 5
    if "lock" in features and not is_isr:
        kinds |= {"lock": 6, "unlock": 4, "guard": 4}
    locked = set()
    for _ in range(rng.randint(1, 5)):
        kind = rng.choices(list(kinds), kinds.values())[0]
        if is_isr and kind in ("wait", "yield", "resize"):
            continue
        resizable = [name for name, _ in held if ("alloc" in name_kinds(steps, name))]
        if kind == "resize" and resizable:
            steps.append(("resize", rng.choice([8, 16, 24, 32, 40]), rng.choice(resizable)))
        elif kind == "alloc":
            name = f"{'d' if 'heaps' in features and rng.random() < 0.5 else 'b'}{count}"
            count += 1
            does_try = is_isr or rng.random() < 0.1
            steps.append(("try" if does_try else "alloc", rng.choice([8, 8, 16, 24, 32, 40]), name))
            held.append((name, does_try))
        elif kind == "free" and held:
            steps.append(("free", None, held.pop(rng.randrange(len(held)))[0]))
        elif kind in ("signal", "wait") and signals:
            steps.append((kind, rng.choice(signals), None))
        elif kind == "send" and boxes and any(not tried for _, tried in held):
            name = rng.choice([name for name, tried in held if not tried])
            held.remove((name, False))
            steps.append(("send", rng.choice(boxes), name))
        elif kind == "receive" and boxes:
            steps.append(("receive", rng.choice(boxes), f"b{count}"))
            held.append((f"b{count}", False))
            count += 1
        elif kind == "yield":
            steps.append(("yield", None, None))
        elif kind == "lock":
            mark = rng.choice("bd") if "heaps" in features else "b"
            if mark not in locked:
                steps.append(("lock", None, mark))
                locked.add(mark)
        elif kind == "guard" and locked:
            name = f"{rng.choice(sorted(locked))}{count}"
            count += 1
            steps.append(("guard", rng.choice([8, 8, 16, 24]), name))
            held.append((name, True))
        elif kind == "unlock" and locked:
            mark = rng.choice(sorted(locked))
            steps.append(("unlock", None, mark))
            locked.remove(mark)
    rng.shuffle(held)
    ends = [("free", None, name) for name, _ in held]
    for mark in sorted(locked):
        ends.insert(rng.randint(0, len(ends)), ("unlock", None, mark))
    steps += ends
    return steps or [("yield", None, None)] if not is_isr else steps


def name_kinds(steps, name):
    return ["alloc" if kind in ("try", "guard") else kind for kind, _, each in steps if each == name]


def random_script(rng, features):
    signals = rng.sample(["s", "t"], rng.randint(0, 2))
    boxes = ["m"] if rng.random() < 0.4 else []
    tasks = []
    for index in range(rng.randint(1, 3)):
        is_isr = index > 0 and rng.random() < 0.15
        steps = random_task(rng, signals, boxes, is_isr, features)
        if not steps:
            continue
        loop = rng.choice([0, 0, 0, 2, None if rng.random() < 0.4 else 0])
        if loop != 0:
            steps = [("repeat", loop, None), *steps, ("end", None, None)]
        tasks.append((f"t{index}", is_isr, 1 if is_isr else rng.choice([1, 1, 2, 3]), steps))
    used = [step for _, _, _, steps in tasks for step in steps]
    starts = {}
    for name in signals:  # a signal that nobody gives has to be a semaphore
        given = any(step[0] == "signal" and step[1] == name for step in used)
        if not given or rng.random() < 0.3:
            starts[name] = rng.randint(0, 2)
    heaps = []
    for mark in "bd" if "heaps" in features else [""]:
        largest = max([16] + [block_bytes(step[1]) for step in used
                              if step[0] in REQUESTS and step[2].startswith(mark)])
        heaps.append(largest + 8 * rng.randint(0, 8))
    return heaps, starts, {name: rng.randint(1, 2) for name in boxes}, tasks


REQUESTS = ("alloc", "try", "guard", "resize")
POOL_BYTES = 40  # the largest request
CHAIN_BYTES = 24  # each request


def with_raw_heap(rng, raw, script):
    """The script, the raw heap of its heap lines, and how many blocks fit in each."""
    heaps, starts, boxes, tasks = script
    if raw == "pool":
        slots = [rng.randint(1, 4) for _ in heaps]
        slot = block_bytes(POOL_BYTES)
        heaps = [count * slot + 8 * rng.randint(0, 5) for count in slots]
        return (heaps, starts, boxes, tasks), f"pool:{POOL_BYTES}", slots
    block = block_bytes(CHAIN_BYTES)
    first, second = 16 + 8 * rng.randint(0, 7), block + 8 * rng.randint(0, 7)
    tasks = [(name, is_isr, copies, [(kind, CHAIN_BYTES if kind in REQUESTS else argument, block_name)
                                     for kind, argument, block_name in steps])
             for name, is_isr, copies, steps in tasks]
    return ([first], starts, boxes, tasks), f"chain:{second}", [first // block + second // block]


def level_of(name):
    return int(name[1:]) % 3


def text_of(script, raw="first-fit"):
    heaps, starts, boxes, tasks = script
    lines = [f"heap {name}{size} raw={raw} align=8" for name, size in zip(["", "dma "], heaps)]
    lines += [f"semaphore {name} {start}" for name, start in starts.items()]
    lines += [f"mailbox {name} {room}" for name, room in boxes.items()]
    for name, is_isr, copies, steps in tasks:
        lines.append(f"isr {name}" if is_isr else f"task {name}" + (f" x{copies}" if copies > 1 else ""))
        for kind, argument, block in steps:
            where = " in dma" if block and block.startswith("d") else ""
            lines.append({"alloc": f"alloc {block} {argument}{where}", "try": f"alloc {block} {argument}{where} try",
                          "guard": f"alloc {block} {argument}{where} guard", "lock": f"lock{where}", "unlock": f"unlock{where}",
                          "resize": f"resize {block} {argument}", "free": f"free {block}", "signal": f"signal {argument}", "wait": f"wait {argument}",
                          "send": f"send {argument} {block}", "receive": f"receive {argument} {block}",
                          "yield": "yield", "end": "end",
                          "repeat": f"repeat {'forever' if argument is None else argument}"}[kind])
        lines.append("end")
    return "\n".join(lines) + "\n"


def with_queue(text, queue):
    text = text.replace(" align=8", f" queue={queue} align=8")
    if not queue.startswith("priority"):
        return text
    return re.sub(r"alloc ([bd]\d+) \d+( in dma)?$", lambda match: f"{match[0]} priority={level_of(match[1])}", text,
                  flags=re.MULTILINE)


class Model:
    """States are tuples: (tasks, queues, signals, boxes, locks). A lock is (the task that has it or None, the blocks that
    are deferred). A task is (at, rounds, waits, names), names a tuple of
    (name, (offset, size, heap)); the queue of each heap holds numbers of tasks, each with how often it was passed, or
    its level."""

    policy, number = "fifo", 0

    def __init__(self, script):
        self.heaps, self.starts, self.rooms, tasks = script
        self.programs, self.isrs, self.groups = [], [], []
        for group, (_, is_isr, copies, steps) in enumerate(tasks):
            for _ in range(copies):
                self.programs.append(steps)
                self.isrs.append(is_isr)
                self.groups.append(group)
        self.goes_on = any(step[:2] == ("repeat", None) for steps in self.programs for step in steps)
        self.resizes = any(step[0] == "resize" for steps in self.programs for step in steps)

    def first(self):
        tasks = tuple(self.settle(task, -1, None, ()) for task in range(len(self.programs)))
        return (tasks, tuple(() for _ in self.heaps), tuple(sorted(self.starts.items())),
                tuple((name, ()) for name in sorted(self.rooms)), tuple((None, ()) for _ in self.heaps))

    def settle(self, task, at, rounds, names):
        steps = self.programs[task]
        at += 1
        while at < len(steps) and steps[at][0] in ("repeat", "end"):
            if steps[at][0] == "repeat":
                rounds = steps[at][1]
                at += 1
            elif self.rounds_of(steps) is None:
                at = 1
            else:
                rounds -= 1
                at = 1 if rounds > 0 else at + 1
        return at, rounds, False, names

    @staticmethod
    def rounds_of(steps):
        return steps[0][1]

    def size_of(self, argument):
        return block_bytes(argument)

    def place(self, blocks, size, heap):
        at = 0
        for offset, length, _ in sorted(blocks):
            if offset - at >= size:
                return at
            at = offset + length
        return at if self.heaps[heap] - at >= size else None

    def grows(self, blocks, block, size):
        """Whether a block becomes larger in place: in the hole behind it, and in the last one only if no other has
        room."""
        offset, length, heap = block
        end = min([each[0] for each in blocks if each[0] > offset], default=self.heaps[heap])
        if end - offset < size:
            return False
        before = self.place([each for each in blocks if each[0] <= offset] + [(end, 0, heap)], size, heap)
        return end < self.heaps[heap] or before is None or before >= offset

    def blocks(self, tasks, boxes, heap):
        found = [block for task in tasks for _, block in task[3]] + [block for _, mail in boxes for block in mail]
        found += [block for _, deferred in self.locks for block in deferred]
        return [block for block in found if block[2] == heap]

    def can_step(self, state, task):
        tasks, _, signals, boxes, _ = state
        at, _, waits, _ = tasks[task]
        if waits or at == len(self.programs[task]):
            return False
        kind, argument, _ = self.programs[task][at]
        if kind == "wait":
            return dict(signals).get(argument, 0) > 0
        if kind == "send":
            return len(dict(boxes)[argument]) < self.rooms[argument]
        if kind == "receive":
            return len(dict(boxes)[argument]) > 0
        return True

    def step(self, state, task):
        tasks, queues, signals, boxes = list(state[0]), list(map(list, state[1])), dict(state[2]), dict(state[3])
        self.locks = list(state[4])
        at, rounds, _, names = tasks[task]
        names = dict(names)
        kind, argument, name = self.programs[task][at]
        waits = False
        if kind in ("alloc", "try"):
            heap = 1 if name.startswith("d") else 0
            got = None if queues[heap] or self.is_locked(heap) else self.request(tasks, boxes, argument, heap)
            if got is not None:
                names[name] = got
            elif kind == "alloc":
                waits = True
                self.enqueue(queues[heap], task, 1 if names else 0, level_of(name))
        elif kind == "guard":
            heap = 1 if name.startswith("d") else 0
            self.locks[heap] = (task, ())
            got = self.request(tasks, boxes, argument, heap)
            if got is not None:
                names[name] = got
        elif kind == "lock":
            heap = 1 if name == "d" else 0
            waits = self.is_locked(heap) or bool(queues[heap])
            if waits:
                self.enqueue(queues[heap], task, 1 if names else 0, 0)
            else:
                self.locks[heap] = (task, ())
        elif kind == "unlock":
            self.locks[1 if name == "d" else 0] = (None, ())
        elif kind == "resize" and "new " + name in names:
            self.defer(names[name])
            names[name] = names.pop("new " + name)
        elif kind == "resize" and name in names:
            heap, size = names[name][2], self.size_of(argument)
            blocks = self.blocks(tasks, boxes.items(), heap)
            fits = size <= names[name][1] or (not queues[heap] and self.grows(blocks, names[name], size))
            if fits and not self.is_locked(heap):
                names[name] = (names[name][0], size, heap)
            else:
                got = None if queues[heap] or self.is_locked(heap) else self.request(tasks, boxes, argument, heap)
                waits = got is None
                if waits:
                    tried = ("try", name) in {(step[0], step[2]) for step in self.programs[task]}
                    self.enqueue(queues[heap], task, 1, 0 if tried else level_of(name))
                else:
                    names[name] = got
        elif kind == "free":
            if name in names:
                self.defer(names.pop(name))
        elif kind == "signal":
            signals[argument] = signals.get(argument, 0) + 1
        elif kind == "wait":
            signals[argument] -= 1
        elif kind == "send":
            boxes[argument] += (names.pop(name),)
        elif kind == "receive":
            names[name], boxes[argument] = boxes[argument][0], boxes[argument][1:]
        if waits:
            tasks[task] = (at, rounds, True, tuple(sorted(names.items())))
        else:
            tasks[task] = self.settle(task, at, rounds, tuple(sorted(names.items())))
        granted = [head for heap in range(len(self.heaps)) for head in self.grant(heap, queues[heap], tasks, boxes)]
        if kind == "resize" and task in granted:  # at once, before others: it moves in the same step
            names = dict(tasks[task][3])
            names[name] = names.pop("new " + name)
            tasks[task] = self.settle(task, at, rounds, tuple(sorted(names.items())))
            granted += self.grant(names[name][2], queues[names[name][2]], tasks, boxes)
        return (tuple(tasks), tuple(map(tuple, queues)), tuple(sorted(signals.items())),
                tuple(sorted(boxes.items())), tuple(self.locks)), granted

    def is_locked(self, heap):
        return self.locks[heap][0] is not None

    def defer(self, block):
        task, deferred = self.locks[block[2]]
        if task is not None:
            self.locks[block[2]] = (task, tuple(sorted(deferred + (block,))))

    def request(self, tasks, boxes, argument, heap):
        place = self.place(self.blocks(tasks, boxes.items(), heap), self.size_of(argument), heap)
        return None if place is None else (place, self.size_of(argument), heap)

    def grant(self, heap, queue, tasks, boxes):
        while not self.is_locked(heap) and (chosen := self.choose(heap, queue, tasks, boxes)) is not None:
            if self.policy == "overtaking":
                queue[:chosen] = [(passed, times + 1) for passed, times in queue[:chosen]]
            head, _ = queue.pop(chosen)
            at, rounds, _, names = tasks[head]
            kind, argument, name = self.programs[head][at]
            if kind == "lock":
                self.locks[heap] = (head, ())
                tasks[head] = self.settle(head, at, rounds, names)
                yield head
                continue
            got = self.request(tasks, boxes, argument, heap)
            if kind == "resize":  # the move is its next step
                tasks[head] = (at, rounds, False, tuple(sorted({**dict(names), "new " + name: got}.items())))
            else:
                tasks[head] = self.settle(head, at, rounds, tuple(sorted({**dict(names), name: got}.items())))
            yield head

    def enqueue(self, queue, task, holds, priority):
        level = {"holders-first": holds, "priority": priority}.get(self.policy, 0)
        at = len(queue)
        while self.policy != "overtaking" and at > 0 and queue[at - 1][1] < level:
            at -= 1
        queue.insert(at, (task, level))

    def choose(self, heap, queue, tasks, boxes):
        """The place in the queue of the request that is granted next."""
        for place, (task, passed) in enumerate(queue):
            kind, argument, _ = self.programs[task][tasks[task][0]]
            if kind == "lock" or self.request(tasks, boxes, argument, heap) is not None:
                return place
            if self.policy != "overtaking" or passed >= self.number or place == 16:
                return None
        return None

    def canonical(self, state):
        tasks, queues, signals, boxes, locks = state
        signals = tuple(item for item in signals if item[1] > 0)
        places = {task: (place, rank) for queue in queues for place, (task, rank) in enumerate(queue)}
        rows = [(self.groups[task], repr(tasks[task]), places.get(task, (-1, 0))) for task in range(len(tasks))]
        return tuple(sorted(rows)), signals, boxes, tuple(self.deferred_of(lock) for lock in locks)

    def deferred_of(self, lock):
        return tuple(block[:2] for block in lock[1])

    def explore(self, most):
        """None if there are more states than that."""
        first = self.first()
        depth, edges, order = {first: 0}, {}, [first]
        for state in order:
            edges[state] = []
            for task in range(len(self.programs)):
                if self.can_step(state, task):
                    after, granted = self.step(state, task)
                    edges[state].append((after, granted))
                    if after not in depth:
                        depth[after] = depth[state] + 1
                        order.append(after)
            if len(order) > most:
                return None
        return depth, edges

    def is_blocked(self, state):
        return any(not self.isrs[task] and state[0][task][0] < len(self.programs[task]) and not state[0][task][2]
                   and not self.can_step(state, task) for task in range(len(self.programs)))


class Counting(Model):
    """All blocks of a heap are alike, and only their number matters; of a resize also the sizes."""

    def __init__(self, script, most):
        super().__init__(script)
        self.most = most

    def size_of(self, argument):
        return block_bytes(argument) if self.resizes else 0

    def place(self, blocks, size, heap):
        return 0 if len(blocks) < self.most[heap] else None

    def grows(self, blocks, block, size):
        return True

    def deferred_of(self, lock):
        return len(lock[1])


def verdict_of(model, found):
    """The verdict, the number of states, of dead ones and of steps, and the schedules that end badly, all of them, and
    the chance."""
    depth, edges = found
    states = len({model.canonical(state) for state in depth})
    if not model.goes_on:
        ends = [state for state in depth if not edges[state]]
        dead = [state for state in ends if any(state[1])]
        stuck = [state for state in ends if not any(state[1]) and model.is_blocked(state)]
        if not dead and not stuck:
            return "no deadlock", states, None, None, None
        bad = dead or stuck
        return ("deadlock" if dead else "stuck", states, len({model.canonical(state) for state in bad}),
                min(map(depth.get, bad)), shares_of(depth, edges, set(bad)))
    # By the definition: of some task that waits, the grant is nowhere ahead.
    for task in range(len(model.programs)):
        back = {}
        ahead = []
        for state, nexts in edges.items():
            for after, granted in nexts:
                back.setdefault(after, []).append(state)
                if task in granted:
                    ahead.append(state)
        can = set(ahead)
        while ahead:
            for before in back.get(ahead.pop(), []):
                if before not in can:
                    can.add(before)
                    ahead.append(before)
        if any(state[0][task][2] and state not in can for state in edges):
            return "deadlock", states, None, None, None
    return "other", states, None, None, None


def shares_of(depth, edges, bad):
    """How many schedules end badly, of how many, and the chance, as `explore` rounds it."""
    @functools.cache
    def ahead(state):
        nexts = [ahead(after) for after, _ in edges[state]]
        if not nexts:
            return (1, 1, 1.0) if state in bad else (0, 1, 0.0)
        ends, schedules, chances = zip(*nexts)
        return sum(ends), sum(schedules), sum(chances) / len(nexts)
    ends, schedules, chance = ahead(next(iter(depth)))
    return ends, schedules, 100 * chance if chance > 0.5 else 1 / chance


def agree(got, shares):
    if got is None or shares is None:
        return got == shares
    return got[:2] == shares[:2] and abs(got[2] - shares[2]) < 0.5 + 1e-6


def explored(mneme, text, options):
    run = subprocess.run([*mneme.split(), "explore", "-", "--no-advice", *options], input=text, capture_output=True,
                         text=True)
    out = run.stdout
    states = re.search(r"([\d,]+) states", out)
    dead = re.search(r"([\d,]+) of them dead", out)
    steps = re.search(r"shortest has (\d+) step", out)
    shares = re.search(r"in ([\d,]+) of ([\d,]+) schedules; (?:one random run in )?([\d,]+)", out)
    number = lambda match: int(match[1].replace(",", "")) if match else None
    kind = next((kind for kind in ("deadlock", "stuck", "no deadlock") if out.startswith(kind)), out + run.stderr)
    return (kind, number(states), number(dead), number(steps),
            tuple(int(each.replace(",", "")) for each in shares.groups()) if shares else None)


def main():
    mneme, count = sys.argv[1], int(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    raw = sys.argv[4] if len(sys.argv) > 4 else "first-fit"
    queue = sys.argv[5] if len(sys.argv) > 5 else "fifo"
    features = sys.argv[6:]
    Model.policy, _, number = queue.partition(":")
    Model.number = int(number or 0)
    kinds = {}
    done = 0
    while done < count:
        script = random_script(rng, features)
        if not script[3]:
            continue
        if raw == "first-fit":
            model, name = Model(script), raw
        else:
            script, name, most = with_raw_heap(rng, raw, script)
            model = Counting(script, most)
        found = model.explore(3000)
        if found is None:
            continue
        expected = verdict_of(model, found)
        text = with_queue(text_of(script, name), queue)
        got = explored(mneme, text, ["--exact" if raw == "first-fit" else "--this-raw-heap"])
        if model.goes_on:
            same = got[1] == expected[1] and (got[0] == "deadlock") == (expected[0] == "deadlock")
        else:
            same = got[:4] == expected[:4] and agree(got[4], expected[4])
        if not same:
            sys.exit(f"{text}\nexpected {expected}\n     got {got}")
        key = expected[0] + (", for ever" if model.goes_on else "")
        kinds[key] = kinds.get(key, 0) + 1
        done += 1
    for kind, times in sorted(kinds.items()):
        print(f"{kind}: {times}")
    print(f"{done} scripts, no difference")


if __name__ == "__main__":
    main()
