"""Adds up lit's xunit report: `PASSED SKIPPED`, then the name of each failed test on its own line.
On the standard error: what was skipped, because of what.

Fails if there is no report, or none of its tests ran.
"""

import re
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

try:
    tests = list(xml.parse(sys.argv[1]).iter("testcase"))
except (OSError, xml.ParseError) as error:
    sys.exit(f"count_tests: {error}")
failed = [test for test in tests if test.find("failure") is not None]
skipped = [test for test in tests if test.find("skipped") is not None]
print(len(tests) - len(failed) - len(skipped), len(skipped))


def why_skipped(suite, message):
    """lit's message; or, where that says no more than that tests are skipped, what is behind it."""
    if message != "Unsupported configuration":
        return message
    site = Path(sys.argv[1]).parent / suite.removeprefix("mneme-") / "lit/lit.site.cfg.py"
    lacking = re.search('^config.lacking = "(.+)"', site.read_text() if site.is_file() else "", re.M)
    return lacking[1] if lacking else "UNSUPPORTED in the test, or its folder, leaves this variant out"


groups = Counter((test.get("classname").split(".")[0], test.find("skipped").get("message"))
                 for test in skipped)
for (suite, message), count in sorted(groups.items()):
    print(f"{suite}: {count} tests unsupported, because: {why_skipped(suite, message)}",
          file=sys.stderr)
for test in failed:
    print(f"{test.get('classname')}.{test.get('name')}")
if len(tests) == len(skipped):
    sys.exit("count_tests: no test ran")
