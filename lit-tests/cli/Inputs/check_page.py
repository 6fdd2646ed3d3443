#!/usr/bin/python3
"""Reads a page by `mneme draw --html` as a browser would: its elements, its data, its lines. Prints these.

Usage: check_page.py PAGE.html
"""

import json
import sys
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Its scripts, and the texts of the elements in the transcript."""
    def __init__(self):
        super().__init__()
        self.open, self.scripts, self.lines, self.in_transcript = [], [], [], False

    def handle_starttag(self, tag, attrs):
        for key, value in attrs:
            assert key not in ("src", "href", "srcset") and not key.startswith("on"), (tag, key, value)
        if tag in ("meta", "rect", "line", "path"):
            return
        self.open.append(tag)
        self.in_transcript |= ("id", "transcript") in attrs
        if tag == "script":
            self.scripts.append("")
        if tag == "div" and self.in_transcript:
            self.lines.append("")

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in ("rect", "line", "path"):
            assert self.open.pop() == tag, f"</{tag}> ends another element"

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.in_transcript and self.open and self.open[-1] == "div":
            self.lines[-1] += data


page = Page()
page.feed(Path(sys.argv[1]).read_text())
page.close()
assert not page.open, f"not ended: {page.open}"
assert len(page.scripts) == 2, "one script, and its data"
assert "<" not in page.scripts[0], "data that might end its element"
data = json.loads(page.scripts[0])
lines = [line.rstrip("\n") for line in page.lines[1:]]  # the first is around them
assert len(data["texts"]) == len(data["heap"]) == data["steps"]
assert len(data["firstLine"]) == data["steps"] + 1
for step in range(1, data["steps"] + 1):
    for line in lines[data["firstLine"][step - 1]:data["firstLine"][step]]:
        print(f"line {step}: {line}")
for number, asked, offset, size, begin, end, _ in data["blocks"]:
    print(f"block {data['names'][number]}: {asked} asked, {size} at {offset}, steps {begin} to {end or 'the end'}")
for number, _, _, begin, end, _ in data["waits"]:
    print(f"wait {data['names'][number]}: steps {begin} to {end or 'the end'}")
