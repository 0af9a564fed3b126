#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make test`: the unit tests, the guest-side tests and the system tests, TEST_JOBS (2) at a time.

usage: run.py [NAME...]

A NAME is a unit-test binary, a guest-side test or a system test; without one everything runs. One line a test, the
reason below a failure, and at the end `N passed, N failed`. The exit status is 0 when nothing failed."""

import glob
import importlib
import os
import re
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
import driver  # noqa: E402

SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
GUEST_LINE = re.compile(r"^(\w+): (SUCCESS|SKIP|ERROR|FAILURE|CRASH|TIMEOUT)$")
UNIT_TIMEOUT, GUESTS_TIMEOUT = 300, 600


class Totals:
    """Counts and prints results as they come, from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed = self.failed = self.skipped = 0

    def add(self, verdict, name, seconds, passed=0, failed=0, skipped=0, detail=""):
        with self.lock:
            self.passed, self.failed, self.skipped = (
                self.passed + passed, self.failed + failed, self.skipped + skipped)  # fmt: skip
            print(f"{verdict:4} {name} ({seconds:.1f} s)", flush=True)
            if detail:
                print("\n".join("    " + line for line in detail.splitlines()), flush=True)


def run_unit(binary, totals):
    """One Criterion binary holds many tests; its closing line gives their number."""
    start = time.monotonic()
    try:
        done = subprocess.run([binary], capture_output=True, text=True, timeout=UNIT_TIMEOUT, check=False,
                              stdin=subprocess.DEVNULL, errors="replace")  # fmt: skip
        output, status = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        output, status = f"no end after {UNIT_TIMEOUT} s", -1
    match = SYNTHESIS.search(output)
    passed = int(match[2]) if match else 0
    failed = int(match[3]) + int(match[4]) if match else 1
    if status and not failed:
        failed = 1
    name = f"unit {os.path.basename(binary)}: {passed} passed" + (f", {failed} failed" if failed else "")
    totals.add("FAIL" if failed else "ok", name, time.monotonic() - start, passed, failed, 0,
               "\n".join(output.splitlines()[-60:]) if failed else "")  # fmt: skip


def run_guests(names, totals):
    """The guest-side tests have a runner of their own, which prints `name: RESULT` and reasons below."""
    start = time.monotonic()
    command = [sys.executable, os.path.join(ROOT, "tests", "guests", "run.py"), *names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GUESTS_TIMEOUT, check=False,
                              stdin=subprocess.DEVNULL, errors="replace")  # fmt: skip
        output, status = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        output, status = f"no end after {GUESTS_TIMEOUT} s", -1
    counts, reasons, lines = {}, [], output.splitlines()
    for number, line in enumerate(lines):
        match = GUEST_LINE.match(line)
        if match:
            counts[match[2]] = counts.get(match[2], 0) + 1
            if match[2] not in ("SUCCESS", "SKIP"):
                reasons += [line]
                for reason in lines[number + 1:]:
                    if not reason.startswith(" "):
                        break
                    reasons.append(reason)
    passed, skipped = counts.get("SUCCESS", 0), counts.get("SKIP", 0)
    failed = sum(counts.values()) - passed - skipped
    if (status and not failed) or not counts:
        failed, reasons = failed + 1, reasons + lines[-20:]
    name = f"guest tests: {passed} passed, {skipped} skipped" + (f", {failed} failed" if failed else "")
    totals.add("FAIL" if failed else "ok", name, time.monotonic() - start, passed, failed, skipped, "\n".join(reasons))


def run_system(name, totals):
    start = time.monotonic()
    try:
        driver.tests[name]()
    except driver.Skip as reason:
        totals.add("skip", name, time.monotonic() - start, skipped=1, detail=str(reason))
    except driver.Failure as reason:
        totals.add("FAIL", name, time.monotonic() - start, failed=1, detail=str(reason))
    except Exception:  # pylint: disable=broad-except
        totals.add("FAIL", name, time.monotonic() - start, failed=1, detail=traceback.format_exc())
    else:
        totals.add("ok", name, time.monotonic() - start, passed=1)


def collect(names):
    """The jobs, as functions of the totals: everything, or what the names choose."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "system", "test_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    units = [path for path in sorted(glob.glob(os.path.join(driver.BUILD, "unit", "*"))) if os.path.isfile(path)
             and os.path.exists(os.path.join(ROOT, "tests", "unit", f"test_{os.path.basename(path)}.c"))]  # fmt: skip
    guests = [os.path.basename(os.path.dirname(path)) for path in glob.glob(os.path.join(ROOT, "tests/guests/*/main.c"))]
    chosen_guests = [name for name in names if name in guests]
    jobs = [lambda totals, name=name: run_system(name, totals) for name in driver.tests if not names or name in names]
    if (guests and not names) or chosen_guests:
        jobs.insert(0, lambda totals: run_guests(chosen_guests, totals))
    jobs += [lambda totals, path=path: run_unit(path, totals) for path in units
             if not names or os.path.basename(path) in names]  # fmt: skip
    known = set(guests) | set(driver.tests) | {os.path.basename(path) for path in units}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no such test: {' '.join(unknown)}\nknown: {' '.join(sorted(known))}")
    return jobs


def main():
    jobs = collect(sys.argv[1:])
    totals = Totals()
    start = time.monotonic()
    with ThreadPoolExecutor(int(os.environ.get("TEST_JOBS", "2"))) as pool:
        list(pool.map(lambda job: job(totals), jobs))
    print(f"{len(jobs)} jobs, {totals.skipped} skipped, {time.monotonic() - start:.0f} s")
    print(f"{totals.passed} passed, {totals.failed} failed")
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
