#!/usr/bin/python3
"""Compares a Chrome trace by `mneme run --perfetto` with the transcript of the same run: its steps, its waits
from the step that asked to the one that granted, and its counters.

Usage: check_perfetto.py TRACE < TRANSCRIPT
"""

import json
import re
import sys
from pathlib import Path

trace = json.loads(Path(sys.argv[1]).read_text())
events = trace["traceEvents"]
tracks = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
assert len(set(tracks.values())) == len(tracks), "two tracks with one name"

# What the transcript tells: a line a step, the task before it if there are tasks.
steps, waits, refused = [], {}, []
open_waits, lines = {}, sys.stdin.read().splitlines()
for line in lines:
    match = re.match(r"(?:(?P<task>[\w-]+) +)?(?P<line>\d+): (?P<op>.*?)(?: -> (?P<result>.*))?$", line)
    if not match or " (held) ->" in line:
        continue
    steps.append((match["task"], match["op"]))
    now, result = len(steps), match["result"] or ""
    words = match["op"].split()
    name = words[1] if len(words) > 1 else ""
    if result.startswith("waiting"):
        open_waits[name] = now
    if result.startswith("refused"):
        refused.append((name, now))
    if match["op"].startswith("cancel") and result.startswith("cancelled"):
        waits[name, open_waits.pop(name)] = now
    for granted in re.findall(r"([^ ;]+) granted at \d+", result):
        waits[granted, open_waits.pop(granted)] = now
for name, begin in open_waits.items():
    waits[name, begin] = None

seen_steps = sorted((event for event in events if event.get("cat") == "step"), key=lambda event: event["ts"])
assert [event["ts"] for event in seen_steps] == list(range(1, len(seen_steps) + 1)), "steps are not one a microsecond"
told = [(None if tracks[event["tid"]] == "script" else tracks[event["tid"]], event["name"]) for event in seen_steps]
assert told[:len(steps)] == steps, (told, steps)
assert all(name == "end" for _, name in told[len(steps):]), told[len(steps):]

seen_waits = {}
for event in events:
    if event.get("cat") != "wait":
        continue
    name = event["name"].split()[0]
    assert tracks[event["tid"]] in (name, name.split(".")[0]), event
    if event["ph"] == "i":
        refused.remove((name, event["ts"]))
    else:
        is_open = event["args"]["end"] == "waits for ever"
        seen_waits[name, event["ts"]] = None if is_open else event["ts"] + event["dur"]
assert not refused, f"not in the trace: {refused}"
assert seen_waits == waits, (seen_waits, waits)

# Spans of a track are nested or apart.
for track in tracks:
    ends = []
    spans = [(event["ts"], -event["dur"]) for event in events if event["ph"] == "X" and event["tid"] == track]
    for begin, length in sorted(spans):
        while ends and ends[-1] <= begin:
            ends.pop()
        assert not ends or begin - length <= ends[-1], f"track {tracks[track]}: spans overlap at {begin}"
        ends.append(begin - length)

# The number that wait, from the waits; the other counters, where the transcript has figures of them.
counters = {name: {event["ts"]: next(iter(event["args"].values())) for event in events
                   if event["ph"] == "C" and event["name"] == name} for name in ("used", "largest hole", "waiting")}
for step in range(1, len(seen_steps) + 1):
    at = max(ts for ts in counters["waiting"] if ts <= step)
    count = sum(begin <= step and (end is None or step < end) for (_, begin), end in waits.items())
    assert counters["waiting"][at] == count, f"step {step}: {counters['waiting'][at]} wait, and should be {count}"
for key, number, step in [(key, int(number), step) for step, (_, op) in enumerate(steps, 1)
                          for key, number in re.findall(r"(used|largest) (\d+)", op) if op.startswith("expect")]:
    counter = counters["largest hole" if key == "largest" else key]
    assert counter[max(ts for ts in counter if ts <= step)] == number, (step, key)
print(f"{len(seen_steps)} steps, {len(waits)} waits")
