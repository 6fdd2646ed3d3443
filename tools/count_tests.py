"""Adds up lit's xunit report: `PASSED SKIPPED`, then the name of each failed test on its own line.
On the standard error: what was skipped, because of what.

Fails if there is no report, or none of its tests ran.
"""

import sys
import xml.etree.ElementTree as xml
from collections import Counter

try:
    tests = list(xml.parse(sys.argv[1]).iter("testcase"))
except (OSError, xml.ParseError) as error:
    sys.exit(f"count_tests: {error}")
failed = [test for test in tests if test.find("failure") is not None]
skipped = [test for test in tests if test.find("skipped") is not None]
print(len(tests) - len(failed) - len(skipped), len(skipped))
reasons = Counter((test.get("classname").split(".")[0], test.find("skipped").get("message"))
                  for test in skipped)
for (suite, reason), count in sorted(reasons.items()):
    print(f"{suite}: {count} tests unsupported, because: {reason}", file=sys.stderr)
for test in failed:
    print(f"{test.get('classname')}.{test.get('name')}")
if len(tests) == len(skipped):
    sys.exit("count_tests: no test ran")
