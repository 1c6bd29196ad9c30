#!/usr/bin/env python3
"""Sums up meson's test logs: summary.py TESTLOG.json...

A test that printed TAP, or the report of Python's unittest, counts by its cases,
any other as one. The last line is "N passed, N failed"; the exit status is 0
only where something passed and nothing failed.
"""

import json
import re
import sys

CASE = re.compile(r"^(not ok|ok)\b[ \d]*-?\s*(.*)$", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
UNITTEST_BAD = re.compile(r"^(?:FAIL|ERROR): (.*)$", re.MULTILINE)
UNITTEST_SKIPPED = re.compile(r"\bskipped=(\d+)")
GOOD = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}


def read(path):
    with open(path, encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.strip()]


def count(record):
    """(passed, failed, skipped, names of failed cases) of one test program."""
    result, name = record["result"], record["name"]
    if result in SKIPPED:
        return 0, 0, 1, []
    passed = skipped = 0
    failed = []
    for verdict, title in CASE.findall(record.get("stdout") or ""):
        if re.search(r"# *SKIP", title, re.IGNORECASE):  # cmocka says "not ok" of them too
            skipped += 1
        elif verdict == "not ok":
            failed.append(f"{name}: {title}")
        else:
            passed += 1
    report = record.get("stderr") or ""
    ran = UNITTEST.search(report)
    if ran:
        bad = UNITTEST_BAD.findall(report)
        left_out = sum(int(n) for n in UNITTEST_SKIPPED.findall(report))
        failed += [f"{name}: {title}" for title in bad]
        skipped += left_out
        passed += max(0, int(ran.group(1)) - len(bad) - left_out)
    # A crash or a time-out leaves cases without a verdict: the program failed too.
    if result not in GOOD and not failed:
        failed.append(f"{name}: {result.lower()}")
    if not failed and passed + skipped == 0:
        passed = 1
    return passed, len(failed), skipped, failed


def main():
    passed = failed = skipped = 0
    for path in sys.argv[1:]:
        try:
            records = read(path)
        except (OSError, ValueError) as error:
            print(f"FAILED {path}: {error}")
            failed += 1
            continue
        for record in records:
            p, f, s, names = count(record)
            passed, failed, skipped = passed + p, failed + f, skipped + s
            for name in names:
                print(f"FAILED {name} ({path})")
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
