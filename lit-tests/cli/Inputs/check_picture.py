#!/usr/bin/python3
"""Checks a picture by `mneme draw`: it is well-formed, has no script and nothing from outside, and no label
covers another, leaves the picture, or crosses the edge of a block or a bar. Prints the labels and the tips.

Usage: check_picture.py PICTURE.svg
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

NAMESPACE = "{http://www.w3.org/2000/svg}"
root = ElementTree.parse(sys.argv[1]).getroot()
assert root.tag == f"{NAMESPACE}svg", root.tag
width, height = float(root.get("width")), float(root.get("height"))
boxes, bars = [], []
for element in root.iter():
    assert not element.tag.endswith("script"), "a script"
    for key, value in element.attrib.items():
        assert not key.lower().startswith("on") and "href" not in key, key
        assert "url(" not in value or value.startswith("url(#"), value
    if element.tag == f"{NAMESPACE}title":
        print("tip:", element.text)
    if element.tag == f"{NAMESPACE}rect" and element.find(f"{NAMESPACE}title") is not None:
        x, y, wide, high = (float(element.get(key)) for key in ("x", "y", "width", "height"))
        bars.append((x, y, x + wide, y + high))
    if element.tag != f"{NAMESPACE}text":
        continue
    print("label:", element.text)
    size = float(element.get("font-size"))
    length = 0.602 * size * len(element.text)
    before = length * {"middle": 0.5, "end": 1}.get(element.get("text-anchor"), 0)
    place = re.match(r"translate\((\S+) (\S+)\) rotate\(-90\)", element.get("transform", ""))
    if place:  # it reads upwards
        x, y = float(place[1]), float(place[2])
        box = (x - 0.75 * size, y + before - length, x, y + before)
    else:
        x, y = float(element.get("x")), float(element.get("y"))
        box = (x - before, y - 0.75 * size, x - before + length, y)
    assert box[0] > -1 and box[1] > -1 and box[2] < width + 1 and box[3] < height + 1, f"outside: {element.text}"
    for other, text in boxes:
        apart = box[0] >= other[2] or other[0] >= box[2] or box[1] >= other[3] or other[1] >= box[3]
        assert apart, f"{element.text!r} covers {text!r}"
    boxes.append((box, element.text))

for box, text in boxes:
    for bar in bars:
        apart = box[0] >= bar[2] or bar[0] >= box[2] or box[1] >= bar[3] or bar[1] >= box[3]
        inside = bar[0] - 1 < box[0] and box[2] < bar[2] + 1 and bar[1] - 1 < box[1] and box[3] < bar[3] + 1
        assert apart or inside, f"{text!r} crosses an edge"
