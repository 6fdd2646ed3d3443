#!/usr/bin/python3
"""Reads lines of `mneme run --stats` and compares each with what is expected of its file.

Usage: check_stats.py EXPECTED < LINES      EXPECTED: {"FILE": {"key": number, …}, …}, in order
"""

import json
import sys

with open(sys.argv[1]) as file:
    expected = json.load(file)
lines = [json.loads(line) for line in sys.stdin]
assert [line["file"] for line in lines] == list(expected), [line["file"] for line in lines]
keys = set(lines[0])
for line, (name, figures) in zip(lines, expected.items()):
    assert set(line) == keys, f"{name}: other keys than in the first line"
    for key, number in figures.items():
        assert line[key] == number, f"{name}: {key} is {line[key]}, and should be {number}"
    asked = line["granted_at_once"] + line["waits"] + line["refused"]
    assert asked <= line["requests"], f"{name}: more answers than requests"
    over = line["granted_later"] + line["waiting_at_end"]
    assert over <= line["waits"], f"{name}: more waits ended than began"
