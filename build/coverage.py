#!/usr/bin/env python3
"""Prints line and branch coverage by module from Cobertura reports, and fails if a module is below its minimum."""
import os
import re
import sys
import xml.etree.ElementTree as tree
from collections import defaultdict

# Minimum branch coverage of the modules that control access.
FLOOR = 0.9
MODULES_WITH_FLOOR = {"OneTimeCodes", "Sessions", "Limits", "SignIn", "Jwt"}

lines = defaultdict(dict)
for report in filter(os.path.exists, sys.argv[1:]):
    for cls in tree.parse(report).getroot().iter("class"):
        # Paths are relative to the project or contain its name. Generated code in obj and files outside of a module are
        # excluded.
        match = re.match(r"(?:.*\bOtpPortal/)?(?!obj/)(\w+)/", cls.get("filename"))
        if not match:
            continue
        module = match.group(1)
        for line in cls.iterfind("lines/line"):
            place = (cls.get("filename"), int(line.get("number")))
            covered, total = 0, 0
            if counts := re.search(r"\((\d+)/(\d+)\)", line.get("condition-coverage") or ""):
                covered, total = int(counts[1]), int(counts[2])
            # Partial classes and lambdas report a line more than once.
            hits, best, _ = lines[module].get(place, (0, 0, 0))
            lines[module][place] = (hits + int(line.get("hits")), max(best, covered), total)

failed = False
print(f"{'module':<14}{'lines':>8}{'branches':>10}")
for module in sorted(lines):
    places = lines[module].values()
    branches = sum(total for _, _, total in places)
    share = sum(covered for _, covered, _ in places) / branches if branches else 1
    below = module in MODULES_WITH_FLOOR and share < FLOOR
    failed |= below
    print(f"{module:<14}{sum(hits > 0 for hits, _, _ in places) / len(places):>8.1%}{share:>10.1%}"
          + (f"  below the floor of {FLOOR:.0%}" if below else ""))
if not lines:
    print("There is no coverage report.")
sys.exit(failed or not lines)
