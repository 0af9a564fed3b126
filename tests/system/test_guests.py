# SPDX-License-Identifier: MIT
"""The guest-side tests once more: on real Xen, which says whether the tests are right, and on the debug build, whose
assertions and lock-order checks say whether the hypervisor is."""

import os
import re
import subprocess
import sys

from driver import BUILD, ROOT, check, test


def run_guest_tests(*arguments):
    command = [sys.executable, "tests/guests/run.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, errors="replace",
                          stdin=subprocess.DEVNULL)  # fmt: skip
    bad = re.findall(r"^\w+: (?!SUCCESS|SKIP).*\n(?: .*\n)*", done.stdout, re.M)
    check(done.returncode == 0, "".join(bad) or done.stdout[-2000:] + done.stderr[-2000:])


@test
def guest_tests_on_real_xen():
    """What: every guest-side test passes on Debian's Xen 4.17. Why: a test that Xen fails describes another ABI.
    Method: the same image in dom0's place. Expected: no failure."""
    run_guest_tests("--xen")


@test
def guest_tests_on_debug_build():
    """What: every guest-side test passes with assertions and lock-order checks on. Why: they catch what the result does not show.
    Method: build/hv-debug/ryokan. Expected: no failure."""
    run_guest_tests("--hv", os.path.join(BUILD, "hv-debug", "ryokan"))
